// What rows rest on is known by its content: whatever has changed since is told and refused, by sweep and by evaluate;
// whatever was only renamed is what it was.

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <tool/support/run.hpp>

using namespace test;
using nlohmann::json;

namespace {

/// A ranking of tiny-jamba whose attention layers, 2 and 6, begin with some head.
std::string ranking_with(std::size_t first) {
  json scores(std::vector<json>(8, json::array()));
  for (auto const layer : {2u, 6u})
    for (std::size_t head = 0; head < 16; ++head) scores[layer].push_back(head == first ? 1 : 0);
  return json{{"scores", scores}}.dump();
}

/// Questions with choices, each with the same right one.
std::string questions(int gold) {
  std::string lines;
  for (auto const* name : {"Alice", "Ben", "Clara"})
    lines += json{{"prompt", std::string{"question : what does "} + name + " work as ? answer :"},
                  {"choices", {"a", "the"}},
                  {"gold", gold}}
                 .dump() +
             "\n";
  return lines;
}

std::string plan_of(std::string const& model, json const& policies, json const& tasks) {
  return json{{"models", {model}}, {"policies", policies}, {"tasks", tasks}}.dump();
}

/// Sweeps, changes something, and sees that another sweep says what has changed and leaves the rows as they are, that
/// `--fresh` asks all again, and that then nothing is to be asked.
void check_change(scratch const& at, std::string const& plan, std::string const& what,
                  std::function<void()> const& change) {
  CAPTURE(what);
  auto const sweep = "sweep " + at.write("plan.json", plan) + " --output " + at.path("r.jsonl").string();
  REQUIRE(run(sweep + " --fresh").code == 0);
  auto const before = read(at.path("r.jsonl"));
  change();
  CHECK(refused(run(sweep), what));
  CHECK(refused(run(sweep + " --dry-run"), what));
  CHECK(read(at.path("r.jsonl")) == before);
  CHECK(run(sweep + " --fresh").code == 0);
  CHECK(read(at.path("r.jsonl")) != before);
  CHECK(run(sweep).err.starts_with("0 of "));
}

json const two_facts{{{"task", "facts"}, {"prompts", 2}}};

}  // namespace

TEST_CASE("sweep refuses rows of a policy whose ranking, predictor, head outputs or trace was made again") {
  scratch const at;
  auto const file = [&](std::string const& name) { return at.path(name).string(); };
  (void)at.write("R.json", ranking_with(1));
  check_change(at, plan_of(jamba, {"fixed(" + file("R.json") + ") | top_k(3) @ generation"}, two_facts),
               "R.json) | top_k(3) @ generation\" was ", [&] { (void)at.write("R.json", ranking_with(2)); });

  auto const map = [&](double bias) {
    auto layers = json::array();
    for (auto const layer : {2, 6})
      layers.push_back({{"layer", layer},
                        {"maps",
                         {{{"weight", std::vector<std::vector<double>>(16, std::vector<double>(256, 0.0))},
                           {"bias", std::vector<double>(16, bias)}}}}});
    (void)at.write("P.json", json{{"layers", layers}}.dump());
  };
  auto const width = json::parse(read(jamba + "/config.json"))["hidden_size"].get<std::size_t>();
  REQUIRE(width == 256);
  map(0.25);
  check_change(at, plan_of(jamba, {"predictor(" + file("P.json") + ") | top_k(3) @ generation"}, two_facts),
               "P.json) | top_k(3) @ generation\" was ", [&] { map(0.5); });

  auto const outputs = [&](int seed) {
    std::filesystem::remove(at.path("O.safetensors"));
    REQUIRE(run("calibrate --model " + jamba + " --seed " + std::to_string(seed) + " --output " + file("O.safetensors"))
                .code == 0);
  };
  outputs(1);
  check_change(at, plan_of(jamba, {"entropy | top_k(1) | mean(" + file("O.safetensors") + ")"}, two_facts),
               "O.safetensors)\" was ", [&] { outputs(2); });
}

