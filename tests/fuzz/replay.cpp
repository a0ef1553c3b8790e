// Runs each fuzz target on every file of its corpus, then on a number of changed copies, the same each time.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#if defined(__SANITIZE_ADDRESS__) || defined(__clang__)
#include <sanitizer/common_interface_defs.h>
#endif

#include <doctest/doctest.h>

#include <headcount/core/text.hpp>
#include <support/numbers.hpp>

#include "target.hpp"

namespace {

using target_function = int (*)(std::uint8_t const*, std::size_t);

std::string input;  // what runs, for the report of a finding

void report() { std::fprintf(stderr, "input: %s\n", headcount::on_one_line(input).c_str()); }

void run(target_function target) {
  // A copy of exactly its size, so that reading past the end is seen.
  std::vector<std::uint8_t> const bytes(input.begin(), input.end());
  target(bytes.data(), bytes.size());
}

std::vector<std::string> read_corpus(std::filesystem::path const& folder) {
  std::vector<std::filesystem::path> paths;
  for (auto const& entry : std::filesystem::directory_iterator{folder}) paths.push_back(entry.path());
  std::ranges::sort(paths);  // folders list their files in any order
  std::vector<std::string> corpus{""};
  for (auto const& path : paths) {
    std::ifstream file{path, std::ios::binary};
    corpus.emplace_back(std::istreambuf_iterator<char>{file}, std::istreambuf_iterator<char>{});
  }
  return corpus;
}

class changes {
 public:
  explicit changes(std::vector<std::string> const& corpus) : corpus_{corpus} {}

  /// One of the corpus with a few changes.
  std::string next() {
    auto text = any();
    for (auto left = 1 + random_.below(4); left > 0; --left) change(text);
    return text;
  }

 private:
  std::string const& any() { return corpus_[random_.below(corpus_.size())]; }
  std::size_t place(std::string const& text) { return random_.below(text.size() + 1); }
  std::string piece(std::string const& text) {
    auto const begin = place(text);
    return text.substr(begin, random_.below(std::min<std::size_t>(text.size() - begin, 64) + 1));
  }

  void change(std::string& text) {
    switch (random_.below(8)) {
      case 0:  // flip a bit
        if (!text.empty()) text[random_.below(text.size())] ^= static_cast<char>(1 << random_.below(8));
        break;
      case 1:  // any byte
        text.insert(place(text), 1, static_cast<char>(random_.below(256)));
        break;
      case 2:  // truncate
        text.resize(place(text));
        break;
      case 3:  // take a piece out
        text.erase(place(text), random_.below(16));
        break;
      case 4:  // say a piece twice
        text.insert(place(text), piece(text));
        break;
      case 5:  // put a piece of another in
        text.insert(place(text), piece(any()));
        break;
      case 6: {  // go on as another
        auto const& other = any();
        text.replace(place(text), text.npos, other.substr(place(other)));
        break;
      }
      default:
        replace_number(text);
    }
  }

  /// Puts an extreme, or something that is no number, in a number's place.
  void replace_number(std::string& text) {
    constexpr char const* values[] = {"0",
                                      "1",
                                      "-1",
                                      "2147483648",
                                      "4294967296",
                                      "9223372036854775808",
                                      "18446744073709551615",
                                      "18446744073709551616",
                                      "1e999",
                                      "-1e-999",
                                      "1e308",
                                      "0.5",
                                      "16777216",
                                      "[]",
                                      "{}",
                                      "null",
                                      "true",
                                      "\"\""};
    constexpr char const* digits = "0123456789";
    auto begin = text.find_first_of(digits, place(text));
    if (begin == text.npos) begin = text.find_first_of(digits);
    if (begin == text.npos) return;
    auto const end = std::min(text.find_first_not_of(digits, begin), text.size());
    text.replace(begin, end - begin, values[random_.below(std::size(values))]);
  }

  std::vector<std::string> const& corpus_;
  support::numbers random_{1};
};

void replay(target_function target, std::filesystem::path const& folder, std::size_t runs) {
#if defined(__SANITIZE_ADDRESS__) || defined(__clang__)
  __sanitizer_set_death_callback(report);
#endif
  try {
    auto const corpus = read_corpus(folder);
    REQUIRE(corpus.size() > 1);
    for (auto const& one : corpus) input = one, run(target);
    changes changed{corpus};
    for (; runs > 0; --runs) input = changed.next(), run(target);
  } catch (std::exception const&) {
    report();
    throw;
  }
}

}  // namespace

// targets.inc names each target, and how many changed copies it is given.
#define TARGET(name, runs)                                                \
  extern "C" int fuzz_##name(std::uint8_t const* data, std::size_t size); \
  TEST_CASE(#name) { replay(fuzz_##name, HEADCOUNT_CORPUS "/" #name, runs); }
#include "targets.inc"
