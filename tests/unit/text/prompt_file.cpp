// text/prompt_file.hpp: token ids as they are, texts by a tokenizer, and one line for what is neither.

#include <headcount/text/prompt_file.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/core/token.hpp>

#include <unit/reference/support/files.hpp>

namespace {

using namespace headcount;
using reference::prompt_reader;
using reference::read_text;
using reference::text_place;

/// A token a letter, from a = 1; 0 begins a text.
struct letter_tokenizer {
  std::vector<token> encode(std::string_view text) const {
    std::vector<token> tokens;
    for (char const letter : text) tokens.push_back(letter - 'a' + 1);
    return tokens;
  }
  std::string decode(std::span<token const> tokens) const {
    std::string text;
    for (auto const one : tokens) text += static_cast<char>('a' + one - 1);
    return text;
  }
  std::optional<token> bos() const { return 0; }
};

std::string failure(nlohmann::json const& text, prompt_reader const& reader) {
  return test::message_of([&] { (void)read_text(text, reader, "the prompt"); });
}

TEST_CASE("prompt_file: ids are taken as they are, a text that begins gets BOS, and one that goes on does not") {
  prompt_reader const reader{.model = "m", .vocabulary = 27, .tokenizer = evaluate::any_tokenizer{letter_tokenizer{}}};
  CHECK(read_text({3, 26, 0}, reader, "p") == std::vector<token>{3, 26, 0});
  CHECK(read_text("abz", reader, "p") == std::vector<token>{0, 1, 2, 26});
  CHECK(read_text("abz", reader, "p", text_place::continuation) == std::vector<token>{1, 2, 26});
}

TEST_CASE("prompt_file: what no model can read is said in one line") {
  prompt_reader const reader{.model = "m", .vocabulary = 20, .tokenizer = evaluate::any_tokenizer{letter_tokenizer{}}};
  CHECK(failure({3, 20}, reader) == "the prompt[1]: 20 is no token id of this model (allowed: 0 to 19)");
  CHECK(failure({-1}, reader) == "the prompt[0]: -1 is no token id of this model (allowed: 0 to 19)");
  CHECK(failure({1.5}, reader) == "the prompt[0]: 1.5 is no token id of this model (allowed: 0 to 19)");
  CHECK(failure(nlohmann::json::array(), reader) == "the prompt: it has no token (allowed: one token id or more)");
  CHECK(failure(7, reader) == "the prompt: 7 is no text (allowed: a list of token ids, or a text)");
  CHECK(failure("abz", reader) == "the prompt[3]: token id 26 is not in the vocabulary (allowed: 0 to 19)");
  CHECK(failure("ab", {.model = "m", .vocabulary = 20}) ==
        "the prompt: it is text, and m has no tokenizer.model or tokenizer.json (allowed: lists of token ids)");
}

}  // namespace
