// docs/reproduce.md: every command of the page runs as it stands, on the small hybrids and data of a few rows.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/run.hpp"

using namespace test;
using nlohmann::json;

namespace {

/// The blocks of bash of the page, one after the other, but for those that make stand-ins.
std::string commands_of_page() {
  std::istringstream page{read(std::string{HEADCOUNT_SOURCE} + "/docs/reproduce.md")};
  std::string commands;
  std::string block;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (inside && line == "```") {
      if (block.find("make_checkpoint.py") == block.npos) commands += block;
      inside = false;
      block.clear();
    } else if (inside) {
      block += line + "\n";
    } else {
      inside = line == "```bash";
    }
  }
  return commands;
}

/// The same with the model lines but one taken out: "model=NAME ...".
std::string commands_for(std::string const& model) {
  std::istringstream all{commands_of_page()};
  std::string commands;
  for (std::string line; std::getline(all, line);)
    if (!line.starts_with("model=") || line.starts_with("model=" + model + " ")) commands += line + "\n";
  return commands;
}

void write_file(std::filesystem::path const& path, std::string const& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream{path} << text;
}

/// A folder with the data that the page asks for, and small hybrids under the names of the published models.
void furnish(scratch const& at) {
  std::string essay;
  for (int i = 0; i < 40; ++i)
    essay += "What people read of the tractor is not known. A dentist works on a sunny day. ";
  write_file(at.path("essays/one.txt"), essay);
  std::string questions;
  for (int i = 0; i < 5; ++i) questions += "\"What, then?\",paint,sew,sing,film," + std::string(1, "ABCDA"[i]) + "\n";
  for (auto const* split : {"dev", "test"})
    write_file(at.path("mmlu") / split / (std::string{"trivia_"} + split + ".csv"), questions);
  write_file(at.path("glue/cola/validation.jsonl"), "{\"sentence\": \"the pumpkin\", \"label\": 1, \"idx\": 0}\n");
  write_file(at.path("glue/mnli/validation_matched.jsonl"),
             "{\"premise\": \"people read .\", \"hypothesis\": \"people\", \"label\": 2, \"idx\": 0}\n");
  // The small hybrids' own tokenizers know no English, and no chat.
  auto const goldens = std::filesystem::path{HEADCOUNT_GOLDENS} / "tokenizer_plain";
  auto tokens = json::parse(read(goldens / "tokenizer_config.json"));
  for (auto const& [id, mark] : {std::pair{"500", "<start_of_turn>"}, std::pair{"501", "<end_of_turn>"}})
    tokens["added_tokens_decoder"][id] = {{"content", mark}, {"special", true}};
  for (auto const& [name, folder] : {std::pair{"recurrentgemma-2b", gemma}, std::pair{"recurrentgemma-2b-it", gemma},
                                     std::pair{"jamba-mini-1.6", jamba}}) {
    write_file(at.path(name) / "tokenizer_config.json", tokens.dump());
    std::filesystem::create_symlink(goldens / "tokenizer.model", at.path(name) / "tokenizer.model");
    for (auto const* file : {"config.json", "model.safetensors"})
      std::filesystem::create_symlink(std::filesystem::path{folder} / file, at.path(name) / file);
  }
}

/// What stands before the page's commands: `headcount` asks one short prompt of each task, runs all parts of a job
/// array one after the other, and only looks at what its report is made of, whose page needs npm to be built.
constexpr auto prelude = R"sh(set -eu
SLURM_ARRAY_TASK_ID=1
headcount() {
  case $1 in
    evaluate)
      case "$*" in *protocol*) set -- "$@" --set "lengths=[250]" ;; esac
      $tool "$@" --limit 1 ;;
    sweep)
      sed -i 's/{"task": "\(needle\|exposure\)"/{"task":"\1", "lengths": [250], "limit": 1/
        s/{"task": /{"limit": 1, "task":/g' $2
      for part in 1 2 3 4 5 6 7 8; do
        $tool "${@/1\/8/$part/8}"
        case "$*" in *--shard*) ;; *) break ;; esac
      done ;;
    report) for rows in ${@:2:5}; do test -s $rows; done ;;
    *) $tool "$@" ;;
  esac
}
mpirun() { shift 2; "$@"; }
)sh";

