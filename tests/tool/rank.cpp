#include <filesystem>
#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/run.hpp"

using namespace test;
using nlohmann::json;

namespace {

outcome rank(std::string const& model, std::string const& method, std::string const& more) {
  return run("rank --model " + model + " --method " + quoted(method) + " " + more);
}

}  // namespace

TEST_CASE("rank: every method ranks every head, and its file stands in sentences") {
  scratch const at;
  auto const file = at.path("R.json").string();
  auto const prompts = at.write("prompts.json", R"({"prompts": [[2, 10, 11, 12, 13, 14, 15, 20]]})");
  for (auto const& model : {gemma, jamba}) {
    CAPTURE(model);
    std::size_t const heads = model == gemma ? 10 : 16;
    for (auto const* method :
         {"mean(entropy)", "mean(random(seed=3))", "mean(contribution_norm)",
          "keep_frequency(entropy | top_k(3) @ generation)", "needle_attention", "retrieval", "retrieval_counted",
          "qr_head", "ov_copying", "ov_own_token", "ov_norm", "qk_induction", "recurrent_composition"}) {
      CAPTURE(method);
      auto const result = rank(model, method, "--prompts 2 --seed 5 --output " + file);
      REQUIRE(result.code == 0);
      CHECK(result.out.find("layer 2, best first: ") == 0);
      auto const written = json::parse(read(file));
      CHECK(written["method"] == method);
      CHECK(written["model_identity"].get<std::string>().size() == 32);
      CHECK(written["seed"] == 5);
      CHECK(written["version"].is_string());
      bool const calibrated = std::string{method}.find("ov_") != 0 && std::string{method}.find("qk_") != 0 &&
                              std::string{method} != "recurrent_composition";
      CHECK(written.contains("stability") == calibrated);
      CHECK((result.out.find("halves of its 2 texts: Kendall's tau") != std::string::npos) == calibrated);
      auto const& scores = written["scores"];
      CHECK(scores.size() == (model == gemma ? 6 : 8));
      for (std::size_t layer = 0; layer < scores.size(); ++layer)
        CHECK(scores[layer].size() == (layer == 2 || layer == (model == gemma ? 5 : 6) ? heads : 0));
    }
    auto const said = run("generate --model " + model + " --prompts " + prompts + " --max-new-tokens 3 --policy " +
                          quoted("fixed(" + file + ") | top_k(5) @ generation"));
    CHECK(said.code == 0);
  }
}

TEST_CASE("rank: importance on few needles, on items and on text") {
  scratch const at;
  auto const file = at.path("R.json").string();
  for (auto const* method : {"leave_one_out", "all_but_one"})
    for (auto const& model : {gemma, jamba}) CHECK(rank(model, method, "--prompts 2 --output " + file).code == 0);
  for (auto const* method : {"greedy", "qk_previous_token"})
    for (auto const& model : {gemma, jamba}) CHECK(rank(model, method, "--prompts 1 --output " + file).code == 0);
  auto const items =
      at.write("items.json", R"({"items": [{"prompt": [2, 10, 11, 12], "answer": [11, 12], "source": "2-3"},
                                                          {"prompt": "the best thing", "answer": "to do", "source": "1"}]})");
  CHECK(rank(jamba, "needle_attention", "--items " + items + " --output " + file).code == 0);
  CHECK(json::parse(read(file))["data"] == items);
  auto const text = at.write("text.txt", "the best thing to do in Lisbon is");
  CHECK(rank(jamba, "mean(l2)", "--text " + text + " --output " + file).code == 0);
  auto const first = read(file);
  CHECK(rank(jamba, "mean(l2)", "--text " + text + " --output " + file).code == 0);
  CHECK(read(file) == first);
  CHECK(refused(rank(jamba, "retrieval", "--text " + text + " --output " + at.path("no").string()),
                "does not say where its answer stands"));
}

TEST_CASE("rank: says how stable a ranking is, in its file too, and warns of one that is noise") {
  scratch const at;
  auto const file = at.path("R.json").string();
  auto const stable = rank(jamba, "needle_attention", "--prompts 8 --output " + file);
  REQUIRE(stable.code == 0);
  CHECK(stable.err.find("warning") == std::string::npos);
  auto const written = json::parse(read(file))["stability"];
  CHECK(written["texts"] == 8);
  CHECK(written["kendall_tau_b"].get<double>() > 0.5);
  CHECK(written["p"].get<double>() < 0.05);
  REQUIRE(written["best_k"].size() == 4);
  CHECK(written["best_k"][1]["k"] == 2);
  for (auto const& best : written["best_k"]) CHECK(best["overlap"].get<double>() <= 1);

  auto const noise = rank(jamba, "mean(random(seed=3))", "--prompts 8 --output " + file);
  CHECK(noise.code == 0);
  CHECK(noise.err.find("warning: halves of the texts") != std::string::npos);
  CHECK(json::parse(read(file))["stability"]["p"].get<double>() > 0.05);
  auto const equal = rank(jamba, "keep_frequency(dense)", "--prompts 8 --output " + file);
  CHECK(equal.code == 0);
  CHECK(equal.err.find("warning: all heads of a layer score the same") != std::string::npos);
  CHECK(json::parse(read(file))["stability"]["kendall_tau_b"].is_null());
}

