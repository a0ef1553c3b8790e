#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/run.hpp"

using namespace test;
using nlohmann::json;

namespace {

outcome train(std::string const& model, std::string const& policy, std::string const& more) {
  return run("train-predictor --model " + model + " --policy " + quoted(policy) + " " + more);
}

}  // namespace

TEST_CASE("train-predictor: learns every attention layer, says how well, and its file stands in sentences") {
  scratch const at;
  auto const file = at.path("P.json").string();
  auto const prompts = at.write("prompts.json", R"({"prompts": [[2, 10, 11, 12, 13, 14, 15, 20]]})");
  for (auto const& model : {gemma, jamba}) {
    CAPTURE(model);
    auto const result = train(model, "entropy | top_k(3) @ generation", "--seed 5 --output " + file);
    REQUIRE(result.code == 0);
    CHECK(result.out.find("layer 2: of the heads kept at ") == 0);
    auto const written = json::parse(read(file));
    CHECK(written["policy"] == "entropy | top_k(3) @ generation");
    CHECK(written["model_identity"].get<std::string>().size() == 32);
    CHECK(written["policy_identity"].get<std::string>().size() == 32);
    CHECK(written["data_identity"].get<std::string>().size() == 32);
    CHECK(written["texts"] == 32);
    CHECK(written["held_out_texts"] == 8);
    CHECK(written["seed"] == 5);
    std::size_t const heads = model == gemma ? 10 : 16;
    REQUIRE(written["layers"].size() == 2);
    REQUIRE(written["recall"].size() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(written["layers"][i]["layer"] == (i == 0 ? 2 : model == gemma ? 5 : 6));
      CHECK(written["layers"][i]["maps"][0]["bias"].size() == heads);
      auto const& recall = written["recall"][i];
      CHECK(recall["tokens"] == 8 * 11);
      CHECK(recall["random"] == doctest::Approx(3.0 / static_cast<double>(heads)));
      // Learned from 24 needles, it foretells more than the best that no token changes, which is more than chance.
      CHECK(recall["predicted"].get<double>() > recall["constant"].get<double>());
      CHECK(recall["constant"].get<double>() > recall["random"].get<double>());
      CHECK(recall["predicted"].get<double>() <= 1);
    }
    auto const said = run("generate --model " + model + " --prompts " + prompts + " --max-new-tokens 3 --policy " +
                          quoted("predictor(" + file + ") | top_k(3) @ generation"));
    CHECK(said.code == 0);
  }
  // Its recall is the total of rows, a text that nothing was learned from each, with an interval for other texts.
  auto const rows_file = at.path("r.jsonl").string();
  CHECK(train(jamba, "entropy | top_k(3) @ generation", "--seed 5 --rows " + rows_file + " --output " + file).code ==
        0);
  auto const rows = rows_of(rows_file);
  CHECK(rows.size() == 2 * 8 * 3);  // layers, texts, metrics
  auto const written = json::parse(read(file));
  for (auto const& entry : written["recall"]) {
    double sum = 0;
    std::size_t count = 0;
    for (auto const& row : rows)
      if (row["metric"] == "predicted" &&
          row["setting"].get<std::string>().ends_with("layer=" + std::to_string(entry["layer"].get<int>()))) {
        sum += row["value"].get<double>();
        ++count;
        CHECK(row["task"] == "foretold");
        CHECK_FALSE(row.contains("more"));
        CHECK(row["tokens"] == 11);
      }
    CHECK(count == 8);
    CHECK(entry["predicted"].get<double>() == doctest::Approx(sum / 8));
    CHECK(entry["ci95"]["predicted"][0] < entry["predicted"]);
    CHECK(entry["ci95"]["predicted"][1] > entry["predicted"]);
  }
  // The same again is the same file.
  auto const again = at.path("again.json").string();
  CHECK(train(jamba, "entropy | top_k(3) @ generation", "--seed 5 --output " + again).code == 0);
  CHECK(read(again) == read(file));
  // A predictor of one model does not fit the other.
  CHECK(refused(run("generate --model " + gemma + " --prompts " + prompts + " --max-new-tokens 3 --policy " +
                    quoted("predictor(" + file + ") | top_k(3) @ generation")),
                "predictor"));
}

TEST_CASE("train-predictor: bad input is refused and nothing is written") {
  scratch const at;
  auto const file = at.path("P.json").string();
  auto const text = at.write("text.txt", "the best thing to do in Lisbon is");
  CHECK(refused(train(gemma, "entropy | top_k(11)", "--prompts 2 --output " + file), "top_k"));
  CHECK(refused(train(gemma, "entropy | top_k(2) @ prefill", "--prompts 2 --output " + file), "decides nothing"));
  CHECK(refused(train(gemma, "entropy | top_k(2)", "--prompts 1 --output " + file), "two or more"));
  CHECK(refused(train(gemma, "entropy | top_k(2)", "--penalty 0 --output " + file), "--penalty"));
  CHECK(refused(train(gemma, "entropi | top_k(2)", "--output " + file), "entropi"));
  CHECK(refused(train(jamba, "entropy | top_k(2)", "--text " + text + " --output " + file), "two or more"));
  CHECK_FALSE(std::filesystem::exists(file));
}
