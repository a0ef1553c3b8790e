// load/ranking_json.hpp, published_rankings.hpp and sentence_files.hpp: rankings as files.

#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/core/ranking.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy_file/published_rankings.hpp>
#include <headcount/policy_file/ranking_json.hpp>
#include <headcount/policy_file/sentence_files.hpp>
#include <headcount/sentence/parse.hpp>
#include <unit/reference/support/files.hpp>

using namespace headcount;
using test::contains;

namespace {

std::string refusal(std::string const& text) {
  return test::message_of([&] { (void)reference::parse_ranking("R.json", nlohmann::json::parse(text)); });
}

}  // namespace

TEST_CASE("ranking_json: what was written reads back as the same ranking, to the last bit") {
  test::temporary_folder const at;
  ranking const made{.scores = {{}, {0.1, -2.5e-17, 3}, {}, {1.0 / 3, 1e300, 0}},
                     .source = {.method = "mean(entropy)",
                                .model = "tiny",
                                .model_identity = "0af",
                                .data = "needles",
                                .seed = 18446744073709551615u,
                                .version = "0.1.0"}};
  auto const path = at.path() / "a b.json";
  reference::write_ranking(path, made);
  CHECK(reference::read_ranking(path) == made);
  CHECK(at.names() == std::vector<std::string>{"a b.json"});

  auto const policy =
      parse_policy("fixed(\"" + path.string() + "\") | top_k(1) @ generation", reference::sentence_files{});
  head_scores scores{};
  CHECK(score_site(policy.score, {.layer = 3, .heads = 3}, no_evidence{}, scores)[0] == 1.0 / 3);
  CHECK(score_site(policy.score, {.layer = 1, .heads = 3}, no_evidence{}, scores)[1] == -2.5e-17);
}

TEST_CASE("ranking_json: scores alone are enough") {
  auto const read = reference::parse_ranking("R.json", nlohmann::json::parse(R"({"scores": [[], [1, 2.5]]})"));
  CHECK(read == ranking{.scores = {{}, {1, 2.5}}});
  CHECK(read.heads() == 2);
}

TEST_CASE("ranking_json: what is no ranking is refused where it breaks") {
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

namespace {

/// Layers 1 and 3 of four attend, with four heads of two key/value heads.
reference::ranked_heads const four_of_two{.heads = {0, 4, 0, 4}, .group = 2};
using scores = std::vector<std::vector<double>>;

}  // namespace

TEST_CASE("published_rankings: the files of four projects are read as they publish them") {
  test::temporary_folder const at;
  CHECK(reference::read_retrieval_head(at.write("a.json", R"({"1-0": [0.5, 1.0], "1-3": [], "3-2": [0.25]})"),
                                       four_of_two) == scores{{}, {0.75, 0, 0, 0}, {}, {0, 0, 0.25, 0}});
  CHECK(reference::read_duo_attention(at.write("a.tsv", "0.5\t1.0e-1\n-0.002\t1.25\n"), four_of_two) ==
        scores{{}, {0.5, 0.5, 0.1, 0.1}, {}, {0, 0, 1, 1}});
  CHECK(reference::read_duo_attention(at.write("b.tsv", "0.5\t1\r\n0\t0.25"), four_of_two) ==
        scores{{}, {0.5, 0.5, 1, 1}, {}, {0, 0, 0.25, 0.25}});
  CHECK(reference::read_qr_head(at.write("a.txt", "3-1, 1-2,3-0\n"), four_of_two) ==
        scores{{}, {0, 0, 2, 0}, {}, {1, 3, 0, 0}});
  CHECK(reference::read_minference(
            at.write("b.json",
                     R"([{"0": ["vertical_and_slash", 1000, 6096, 0.9]}, {"3": ["stream_llm", 100, 800, 0.5]}])"),
            four_of_two) == scores{{}, {0.9, 0, 0, 0}, {}, {0, 0, 0, 0.5}});
}

TEST_CASE("published_rankings: what is written reads back, as far as a format can say it") {
  test::temporary_folder const at;
  ranking const of{.scores = {{}, {0.75, 0.1, 0.25, -2}, {}, {0.5, 1.5, 0.125, 0.25}}, .source = {}};
  CHECK(reference::read_retrieval_head(at.write("a", reference::write_retrieval_head(of)), four_of_two) == of.scores);
  CHECK(reference::read_minference(at.write("b", reference::write_minference(of)), four_of_two) == of.scores);
  CHECK(reference::write_duo_attention(of, 2) == "0.75\t0.25\n1.0\t0.25\n");
  CHECK(reference::read_duo_attention(at.write("c", reference::write_duo_attention(of, 2)), four_of_two) ==
        scores{{}, {0.75, 0.75, 0.25, 0.25}, {}, {1, 1, 0.25, 0.25}});
  CHECK(reference::write_qr_head(of) == "3-1,1-0,3-0,1-2,3-3,3-2,1-1,1-3\n");
  CHECK(reference::read_qr_head(at.write("d", reference::write_qr_head(of)), four_of_two) ==
        scores{{}, {7, 2, 5, 1}, {}, {6, 8, 3, 4}});
}

TEST_CASE("published_rankings: what does not fit the model or the form is named") {
  test::temporary_folder const at;
  auto const says = [&](auto const& read, std::string const& text, std::string const& part) {
    auto const path = at.write("file", text);
    auto const message = test::message_of([&] { (void)read(path, four_of_two); });
    CHECK_MESSAGE(contains(message, path.string()), message);
    CHECK_MESSAGE(contains(message, part), message);
  };
  auto const retrieval = [](auto const&... of) { return reference::read_retrieval_head(of...); };
  says(retrieval, "{}", "it lists no heads");
  says(retrieval, R"({"2-0": [1]})", "the model has no head 0 in layer 2 (allowed: LAYER-HEAD");
  says(retrieval, R"({"1-4": [1]})", "the model has no head 4 in layer 1");
  says(retrieval, R"({"1": [1]})", "\"1\" is no head");
  says(retrieval, R"({"1-0x": [1]})", "\"1-0x\" is no head");
  says(retrieval, R"({"1-0": 1})", "1 is no list");
  says(retrieval, R"({"1-0": ["a"]})", "\"a\" is no score");
  auto const duo = [](auto const&... of) { return reference::read_duo_attention(of...); };
  says(duo, "0\t1\n", "it has 1 lines, the model 2 layers");
  says(duo, "0\t1\n0\t1\n0\t1\n", "line 3: the model has 2 layers");
  says(duo, "0\t1\n0\n", "line 2: it has 1 gates, the layer 2 key/value heads");
  says(duo, "0\t1\t2\n0\t1\n", "line 1: it has 3 gates");
  says(duo, "0\tx\n0\t1\n", "\"x\" is no gate");
  says(duo, "0\tnan\n0\t1\n", "\"nan\" is no gate");
  auto const qr = [](auto const&... of) { return reference::read_qr_head(of...); };
  says(qr, "", "\"\" is no head");
  says(qr, "1-0,1-0", "head \"1-0\" is there twice");
  says(qr, "1-0,", "\"\" is no head");
  auto const minference = [](auto const&... of) { return reference::read_minference(of...); };
  says(minference, "[{}]", "it is no list of 2 layers");
  says(minference, "[{}, []]", "[1]: [] is no object of heads");
  says(minference, R"([{"0": [1, 2, 3, 4]}, {}])", "[1,2,3,4] is no pattern");
  says(minference, R"([{"4": ["a", 2, 3, 4]}, {}])", "the model has no head 4 in layer 1");
  says(minference, R"([{"0": ["a", 2, 3, null]}, {}])", "null is no score");
}
