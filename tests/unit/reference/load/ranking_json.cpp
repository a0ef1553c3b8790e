// load/ranking_json.hpp and sentence_files.hpp: rankings as files.

#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/core/ranking.hpp>
#include <headcount/policy/sentence.hpp>
#include <headcount/reference/load/ranking_json.hpp>
#include <headcount/reference/load/sentence_files.hpp>
#include <unit/reference/support/files.hpp>

using namespace headcount;
using test::contains;

namespace {

std::string refusal(std::string const& text) {
  return test::message_of([&] { (void)reference::parse_ranking("R.json", nlohmann::json::parse(text)); });
}

}  // namespace

TEST_CASE("ranking files: what was written reads back as the same ranking, to the last bit") {
  test::temporary_folder const at;
  ranking const made{.scores = {{}, {0.1, -2.5e-17, 3}, {}, {1.0 / 3, 1e300, 0}},
                     .source = {.method = "mean(entropy)",
                                .model = "tiny",
                                .fingerprint = "0af",
                                .data = "needles",
                                .seed = 18446744073709551615u,
                                .version = "0.1.0"}};
  auto const path = at.path() / "a b.json";
  reference::write_ranking(path, made);
  CHECK(reference::read_ranking(path) == made);
  CHECK(at.names() == std::vector<std::string>{"a b.json"});

  auto const policy =
      parse_policy("fixed(\"" + path.string() + "\") | top_k(1) @ generation", reference::sentence_files{});
  CHECK(policy.score({.layer = 3, .heads = 3}, 0) == 1.0 / 3);
  CHECK(policy.score({.layer = 1, .heads = 3}, 1) == -2.5e-17);
}

TEST_CASE("ranking files: scores alone are enough") {
  auto const read = reference::parse_ranking("R.json", nlohmann::json::parse(R"({"scores": [[], [1, 2.5]]})"));
  CHECK(read == ranking{.scores = {{}, {1, 2.5}}});
  CHECK(read.heads() == 2);
}

TEST_CASE("ranking files: what is no ranking is refused where it breaks") {
  CHECK(contains(refusal("[]"), "R.json: it is no JSON object"));
  CHECK(contains(refusal("{}"), "R.json: it has no list \"scores\""));
  CHECK(contains(refusal(R"({"scores": 3})"), "R.json: it has no list \"scores\""));
  CHECK(contains(refusal(R"({"scores": [[], []]})"), "R.json: it ranks no head"));
  CHECK(contains(refusal(R"({"scores": [[], 3]})"), "R.json, scores[1]: 3 is no list"));
  CHECK(contains(refusal(R"({"scores": [[], [1, null]]})"), "R.json, scores[1][1]: null is no score"));
  CHECK(contains(refusal(R"({"scores": [["1"]]})"), R"(R.json, scores[0][0]: "1" is no score)"));
  CHECK(contains(refusal(R"({"scores": [[1]], "seed": -1})"), "seed = -1"));
  CHECK(contains(refusal(R"({"scores": [[1]], "method": 3})"), "method = 3"));
  nlohmann::json many{{"scores", {std::vector<double>(257, 1.0)}}};
  CHECK(contains(refusal(many.dump()), "257 heads (allowed: at most 256)"));
  CHECK(contains(
      test::message_of([] { (void)parse_policy("fixed(none-such.json) | top_k(1)", reference::sentence_files{}); }),
      "column 7: none-such.json"));
}
