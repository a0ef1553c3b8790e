// headcount sweep and merge: the rows are the same whatever happens on the way.

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <tool/support/run.hpp>

using namespace test;
using nlohmann::json;

namespace {

std::vector<std::string> lines_of(std::string const& text) {
  std::istringstream in{text};
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

json small_plan() {
  return {{"models", {jamba}},
          {"policies", {"dense", "none @ generation", "random | top_k(3)"}},
          {"tasks",
           {{{"task", "needle"}, {"lengths", {96}}, {"depths", {0, 50}}, {"prompts", 6}},
            {{"task", "facts"}, {"prompts", 20}}}},
          {"seeds", {1, 2}}};
}
constexpr std::size_t small_plan_rows = 2 * 3 * (2 * 6 + 20);  // a needle has a score and a success

std::string sweep(std::string const& plan, std::filesystem::path const& output, std::string const& more = "") {
  return "sweep " + plan + " --output " + output.string() + " " + more;
}

/// The rows of the small plan, asked once and for all.
std::string const& whole() {
  static std::string const text = [] {
    scratch const at;
    auto const result = run(sweep(at.write("plan.json", small_plan().dump()), at.path("r.jsonl")));
    REQUIRE_MESSAGE(result.code == 0, result.err);
    return read(at.path("r.jsonl"));
  }();
  return text;
}

/// Runs a sweep that is killed when its file would grow beyond some size, within a line or at its end. Whether it was.
bool kill_at(std::string const& plan, std::string const& output, std::size_t bytes) {
  auto const child = ::fork();
  if (child == 0) {
    int const nowhere = ::open("/dev/null", O_WRONLY);
    ::dup2(nowhere, STDOUT_FILENO);
    ::dup2(nowhere, STDERR_FILENO);
    ::rlimit const most{.rlim_cur = bytes, .rlim_max = bytes};
    ::rlimit const no_core{};
    ::setrlimit(RLIMIT_FSIZE, &most);
    ::setrlimit(RLIMIT_CORE, &no_core);
    ::execl(HEADCOUNT_TOOL, HEADCOUNT_TOOL, "sweep", plan.c_str(), "--output", output.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ;
}

}  // namespace

TEST_CASE("sweep asks every task with every seed under every policy, and a second time nothing") {
  scratch const at;
  auto const plan = at.write("plan.json", small_plan().dump());
  std::filesystem::copy_file(at.write("rows", whole()), at.path("r.jsonl"));
  auto const again = run(sweep(plan, at.path("r.jsonl")));
  CHECK(again.code == 0);
  CHECK(test::read(at.path("r.jsonl")) == whole());
  CHECK(again.err.starts_with("0 of 52 prompts to ask under 3 policies\n"));
  CHECK(again.out == "wrote " + at.path("r.jsonl").string() + ": " + std::to_string(small_plan_rows) + " rows\n");

  auto const lines = lines_of(whole());
  CHECK(lines.size() == small_plan_rows);
  std::set<std::string> keys;
  std::set<std::string> answers;
  for (auto const& line : lines) {
    auto const row = json::parse(line);
    for (auto const* key : {"model", "model_identity", "policy", "policy_identity", "task", "task_identity", "metric",
                            "prompt", "factors", "seed", "value", "version", "checksum"})
      CHECK(row.contains(key));
    CHECK(keys.insert(row["policy"].dump() + row["task"].dump() + row["metric"].dump() + row["prompt"].dump() +
                      row["seed"].dump())
              .second);
    if (row["task"] == "needle" && row["policy"] == "dense" && row["metric"] == "success") CHECK(row["value"] == 1);
  }
}

TEST_CASE("sweep killed at ten moments ends with the same rows, and goes on where it was each time") {
  scratch const at;
  auto const plan = at.write("plan.json", small_plan().dump());
  auto const output = at.path("r.jsonl").string();
  std::mt19937 random{7};
  std::set<std::string> before;
  for (std::size_t kill = 0; kill < 10; ++kill) {
    auto const part = whole().size() / 11;
    auto const bytes = kill * part + 1 + random() % part;  // somewhere in the next eleventh of the rows
    REQUIRE(kill_at(plan, output, bytes));
    auto text = test::read(output);
    CHECK(text.size() == bytes);
    text.erase(text.rfind('\n') == text.npos ? 0 : text.rfind('\n') + 1);  // a torn last line
    auto const lines = lines_of(text);
    std::set<std::string> const now(lines.begin(), lines.end());
    CHECK(now.size() == lines.size());  // nothing was asked twice
    CHECK(std::ranges::includes(now, before));
    before = now;
  }
  auto const last = run(sweep(plan, output));
  CHECK(last.code == 0);
  CHECK(test::read(output) == whole());
}

TEST_CASE("sweep passes over a torn line, asks again for rows of another version or policy, and --fresh for all") {
  scratch const at;
  auto plan = small_plan();
  plan["tasks"].erase(0);
  plan["seeds"] = {1};
  plan["policies"] = {"dense", "none"};
  auto const path = at.write("plan.json", plan.dump());
  auto const output = at.path("r.jsonl");
  CHECK(run(sweep(path, output)).code == 0);
  auto const good = test::read(output);
  REQUIRE(lines_of(good).size() == 40);

  (void)at.write("r.jsonl", good.substr(0, good.size() - 5));
  auto const torn = run(sweep(path, output));
  CHECK(torn.code == 0);
  CHECK(torn.err.starts_with("1 of 20 prompts to ask under 2 policies\n"));
  CHECK(test::read(output) == good);

  plan["policies"] = {"dense", "none", "l2 | top_k(2)"};
  auto const other = run(sweep(at.write("plan.json", plan.dump()), output));
  CHECK(other.err.starts_with("20 of 20 prompts to ask under 3 policies\n"));
  CHECK(lines_of(test::read(output)).size() == 60);

  auto const fresh = run(sweep(at.write("plan.json", small_plan().dump()), output, "--fresh"));
  CHECK(fresh.code == 0);
  CHECK(test::read(output) == whole());

  auto damaged = good;
  damaged[damaged.find("\"prompt\"") + 12] ^= 1;
  (void)at.write("r.jsonl", damaged);
  CHECK(refused(run(sweep(path, output)), "r.jsonl, line 1: the checksum is missing or wrong"));
  CHECK(test::read(output) == damaged);
}

TEST_CASE("sweep in shards and merge give the rows of one run, and merge refuses what contradicts itself") {
  scratch const at;
  auto const plan = at.write("plan.json", small_plan().dump());
  for (auto const* part : {"1/3", "2/3", "3/3"})
    CHECK(run(sweep(plan, at.path("r.jsonl"), std::string{"--shard "} + part)).code == 0);
  auto const merge = [&](std::string const& files) {
    return run("merge " + files + " --output " + at.path("m.jsonl").string());
  };
  auto const part = [&](int i) { return at.path("r." + std::to_string(i) + "-of-3.jsonl").string() + " "; };
  auto const merged = merge(part(2) + part(3) + part(1));
  CHECK(merged.code == 0);
  CHECK(merged.out == "wrote " + at.path("m.jsonl").string() + ": " + std::to_string(small_plan_rows) + " rows\n");
  CHECK(test::read(at.path("m.jsonl")) == whole());
  CHECK(merge(part(1) + part(1)).out.find("more than once") != std::string::npos);
  auto const partial = merge(part(1) + part(3));
  CHECK(partial.code == 0);
  CHECK(partial.err.find("r.2-of-3.jsonl is missing") != std::string::npos);
  CHECK(merged.err.empty());
  CHECK(refused(merge("/nowhere"), "/nowhere: cannot be read"));
  CHECK(refused(run(sweep(plan, at.path("r.jsonl"), "--shard 4/3")), "shard: 4/3"));
}

TEST_CASE("sweep --dry-run says what would be done and does nothing") {
  scratch const at;
  auto plan = small_plan();
  plan["policies"].push_back("none@generation");
  auto const result = run(sweep(at.write("plan.json", plan.dump()), at.path("r.jsonl"), "--dry-run"));
  CHECK(result.code == 0);
  CHECK(result.err.empty());
  CHECK(result.out.starts_with(
      "tiny-jamba, needle, data=haystack, seed 1: 6 prompts\ntiny-jamba, needle, data=haystack, seed 2: 6 prompts\n"));
  CHECK(result.out.find("52 prompts under 3 policies: 156 answers\n") != std::string::npos);
  CHECK(result.out.find("duplicates removed: 1 entry of the plan, 0 prompts\n") != std::string::npos);
  CHECK(result.out.find("to do: 156 answers to 52 prompts, ") != std::string::npos);
  // Six of six have to differ, four times of five: 0.8 = x^6. Of 20: Connor 1987.
  CHECK(result.out.find("6 independent prompts differences from 0.96 on, 20 independent prompts differences from ") !=
        std::string::npos);
  CHECK(!std::filesystem::exists(at.path("r.jsonl")));
}

TEST_CASE("sweep draws a bar on a terminal") {
  if (std::system("script --version > /dev/null 2>&1") != 0) return;
  scratch const at;
  auto plan = small_plan();
  plan["tasks"].erase(0);
  auto const command =
      std::string{HEADCOUNT_TOOL} + " " + sweep(at.write("plan.json", plan.dump()), at.path("r.jsonl"));
  auto const typed =
      "script --quiet --command '" + command + "' /dev/null > " + at.path("seen").string() + " < /dev/null";
  CHECK(std::system(typed.c_str()) == 0);
  auto const seen = test::read(at.path("seen"));
  CHECK(seen.find("] 100%  40 of 40 prompts, in ") != std::string::npos);
  CHECK(seen.find("\r[") != std::string::npos);
}

TEST_CASE("sweep names what is wrong with a plan before anything is asked") {
  scratch const at;
  auto const told = [&](auto const& change) {
    auto plan = small_plan();
    change(plan);
    auto result = run(sweep(at.write("plan.json", plan.dump()), at.path("r.jsonl")));
    CHECK(!std::filesystem::exists(at.path("r.jsonl")));
    return result;
  };
  CHECK(refused(told([](json& plan) { plan["policies"][1] = "entropi | top_k(2)"; }),
                "plan.json, policies: policy sentence"));
  CHECK(refused(told([](json& plan) { plan["policies"][1] = "l2 | top_k(17)"; }), "17"));
  CHECK(refused(told([](json& plan) { plan["models"][0] = "/nowhere"; }), "/nowhere: no such model folder"));
  CHECK(refused(told([](json& plan) { plan["tasks"][1]["task"] = "needles"; }), "there is no such task"));
  CHECK(refused(told([](json& plan) { plan["tasks"][1]["people"] = 3; }), "it has no option \"people\""));
  CHECK(refused(told([](json& plan) { plan["models"].push_back(jamba + "/."); }), "are the same"));
}

#ifdef HEADCOUNT_MPIEXEC
TEST_CASE("sweep under mpirun gives the rows of one process, and takes in what killed ranks left") {
  scratch const at;
  auto const plan = at.write("plan.json", small_plan().dump());
  auto const launch = [&](int ranks, std::filesystem::path const& output) {
    auto const command = std::string{HEADCOUNT_MPIEXEC} + " --allow-run-as-root --oversubscribe -n " +
                         std::to_string(ranks) + " " + HEADCOUNT_TOOL + " " + sweep(plan, output) + " > " +
                         at.path("out").string() + " 2>&1";
    auto const status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  CHECK_MESSAGE(launch(2, at.path("r.jsonl")) == 0, test::read(at.path("out")));
  CHECK(test::read(at.path("r.jsonl")) == whole());
  CHECK(!std::filesystem::exists(at.path("r.jsonl.rank-1")));

  // As if two ranks of three had been killed: each left rows, and one a torn line.
  auto const lines = lines_of(whole());
  auto const some = [&](std::size_t begin, std::size_t end) {
    std::string text;
    for (auto i = begin; i < end; ++i) text += lines[i] + "\n";
    return text;
  };
  (void)at.write("k.jsonl", some(0, 20));
  (void)at.write("k.jsonl.rank-1", some(20, 50) + lines[60].substr(0, 40));
  (void)at.write("k.jsonl.rank-2", some(100, 120));
  CHECK_MESSAGE(launch(2, at.path("k.jsonl")) == 0, test::read(at.path("out")));
  CHECK(test::read(at.path("k.jsonl")) == whole());
  CHECK(!std::filesystem::exists(at.path("k.jsonl.rank-2")));

  (void)at.write("plan.json", "{}");
  CHECK(launch(2, at.path("w.jsonl")) == 2);
  auto const said = test::read(at.path("out"));
  CHECK(said.find("plan.json: models = nothing") != std::string::npos);
  CHECK(said.find("error: ") == said.rfind("error: "));  // once
}
#endif
