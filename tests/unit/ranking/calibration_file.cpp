#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/token.hpp>
#include <headcount/ranking/calibration_file.hpp>
#include <headcount/reference/checkpoint/load_snapshot.hpp>

#include <unit/reference/support/files.hpp>

using namespace headcount;
using namespace headcount::evaluate;

namespace {

reference::snapshot const& snapshot() {
  static auto const loaded = reference::load_snapshot(std::filesystem::path{HEADCOUNT_MODELS} / "tiny-jamba");
  return loaded;
}

}  // namespace

TEST_CASE("calibration_file: items are ids or texts, of which the prompt alone gets a BOS") {
  test::temporary_folder const at;
  auto const path = at.write("items.json", R"({"items": [
      {"prompt": [5, 6, 7, 8], "answer": [9, 10], "source": "1-2", "query": "3", "null_query": [4]},
      {"prompt": "the sunny day", "answer": "day"}]})");
  auto const items = read_calibration_items(path, snapshot().reader());
  REQUIRE(items.size() == 2);
  CHECK(items[0].prompt == std::vector<token>{5, 6, 7, 8});
  CHECK(items[0].answer == std::vector<token>{9, 10});
  CHECK(items[0].source == token_positions{{1, 2}});
  CHECK(items[0].query == token_positions{{3, 3}});
  CHECK(items[0].null_query == std::vector<token>{4});
  auto const& words = *snapshot().tokenizer;
  auto prompt = words.encode("the sunny day");
  REQUIRE(words.bos());
  prompt.insert(prompt.begin(), *words.bos());
  CHECK(items[1].prompt == prompt);
  CHECK(items[1].answer == words.encode("day"));
  CHECK(items[1].source.empty());
  CHECK(items[1].query.empty());
  CHECK(items[1].null_query.empty());
}

TEST_CASE("calibration_file: items that are none are named") {
  test::temporary_folder const at;
  auto const fault = [&](std::string const& json) {
    auto const path = at.write("items.json", json);
    return test::message_of([&] { (void)read_calibration_items(path, snapshot().reader()); });
  };
  CHECK(test::contains(fault(R"({"items": []})"), "it has no \"items\""));
  CHECK(test::contains(fault(R"({"items": [{"prompt": [1], "answer": [2]}, {"prompt": [1]}]})"),
                       "items[1]: it has no \"prompt\" or no \"answer\""));
  CHECK(test::contains(fault(R"({"items": [{"prompt": [1], "answer": []}]})"), "items[0], answer: it has no token"));
  CHECK(test::contains(fault(R"({"items": [{"prompt": [1, -2], "answer": [1]}]})"), "items[0], prompt[1]: -2"));
  CHECK(test::contains(fault(R"({"items": [{"prompt": [1, 999999], "answer": [1]}]})"), "prompt[1]: 999999"));
  CHECK(test::contains(fault(R"({"items": [{"prompt": [1, 2.5], "answer": [1]}]})"), "prompt[1]: 2.5"));
  CHECK(test::contains(fault(R"({"items": [{"prompt": 7, "answer": [1]}]})"), "prompt: 7 is no text"));
  CHECK(test::contains(fault(R"({"items": [{"prompt": [1], "answer": ""}]})"), "answer: it has no token"));
  CHECK(test::contains(fault(R"({"items": [{"prompt": [1, 2], "answer": [2], "source": "1-2"}]})"),
                       "source: it ends beyond the prompt (allowed: 0 to 1)"));
  CHECK(test::contains(fault(R"({"items": [{"prompt": [1, 2], "answer": [2], "query": 1}]})"),
                       "query: 1 are no positions"));
}

TEST_CASE("calibration_file: a text's pieces are its tokens, one after the other, but for a last one alone") {
  test::temporary_folder const at;
  auto const path = at.write("text.txt", "the sunny day the sunny day the sunny day");
  auto const& words = *snapshot().tokenizer;
  std::vector<token> all{*words.bos()};
  for (auto const one : words.encode("the sunny day the sunny day the sunny day")) all.push_back(one);
  REQUIRE(all.size() > 6);
  for (std::size_t const piece : {std::size_t{4}, all.size() - 1, all.size(), std::size_t{256}}) {
    CAPTURE(piece);
    auto const texts = read_calibration_text(path, snapshot().reader(), piece);
    std::vector<token> read;
    for (auto const& one : texts) {
      REQUIRE(one.prompt.size() == 1);
      CHECK(one.answer.size() + 1 <= piece);
      read.push_back(one.prompt.front());
      read.insert(read.end(), one.answer.begin(), one.answer.end());
    }
    auto const expected = all.size() % piece == 1 ? all.size() - 1 : all.size();
    CHECK(read == std::vector<token>(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(expected)));
  }
  CHECK(test::contains(
      test::message_of([&] { (void)read_calibration_text(at.write("empty.txt", ""), snapshot().reader()); }), "text"));
}