outcome run_commands(scratch const& at, std::string const& commands) {
  auto const script =
      at.write("page.sh", "cd " + at.path("").string() + "\ntool=" HEADCOUNT_TOOL "\n" + prelude + commands);
  auto const out = at.path("out").string();
  auto const err = at.path("err").string();
  auto const status = std::system(("bash " + script + " >" + out + " 2>" + err).c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read(out), read(err)};
}

}  // namespace

TEST_CASE("reproduce: the commands of the page run as they stand") {
  for (std::string const model : {"recurrentgemma-2b", "recurrentgemma-2b-it", "jamba-mini-1.6"}) {
    CAPTURE(model);
    scratch const at;
    furnish(at);
    auto const result = run_commands(at, commands_for(model));
    REQUIRE_MESSAGE(result.code == 0, result.err);
    // A prompt of each task; needles have a score and a success, and all but exposure are asked under all policies.
    auto const rows = [&](std::string const& name) {
      std::istringstream lines{read(at.path(model + name + ".jsonl"))};
      std::size_t count = 0;
      for (std::string line; std::getline(lines, line);) ++count;
      return count;
    };
    std::size_t const policies = model == "jamba-mini-1.6" ? 10 : 11;
    for (std::string const needles : {"-needle", "-twice"}) CHECK(rows(needles) == 2 * policies);
    CHECK(rows("-exposure") == 2 * (1 + 6 * 3));
    CHECK(rows("-mmlu") == policies);
    CHECK(rows("-glue") == 2 * policies);
    CHECK(rows(".needle") == 2 * 2 * policies);
    CHECK(rows(".exposure") == 2 * (1 + 6 * 3));
    CHECK(rows(".likelihood") == 3 * policies);
  }
}

namespace {

/// A configuration of examples/reproduce, the layers that reach every kind, and what makes it small.
struct stand_in {
  std::string name;
  int layers;
  std::vector<std::string> settings;
};

std::vector<stand_in> const narrow{
    {"recurrentgemma-9b", 3, {"hidden_size=64", "lru_width=64", "head_dim=4", "intermediate_size=96"}},
    {"jamba-mini-1.6", 5, {"hidden_size=64", "mamba_dt_rank=4", "intermediate_size=96"}},
    {"qwen3-next-80b-a3b",
     4,
     {"hidden_size=64", "head_dim=16", "linear_num_key_heads=2", "linear_num_value_heads=4", "linear_key_head_dim=8",
      "linear_value_head_dim=8", "num_experts=8", "num_experts_per_tok=2", "moe_intermediate_size=32",
      "shared_expert_intermediate_size=32", "bos_token_id=1", "eos_token_id=2"}},
    {"granite-4.0-h-tiny",
     6,
     {"hidden_size=48", "mamba_n_heads=6", "mamba_d_head=16", "mamba_d_state=16", "num_local_experts=4",
      "num_experts_per_tok=2", "intermediate_size=32", "shared_intermediate_size=32", "bos_token_id=1",
      "eos_token_id=2"}},
    {"nemotron-h-8b",
     8,
     {"hidden_size=64", "attention_head_dim=4", "mamba_num_heads=8", "mamba_head_dim=8", "n_groups=2",
      "ssm_state_size=16", "intermediate_size=96"}},
    {"lfm2-1.2b", 3, {"hidden_size=64", "block_ff_dim=96", "block_multiple_of=32"}},
    {"falcon-h1-0.5b",
     2,
     {"hidden_size=64", "head_dim=8", "mamba_d_ssm=96", "mamba_d_head=4", "mamba_d_state=16", "intermediate_size=96"}}};

/// The published widths at depths of less than 4 GB; of Qwen3-Next's 512 experts an eighth.
std::vector<stand_in> const wide{{"qwen3-next-80b-a3b", 4, {"num_experts=64"}},
                                 {"granite-4.0-h-tiny", 6, {}},
                                 {"nemotron-h-8b", 5, {"hybrid_override_pattern=\"M-M*-\""}},
                                 {"lfm2-1.2b", 16, {}},
                                 {"falcon-h1-0.5b", 36, {}}};

std::string const scripts = std::string{HEADCOUNT_SOURCE} + "/examples/reproduce/";

/// Makes the data and looks for what stand-ins are made with; false where it is not here.
bool can_make_stand_ins(scratch const& at) {
  auto const log = " >" + at.path("log").string() + " 2>&1";
  return std::system(("python3 " + scripts + "make_data.py " + at.path("data").string() + log).c_str()) == 0 &&
         std::system(("/usr/bin/python3 -c 'import numpy, sentencepiece.sentencepiece_model_pb2'" + log).c_str()) == 0;
}

/// Makes a stand-in and gives its folder.
std::string make(scratch const& at, stand_in const& one, std::string const& more = "") {
  auto const model = at.path(one.name).string();
  auto command = "/usr/bin/python3 " + scripts + "make_checkpoint.py " + scripts + one.name + ".json " + model +
                 " --layers " + std::to_string(one.layers) + more;
  for (auto const& setting : one.settings) command += " --set " + quoted(setting);
  REQUIRE_MESSAGE(std::system((command + " >" + at.path("log").string() + " 2>&1").c_str()) == 0, read(at.path("log")));
  return model;
}

}  // namespace

