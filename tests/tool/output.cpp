// What the tool prints and writes cannot be lost silently, and harms nothing.

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/wait.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <tool/support/run.hpp>

using namespace test;

namespace {

/// Runs a shell's command in which TOOL stands for the tool; its exit code.
int shell(std::string command) {
  for (std::size_t at; (at = command.find("TOOL")) != command.npos;) command.replace(at, 4, HEADCOUNT_TOOL);
  auto const status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("what cannot be printed is an error with exit code 1, at the last moment too") {
  if (!std::filesystem::exists("/dev/full")) return;
  scratch const at;
  auto const err = at.path("err").string();
  for (auto const& command : std::vector<std::string>{"list", "list --json", "--version", "--help", "evaluate --help",
                                                      "inspect " + jamba, "inspect --json " + jamba, "cost --help"})
    for (std::string const where : {">/dev/full", ">&-"}) {
      CAPTURE(command);
      CAPTURE(where);
      CHECK(shell("TOOL " + command + " " + where + " 2>" + err) == 1);
      CHECK(read(err).starts_with("error: cannot "));
    }
  // The exit code says it where nothing else can.
  for (std::string const where : {"2>/dev/full", "2>&-"}) {
    CHECK(shell("TOOL nonsense " + where) == 2);
    CHECK(shell("TOOL inspect /nowhere " + where) == 2);
    CHECK(shell("TOOL list > /dev/null " + where) == 0);
  }
  CHECK(shell("TOOL list >&- 2>&-") == 1);
}

TEST_CASE("an output gets nothing of what is printed where standard streams are closed") {
  scratch const at;
  auto const tokens = at.write("t.json", R"({"input_ids": [[2, 5, 17]]})");
  auto const logits = "TOOL logits --model " + jamba + " --policy dense --tokens " + tokens + " --output ";
  REQUIRE(shell(logits + at.path("a").string() + " > /dev/null") == 0);
  CHECK(shell(logits + at.path("b").string() + " <&- 2>&- > /dev/null") == 0);
  CHECK(read(at.path("a")) == read(at.path("b")));
}

TEST_CASE("no command writes over what it reads, under whatever name") {
  scratch const at;
  std::string const content = R"({"input_ids": [[2, 5, 17]]})";
  auto const tokens = at.write("t.json", content);
  std::filesystem::create_symlink("t.json", at.path("link"));
  std::filesystem::create_hard_link(tokens, at.path("hard"));
  for (auto const* name : {"t.json", "link", "hard", "./t.json"}) {
    CHECK(refused(
        run("logits --model " + jamba + " --policy dense --tokens " + tokens + " --output " + at.path(name).string()),
        "it is read, too"));
    CHECK(refused(run("merge " + tokens + " --output " + at.path(name).string()), "it is read, too"));
    CHECK(refused(run("report " + tokens + " --output " + at.path(name).string()), "it is read, too"));
    CHECK(read(tokens) == content);
  }
  CHECK(shell("TOOL logits --model " + jamba + " --policy dense --tokens /dev/stdin --output /dev/null < " + tokens) ==
        0);
}

TEST_CASE("a model's name that is no UTF-8 is told in JSON") {
  scratch const at;
  auto const folder = at.path("caf\xe9");
  std::filesystem::create_directory_symlink(jamba, folder);
  auto const result = run("inspect --json " + quoted(folder.string()));
  CHECK(result.code == 0);
  CHECK(result.out.find(R"(caf\\xe9)") != std::string::npos);
  CHECK(nlohmann::json::accept(result.out));
}

TEST_CASE("merge names every file that is not there") {
  scratch const at;
  auto const result = run("merge /nowhere/1 /nowhere/2 --output " + at.path("m").string());
  CHECK(refused(result, "/nowhere/1, /nowhere/2: cannot be read"));
  CHECK(!std::filesystem::exists(at.path("m")));
}

TEST_CASE("sweep does not run as several processes that know nothing of each other") {
  scratch const at;
  auto const plan = at.write("plan.json", "{}");
  auto const sweep = "SLURM_STEP_NUM_TASKS=4 TOOL sweep " + plan + " --output " + at.path("r.jsonl").string();
  auto const err = at.path("err").string();
  CHECK(shell(sweep + " 2> " + err) == 2);
  CHECK(read(err).find("srun started 4 processes that know nothing of each other") != std::string::npos);
  CHECK(shell(sweep + " --shard 1/4 2> " + err) == 2);
  CHECK(read(err).find("models = nothing") != std::string::npos);
}