TEST_CASE("sweep refuses rows of a model whose configuration, tokenizer or generation settings have changed") {
  scratch const at;
  auto const model = at.path("model").string();
  std::filesystem::copy(jamba, model);
  std::filesystem::copy(std::string{HEADCOUNT_MODELS} + "/language.json", at.path("language.json"));
  auto const plan = plan_of(model, {"dense"}, two_facts);
  check_change(at, plan, "the model \"model\" was ",
               [&] { (void)at.write("model/config.json", read(model + "/config.json") + "\n"); });
  for (auto const* name : {"generation_config.json", "tokenizer_config.json", "chat_template.jinja"})
    check_change(at, plan, "the model \"model\" was ", [&] { (void)at.write(std::string{"model/"} + name, "{}"); });
}

TEST_CASE("sweep refuses rows of a task whose data, shots, haystack or language have changed") {
  scratch const at;
  auto const file = [&](std::string const& name) { return at.path(name).string(); };
  (void)at.write("d.jsonl", questions(0));
  check_change(at, plan_of(jamba, {"dense"}, {{{"task", "choices"}, {"data", file("d.jsonl")}}}),
               "the task \"choices, data=d.jsonl\" was ", [&] { (void)at.write("d.jsonl", questions(1)); });
  (void)at.write("train.jsonl", questions(0));
  check_change(
      at,
      plan_of(jamba, {"dense"},
              {{{"task", "choices"}, {"data", file("d.jsonl")}, {"train", file("train.jsonl")}, {"shots", 1}}}),
      "the task \"choices, shots=1, data=d.jsonl\" was ", [&] { (void)at.write("train.jsonl", questions(1)); });
  (void)at.write("t.txt", "question : what does Alice work as ? answer : a");
  check_change(at, plan_of(jamba, {"dense"}, {{{"task", "perplexity"}, {"data", file("t.txt")}}}),
               "the task \"perplexity, data=t.txt\" was ",
               [&] { (void)at.write("t.txt", "question : what does Ben work as ? answer : a"); });
  std::filesystem::copy(std::string{HEADCOUNT_MODELS} + "/haystack", at.path("hay"));
  for (auto const* name : {"hay/1.txt", "hay/needles.json"})
    check_change(
        at, plan_of(jamba, {"dense"}, {{{"task", "needle"}, {"lengths", {96}}, {"prompts", 2}, {"data", file("hay")}}}),
        "the task \"needle", [&] { (void)at.write(name, read(at.path(name)) + "\n"); });
}

TEST_CASE("two data files of one name are two tasks, and every question of both is asked") {
  scratch const at;
  for (int const which : {0, 1}) {
    auto const folder = "d" + std::to_string(which);
    std::filesystem::create_directory(at.path(folder));
    (void)at.write(folder + "/test.jsonl", questions(which));
  }
  auto const plan = plan_of(jamba, {"dense"},
                            {{{"task", "choices"}, {"data", at.path("d0/test.jsonl").string()}},
                             {{"task", "choices"}, {"data", at.path("d1/test.jsonl").string()}}});
  auto const sweep = "sweep " + at.write("plan.json", plan) + " --output " + at.path("r.jsonl").string();
  CHECK(run(sweep).code == 0);
  std::set<std::string> settings;
  std::size_t asked = 0;
  for (auto const& one : rows_of(at.path("r.jsonl"))) {
    asked += one["metric"] == "acc" ? 1 : 0;
    settings.insert(one["setting"].get<std::string>());
  }
  CHECK(asked == 6);
  CHECK(settings.size() == 2);
  CHECK(run(sweep).err.starts_with("0 of 6 "));
}