TEST_CASE("reproduce: stand-ins for the published checkpoints load, and are as large as cost says") {
  scratch const at;
  if (!can_make_stand_ins(at)) {
    MESSAGE("left out: python3, python3-numpy, python3-sentencepiece or python3-protobuf is not here");
    return;
  }
  for (auto const& one : narrow) {
    CAPTURE(one.name);
    auto const model = make(at, one, " --shard-gigabytes 0.0002 --set vocab_size=1024");
    auto const inspected = json::parse(run("inspect " + model + " --json").out);
    auto const cost = json::parse(run("cost --model " + model + " --policy dense --context 9 --json").out);
    CHECK(cost["memory"]["weights"] == 2 * inspected["parameters"].get<std::size_t>());
    bool const has_chat = one.name.starts_with("rec") || one.name.starts_with("jamba");
    auto const asked =
        run("evaluate --model " + model + " --task needle --policy dense --policy 'entropy | top_k(2)' " +
            "--set protocol=published --set form=" + (has_chat ? "instruct" : "base") + " --limit 1 --data " +
            at.path("data/essays").string());
    CHECK_MESSAGE(asked.code == 0, asked.err);
  }
}

// Minutes, and 4 GB of memory and of disk: HEADCOUNT_PUBLISHED_SIZES=1 runs it.
TEST_CASE("reproduce: at published widths memory is within 5% of what cost says") {
  if (std::getenv("HEADCOUNT_PUBLISHED_SIZES") == nullptr) return;
  scratch const at;
  REQUIRE(can_make_stand_ins(at));
  for (auto const& one : wide) {
    CAPTURE(one.name);
    auto const model = make(at, one);
    CHECK(run("inspect " + model).code == 0);
    auto const asks = at.write("ask.py", R"(import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print("peak", 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
)");
    auto const log = at.path("asked").string();
    auto const command =
        "/usr/bin/python3 " + asks + " " + HEADCOUNT_TOOL + " evaluate --model " + model +
        " --task needle --policy dense --set protocol=published --set 'lengths=[600]' --limit 1 --data " +
        at.path("data/essays").string() + " >" + log + " 2>&1";
    REQUIRE_MESSAGE(std::system(command.c_str()) == 0, read(log));
    auto const said = read(log);
    auto const number_before = [&](std::string const& words) {
      auto const end = said.find(words);
      REQUIRE(end != said.npos);
      auto const begin = said.rfind('\n', end) + 1;
      return std::stoul(said.substr(begin, end - begin));
    };
    auto const tokens = number_before(" tokens computed");
    auto const peak = std::stod(said.substr(said.rfind("peak ") + 5));
    auto const cost =
        json::parse(run("cost --model " + model + " --policy dense --json --context " + std::to_string(tokens)).out);
    auto const foretold = cost["memory"]["sum"].get<double>();
    MESSAGE(one.name, ", ", tokens, " tokens: ", foretold / 1e9, " GB foretold, ", peak / 1e9, " GB measured");
    CHECK(peak / foretold == doctest::Approx(1).epsilon(0.05));
    std::filesystem::remove_all(model);
  }
}
