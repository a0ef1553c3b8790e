// load/predictor_json.hpp: predictors as files.

#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/policy/decide.hpp>
#include <headcount/policy_file/predictor_json.hpp>
#include <headcount/policy_file/sentence_files.hpp>
#include <headcount/score/head_predictor.hpp>
#include <headcount/sentence/parse.hpp>
#include <unit/reference/support/files.hpp>

using namespace headcount;
using test::contains;

namespace {

std::string refusal(std::string_view text) {
  return test::message_of([&] { (void)reference::parse_predictor("P.json", nlohmann::json::parse(text)); });
}

score::head_predictor some_predictor() {
  return {{{.layer = 2, .maps = {{.inputs = 3, .weight = {0.1f, 1e-30f, -7, 2, 0, 1.0f / 3}, .bias = {0, -0.5f}}}},
           {.layer = 5,
            .maps = {{.inputs = 3, .weight = {1, 2, 3}, .bias = {4}}, {.inputs = 1, .weight = {5, 6}, .bias = {7, 8}}},
            .relu = true}}};
}

}  // namespace

TEST_CASE("predictor_json: what was written reads back as the same maps, to the last bit") {
  test::temporary_folder const at;
  auto const made = some_predictor();
  auto const path = at.path() / "p.json";
  reference::write_predictor(path, made);
  auto const read = reference::read_predictor(path);
  REQUIRE(read.layers.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(read.layers[i].layer == made.layers[i].layer);
    CHECK(read.layers[i].relu == made.layers[i].relu);
    REQUIRE(read.layers[i].maps.size() == made.layers[i].maps.size());
    for (std::size_t map = 0; map < made.layers[i].maps.size(); ++map) {
      CHECK(read.layers[i].maps[map].inputs == made.layers[i].maps[map].inputs);
      CHECK(read.layers[i].maps[map].weight == made.layers[i].maps[map].weight);
      CHECK(read.layers[i].maps[map].bias == made.layers[i].maps[map].bias);
    }
  }
}

TEST_CASE("sentence_files: a sentence that names one scores by it") {
  test::temporary_folder const at;
  auto const path = at.path() / "p.json";
  reference::write_predictor(path, some_predictor());
  auto const policy = parse_policy("predictor(\"" + path.string() + "\") | top_k(1)", reference::sentence_files{});
  CHECK(policy.reads() == reading::input);
  std::vector<float> const input{1, 0, -1};
  head_scores scores{};
  CHECK(score_site(policy.score, {.layer = 5, .heads = 2}, attention_tensors{.input = {input}}, scores)[1] ==
        6 * 2 + 8);
}

TEST_CASE("predictor_json: what is no predictor is refused where it breaks") {
  auto const layer = [](std::string const& maps) { return R"({"layers": [{"layer": 2, "maps": )" + maps + "}]}"; };
  CHECK(contains(refusal("[]"), "P.json: it has no list \"layers\""));
  CHECK(contains(refusal(R"({"layers": []})"), "P.json: it has no list \"layers\""));
  CHECK(contains(refusal(R"({"layers": [3]})"), "P.json, layers[0]: it is no JSON object"));
  CHECK(contains(refusal(R"({"layers": [{"maps": []}]})"), "P.json, layers[0]: the key layer is missing"));
  CHECK(contains(refusal(R"({"layers": [{"layer": 2}]})"), "a list of one or two maps"));
  CHECK(contains(refusal(layer("[]")), "a list of one or two maps"));
  CHECK(contains(refusal(layer("[3]")), "P.json, layers[0], maps[0]: 3 is no map"));
  CHECK(contains(refusal(layer(R"([{"weight": [[1]], "bias": []}])")), "maps[0], bias: [] is no list"));
  CHECK(contains(refusal(layer(R"([{"weight": [[1]], "bias": [1, 2]}])")), "1 rows, its bias 2 numbers"));
  CHECK(contains(refusal(layer(R"([{"weight": [[1], [1, 2]], "bias": [1, 2]}])")), "weight[1] has 2 numbers"));
  CHECK(contains(refusal(layer(R"([{"weight": [[null]], "bias": [1]}])")), "weight[0]: null is no number"));
  CHECK(contains(refusal(layer(R"([{"weight": [[1e99]], "bias": [1]}])")), "1e+99 is no number"));
  CHECK(contains(refusal(layer(R"([{"weight": [[1]], "bias": [1]}, {"weight": [[1, 2]], "bias": [1]}])")),
                 "maps[0] has 1 outputs, maps[1] 2 inputs"));
  CHECK(contains(refusal(R"({"layers": [{"layer": 2, "maps": [{"weight": [[1]], "bias": [1]}]},
                                        {"layer": 2, "maps": [{"weight": [[1]], "bias": [1]}]}]})"),
                 "P.json, layers[1]: layer 2 is there twice"));
  CHECK(contains(
      test::message_of([] { (void)parse_policy("predictor(none-such.json) | top_k(1)", reference::sentence_files{}); }),
      "column 11: none-such.json"));
}