TEST_CASE("a folder, a ranking and data that were renamed are what they were, and rows of both names are one file's") {
  scratch const at;
  std::filesystem::copy(jamba, at.path("a"));
  std::filesystem::copy(std::string{HEADCOUNT_MODELS} + "/language.json", at.path("language.json"));
  (void)at.write("R.json", ranking_with(1));
  (void)at.write("d.jsonl", questions(0));
  auto const plan = [&](std::string const& model, std::string const& ranking, std::string const& data) {
    return plan_of(at.path(model).string(),
                   {"dense", "fixed(" + at.path(ranking).string() + ") | top_k(3) @ generation"},
                   {{{"task", "facts"}, {"prompts", 4}}, {{"task", "choices"}, {"data", at.path(data).string()}}});
  };
  auto const sweep = [&](std::string const& text) {
    return run("sweep " + at.write("plan.json", text) + " --output " + at.path("r.jsonl").string());
  };
  CHECK(sweep(plan("a", "R.json", "d.jsonl")).code == 0);
  auto const whole = read(at.path("r.jsonl"));
  (void)at.write("r.jsonl", whole.substr(0, whole.size() / 2));  // as if it had been killed
  for (auto const& [from, to] : {std::pair{"a", "b"}, {"R.json", "S.json"}, {"d.jsonl", "e.jsonl"}})
    std::filesystem::rename(at.path(from), at.path(to));
  auto const result = sweep(plan("b", "S.json", "e.jsonl"));
  CHECK_MESSAGE(result.code == 0, result.err);
  CHECK(read(at.path("r.jsonl")).size() == whole.size());
  std::set<std::string> models;
  for (auto const& one : rows_of(at.path("r.jsonl"))) models.insert(one["model"].get<std::string>());
  CHECK(models == std::set<std::string>{"a"});
  CHECK(sweep(plan("b", "S.json", "e.jsonl")).err.starts_with("0 of "));
}

TEST_CASE("evaluate goes on with its file as sweep does, and each takes the other's rows") {
  scratch const at;
  (void)at.write("R.json", ranking_with(1));
  auto const fixed = "fixed(" + at.path("R.json").string() + ") | top_k(3) @ generation";
  auto const file = at.path("r.jsonl").string();
  auto const evaluate = "evaluate --model " + jamba + " --task facts --set prompts=4 --policy dense --policy " +
                        quoted(fixed) + " --output " + file;
  auto const first = run(evaluate);
  REQUIRE(first.code == 0);
  CHECK(first.err.starts_with("facts: 4 of 4 prompts to ask under 2 policies"));
  auto const whole = read(file);
  auto const asked = [&] {  // but for rounding, as prompts that are asked together may differ in it
    auto rows = rows_of(file);
    for (auto& one : rows) {
      CHECK(one.erase("checksum") == 1);
      one.erase("loglik");
    }
    return rows;
  };
  auto const answered = asked();
  CHECK(answered.size() == 8);

  (void)at.write("r.jsonl", whole.substr(0, whole.size() - 5));  // as if it had been killed
  auto const again = run(evaluate);
  CHECK(again.err.starts_with("facts: 1 of 4 prompts to ask under 2 policies"));
  CHECK(asked() == answered);
  auto const totals = [](std::string const& out) { return out.substr(0, out.rfind('\n', out.size() - 2)); };
  CHECK(totals(again.out) == totals(first.out));  // of all rows, whenever they were asked for
  CHECK(run(evaluate).err.starts_with("facts: 0 of 4 "));

  auto const plan = at.write("plan.json", plan_of(jamba, {"dense", fixed}, {{{"task", "facts"}, {"prompts", 4}}}));
  CHECK(run("sweep " + plan + " --output " + file).err.starts_with("0 of 4 "));
  CHECK(run("merge " + file + " --output " + at.path("m.jsonl").string()).code == 0);
  CHECK(read(at.path("m.jsonl")) == read(file));
  CHECK(run(evaluate).err.starts_with("facts: 0 of 4 "));

  (void)at.write("R.json", ranking_with(2));
  auto const before = read(file);
  CHECK(refused(run(evaluate), "R.json) | top_k(3) @ generation\" was "));
  CHECK(read(file) == before);
  CHECK(run(evaluate + " --fresh").code == 0);
  CHECK(rows_of(file).size() == 8);
  CHECK(refused(run("merge " + at.write("old.jsonl", before) + " " + file + " --output " + at.path("m.jsonl").string()),
                "stands for two: in some rows it has identity "));
  auto const both = at.write("both.jsonl", before + read(file));
  for (auto const& command :
       {"compare " + both + " --a dense --b none", "report " + both + " --output " + at.path("r.html").string()})
    CHECK(refused(run(command), "R.json) | top_k(3) @ generation\" stands for two: in some rows it has identity "));
}