TEST_CASE("rank: a head's importance by a task is what evaluate says of the model without it") {
  scratch const at;
  auto const file = at.path("R.json").string();
  auto const task = R"({"task": "facts", "prompts": 12, "seed": 3})";
  auto const by_task = " --task " + quoted(task) + " --phase all --output " + file;
  REQUIRE(rank(jamba, "leave_one_out", by_task).code == 0);
  auto const written = json::parse(read(file));
  CHECK(written["data"].get<std::string>().find("task facts") == 0);
  CHECK(written["data"].get<std::string>().find("12 prompts, acc") != std::string::npos);
  json others{{"scores", written["scores"]}};
  for (auto& layer : others["scores"])
    for (auto& score : layer) score = 1;
  others["scores"][6][15] = 0;
  auto const without = "fixed(" + at.write("without.json", others.dump()) + ") | threshold(0.5)";
  auto const said =
      json::parse(run("evaluate --model " + jamba + " --task facts --set prompts=12 --seed 3 --policy dense --policy " +
                      quoted(without) + " --json")
                      .out)["results"];
  REQUIRE(said.size() == 2);
  std::size_t const dense = said[0]["policy"] == "dense" ? 0 : 1;
  CHECK(written["scores"][6][15].get<double>() ==
        doctest::Approx(said[dense]["value"].get<double>() - said[1 - dense]["value"].get<double>()));

  CHECK(refused(rank(jamba, "retrieval", by_task), "leave_one_out, all_but_one, greedy"));
  CHECK(refused(rank(jamba, "greedy", "--task needles --output " + file), "there is no such task"));
  CHECK(refused(rank(jamba, "greedy", "--task facts --metric f1 --output " + file), "(allowed: acc)"));
  CHECK(refused(rank(jamba, "greedy", "--phase all --output " + file), "--task"));
}

TEST_CASE("rank: files of other projects are written and read back") {
  scratch const at;
  auto const made = at.path("R.json").string();
  auto const file = at.path("theirs").string();
  REQUIRE(rank(jamba, "retrieval", "--prompts 2 --output " + made).code == 0);
  auto const scores = json::parse(read(made))["scores"];
  for (auto const* format : {"retrieval_head", "minference"}) {
    REQUIRE(rank(jamba, "retrieval", "--prompts 2 --format " + std::string{format} + " --output " + file).code == 0);
    auto const back = at.path("back.json").string();
    REQUIRE(rank(jamba, format + ("(" + file + ")"), "--output " + back).code == 0);
    auto const written = json::parse(read(back));
    CHECK(written["scores"] == scores);
    CHECK(written["data"] == file);
  }
  // QRHead's repository has a list of heads, a configuration that holds one, and scores as its detection writes them.
  auto const best = [&](std::string const& name, std::string const& text) {
    auto const back = at.path("back.json").string();
    REQUIRE(rank(jamba, "qr_head_list(" + at.write(name, text) + ")", "--output " + back).code == 0);
    return json::parse(read(back))["scores"];
  };
  auto const list = best("qr.txt", "2-5,6-14,2-7\n");
  CHECK(list[2][5] == 3);
  CHECK(list[2][7] == 1);
  CHECK(list[2][0] == 0);
  CHECK(best("qr.yaml", "# Default\n\nattn_head_set: \"2-5,6-14,2-7\" # top 3\nmodel_base_class: \"x\"\n") == list);
  auto const scored = best("qr.json", R"([["2-5", 0.8], ["6-14", -0.5]])");
  CHECK(scored[2][5] == 0.8);
  CHECK(scored[6][14] == -0.5);
  CHECK(scored[6][0] == -0.5);
  CHECK(
      refused(rank(jamba, "qr_head_list(" + at.write("twice.json", R"([["2-5", 1], ["2-5", 2]])") + ")", "--output x"),
              "is there twice"));
  for (auto const* format : {"qr_head_list", "duo_attention"}) {
    REQUIRE(rank(jamba, "retrieval", "--prompts 2 --format " + std::string{format} + " --output " + file).code == 0);
    CHECK(rank(jamba, format + ("(" + file + ")"), "--output " + made).code == 0);
    CHECK(refused(rank(gemma, format + ("(" + file + ")"), "--output " + made), file));
  }
}

TEST_CASE("rank: bad input is refused and nothing is written") {
  scratch const at;
  auto const file = at.path("R.json").string();
  auto const to = "--output " + file;
  CHECK(refused(rank(gemma, "best", to), "mean(SCORER)"));
  CHECK(refused(rank(gemma, "mean(peak)", to), "no scorer is named \"peak\""));
  CHECK(refused(rank(gemma, "mean(l2 | top_k(2))", to), "column 4"));
  CHECK(refused(rank(gemma, "keep_frequency(entropy | top_k(11))", to), "k from 0 to 10"));
  CHECK(refused(rank(gemma, "ov_norm", "--text x " + to), "weights alone"));
  CHECK(refused(rank(gemma, "mean(l2)", "--items " + at.write("a.json", R"({"items": [{"prompt": [1]}]})") + " " + to),
                "items[0]"));
  CHECK(refused(
      rank(gemma, "mean(l2)",
           "--items " + at.write("b.json", R"({"items": [{"prompt": [1], "answer": [2], "source": "1"}]})") + " " + to),
      "it ends beyond the prompt"));
  CHECK(refused(rank(gemma, "mean(l2)", "--language none.json " + to), "none.json"));
  CHECK(refused(rank(gemma, "mean(fixed(" + file + "))", to), file));
  CHECK(refused(rank(jamba, "qr_head_list(" + at.path("none").string() + ")", to), "none"));
  CHECK(refused(rank(jamba, "ov_norm", "--format theirs " + to), "--format"));
  CHECK_FALSE(std::filesystem::exists(file));

  REQUIRE(rank(jamba, "ov_norm", to).code == 0);
  auto const prompts = at.write("prompts.json", R"({"prompts": [[2, 10]]})");
  CHECK(refused(run("generate --model " + gemma + " --prompts " + prompts + " --max-new-tokens 1 --policy " +
                    quoted("fixed(" + file + ") | top_k(2)")),
                "it ranks 16 heads of layer 2, which has 10"));
}