TEST_CASE("rows go into pipes, devices and behind links, and never over something else") {
  scratch const at;
  auto const evaluate = "evaluate --model " + jamba + " --task facts --limit 2 --policy dense --output ";
  REQUIRE(std::system(("mkfifo " + at.path("pipe").string()).c_str()) == 0);
  REQUIRE(std::system(("cat " + at.path("pipe").string() + " > " + at.path("got").string() + " &").c_str()) == 0);
  CHECK(run(evaluate + at.path("pipe").string()).code == 0);
  CHECK(std::filesystem::is_fifo(at.path("pipe")));
  for (int wait = 0; wait < 1000 && rows_of(at.path("got")).size() < 2; ++wait) std::system("sleep 0.01");
  CHECK(rows_of(at.path("got")).size() == 2);
  CHECK(run(evaluate + "/dev/null").code == 0);

  std::filesystem::create_directory(at.path("scratch"));
  std::filesystem::create_symlink("scratch/r.jsonl", at.path("r.jsonl"));
  auto const plan = at.write("plan.json", plan_of(jamba, {"dense"}, two_facts));
  CHECK(run("sweep " + plan + " --output " + at.path("r.jsonl").string()).code == 0);
  CHECK(std::filesystem::is_symlink(at.path("r.jsonl")));
  CHECK(rows_of(at.path("scratch/r.jsonl")).size() == 2);

  auto const nowhere = run(evaluate + at.path("no/such/r.jsonl").string());
  CHECK(refused(nowhere, "no/such/r.jsonl: cannot be written"));  // before anything is asked
  auto const text = read(plan);
  for (auto const* fresh : {"", " --fresh"}) {
    CHECK(refused(run("sweep " + plan + " --output " + plan + fresh), "it is read, too"));
    CHECK(refused(run(evaluate + plan + fresh), "it holds something else than result rows"));
    CHECK(read(plan) == text);
  }
}

TEST_CASE("a file system without locks is said, and written to") {
  if (std::system("strace -V > /dev/null 2>&1") != 0) return;
  scratch const at;
  auto const plan = at.write("plan.json", plan_of(jamba, {"dense"}, two_facts));
  auto const command = "strace -f -qq -e trace=flock -e inject=flock:error=ENOSYS -o /dev/null " +
                       std::string{HEADCOUNT_TOOL} + " sweep " + plan + " --output " + at.path("r.jsonl").string() +
                       " > /dev/null 2> " + at.path("err").string();
  CHECK(std::system(command.c_str()) == 0);
  CHECK(read(at.path("err")).find("has no locks") != std::string::npos);
  CHECK(rows_of(at.path("r.jsonl")).size() == 2);
}

TEST_CASE("a file of another model that fits is used, and it is said") {
  scratch const at;
  auto of_another = json::parse(ranking_with(0));
  of_another.update({{"model", "another"}, {"model_identity", "0f"}});
  auto const file = at.write("R.json", of_another.dump());
  auto const prompts = at.write("prompts.json", R"({"prompts": [[2, 10, 11]]})");
  auto const policy = " --policy " + quoted("fixed(" + file + ") | top_k(3) @ generation");
  auto const warning =
      "warning: " + file + " was made of another model, \"another\" of identity 0f; this one has identity ";
  for (auto const& command :
       {"generate --max-new-tokens 2 --prompts " + prompts, std::string{"evaluate --task facts --limit 1"}}) {
    auto const said = run(command + " --model " + jamba + policy);
    CHECK(said.code == 0);
    CHECK(said.err.find(warning) == 0);
  }
  REQUIRE(run("rank --model " + jamba + " --method ov_norm --output " + file).code == 0);
  CHECK(run("generate --max-new-tokens 2 --prompts " + prompts + " --model " + jamba + policy).err.empty());
  CHECK(refused(run("generate --max-new-tokens 2 --prompts " + prompts + " --model " + gemma + policy), "heads"));
}
