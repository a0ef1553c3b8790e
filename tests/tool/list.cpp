#include <filesystem>
#include <set>
#include <sstream>
#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/policy_file/head_outputs_file.hpp>
#include <headcount/policy_file/trace_file.hpp>

#include "support/run.hpp"

// headcount list and explain, and what a registered part must come with.

using namespace test;
using nlohmann::json;

namespace {

std::filesystem::path const source{HEADCOUNT_SOURCE};

/// Everything in the files under a folder of the sources.
std::string all_of(std::string const& folder) {
  std::string text;
  for (auto const& entry : std::filesystem::recursive_directory_iterator{source / folder})
    if (entry.is_regular_file()) text += read(entry.path());
  return text;
}

/// Whether some code makes an object of a type: its whole name, then perhaps the object's, then what it is made of.
bool makes(std::string const& code, std::string const& type) {
  constexpr auto letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  for (auto at = code.find(type); at != std::string::npos; at = code.find(type, at + 1)) {
    auto end = at + type.size();
    if (code[end] == ' ') end = code.find_first_not_of(letters, end + (code.compare(end, 7, " const ") == 0 ? 7 : 1));
    if (end != std::string::npos && (code[end] == '{' || code[end] == '(' || code[end] == '<')) return true;
  }
  return false;
}

json parts() { return json::parse(run("list --json").out)["parts"]; }

std::string folder_of(json const& part) {
  auto const& kind = part["kind"];
  return kind == "scorer" ? "score" : kind == "selector" ? "select" : kind.get<std::string>();
}

}  // namespace

TEST_CASE("list: the model types in docs/tool.md are what list --models prints, each once") {
  auto const listed = run("list --models --markdown");
  CHECK(listed.code == 0);
  CHECK(listed.out.starts_with("| model_type |"));
  CHECK(read(source / "docs/tool.md").find(listed.out) != std::string::npos);
}

TEST_CASE("list: docs/parts.md is what list --markdown prints") {
  CHECK(run("list --markdown").out == read(source / "docs/parts.md"));
}

TEST_CASE("list: every part says what it is, where it is from and what it takes") {
  auto const all = parts();
  CHECK(all.size() > 30);
  for (auto const& part : all) {
    CAPTURE(part["name"]);
    for (auto const* key : {"kind", "name", "form", "meaning", "formula", "source", "reads"})
      CHECK_FALSE(part[key].get<std::string>().empty());
    for (auto const& parameter : part["parameters"]) CHECK_FALSE(parameter["meaning"].get<std::string>().empty());
  }
  auto const plain = run("list");
  for (auto const& part : all) CHECK(plain.out.find(part["form"].get<std::string>()) != std::string::npos);
  CHECK(refused(run("list --json --markdown"), "--markdown"));
}

TEST_CASE("list: adding a part touches its header, the registry and a test, and none is forgotten") {
  auto const tests = all_of("tests/unit");
  std::set<std::string> registered;
  for (auto const& part : parts()) {
    auto const folder = folder_of(part);
    auto const name = part["name"].get<std::string>();
    CAPTURE(name);
    registered.insert(folder + "/" + name);
    CHECK(std::filesystem::exists(source / "include/headcount" / folder / (name + ".hpp")));
    CHECK(makes(tests, folder + "::" + name));
  }
  // Every header with a part's name in it is of a part that is registered, but for those of dense and none.
  for (auto const* folder : {"score", "select", "mask", "edit"})
    for (auto const& entry : std::filesystem::directory_iterator{source / "include/headcount" / folder}) {
      auto const name = std::string{folder} + "/" + entry.path().stem().string();
      CAPTURE(name);
      bool const is_part = read(entry.path()).find("static constexpr std::string_view name = ") != std::string::npos;
      bool const unwritten = name == "score/unscored" || name == "select/fixed";
      CHECK((is_part && !unwritten) == registered.contains(name));
    }
}

TEST_CASE("list: every ranking stands in the docs and in the help, and none that is not there does") {
  std::set<std::string> registered;
  auto const plain = run("list").out;
  auto const help = run("rank --help").out;
  auto const listed = json::parse(run("list --json").out);
  for (auto const& ranking : listed["rankings"]) {
    auto const form = ranking["form"].get<std::string>();
    CAPTURE(form);
    CHECK(registered.insert(form).second);
    CHECK_FALSE(ranking["meaning"].get<std::string>().empty());
    CHECK(std::set<std::string>{"a file", "attention", "weights"}.contains(ranking["reads"].get<std::string>()));
    CHECK(plain.find(form) != std::string::npos);
    CHECK(help.find(form) != std::string::npos);
  }
  CHECK(registered.size() > 15);

  // The first column of the table of rankings.
  auto const page = read(source / "docs/tool.md");
  std::set<std::string> documented;
  auto const begin = page.find("| method | a head's score |");
  REQUIRE(begin != std::string::npos);
  std::istringstream lines{page.substr(begin, page.find("\n\n", begin) - begin)};
  for (std::string line; std::getline(lines, line);) {
    auto const cell = line.substr(0, line.find(" | "));
    for (auto at = cell.find('`'); at != std::string::npos; at = cell.find('`', cell.find('`', at + 1) + 1))
      documented.insert(cell.substr(at + 1, cell.find('`', at + 1) - at - 1));
  }
  CHECK(documented == registered);
}

TEST_CASE("list: every part stands in a sentence that is read back and explained") {
  scratch const at;
  auto const ranking = at.write("R.json", R"({"scores": [[], [1, 2]]})");
  auto const predictor =
      at.write("P.json", R"({"layers": [{"layer": 1, "maps": [{"weight": [[1, 2]], "bias": [0]}]}]})");
  auto const trace = at.path("T.safetensors").string();
  headcount::reference::write_recording(trace, {});
  auto const outputs = at.path("O.safetensors").string();
  headcount::reference::write_head_outputs(
      outputs, {.layers = {{.heads = 1, .dim = 1, .mean = {1}, .samples = {1}}}, .samples = 1});
  for (auto const& part : parts()) {
    auto const& kind = part["kind"];
    std::string arguments;
    for (auto const& parameter : part["parameters"]) {
      if (!parameter["default"].is_null()) continue;
      auto const values = parameter["values"].get<std::string>();
      auto const& name = part["name"];
      arguments += arguments.empty() ? "" : ", ";
      if (values.starts_with("a scorer")) arguments += "entropy";
      else if (values.starts_with("a selector")) arguments += "top_k(1)";
      else if (values.starts_with("a file"))
        arguments += kind == "mask" ? outputs : name == "predictor" ? predictor : name == "replay" ? trace : ranking;
      else if (values.starts_with("positions")) arguments += "3-5";
      else if (values.starts_with("layers")) arguments += "1:1";
      else if (values.starts_with("a number")) arguments += "0.5";
      else if (values.starts_with("a whole number")) arguments += "2";
      else arguments += values.substr(0, values.find(','));  // the first of some words
    }
    auto const written = part["name"].get<std::string>() + (arguments.empty() ? "" : "(" + arguments + ")");
    CAPTURE(written);
    auto const sentence = kind == "scorer"     ? written + " | top_k(1)"
                          : kind == "selector" ? "l2 | " + written
                          : kind == "mask"     ? "l2 | top_k(1) | " + written
                                               : written;
    auto const said = run("explain " + quoted(sentence) + (kind == "edit" ? " --edits" : ""));
    REQUIRE(said.code == 0);
    CHECK(said.out.find(part["meaning"].get<std::string>()) != std::string::npos);
  }
}

TEST_CASE("explain: says what a sentence reads, keeps, saves and remembers, and what is inside it") {
  auto const said =
      run("explain 'sum(ema(0.9, entropy), output_norm, weights=2, 1) | top_k(5) @ generation, layers=2'");
  REQUIRE(said.code == 0);
  for (auto const* part :
       {"  sum(ema(0.9, entropy), output_norm, weights=2, 1): several scorers added up",
        "\n    ema(0.9, entropy): ", "\n      entropy: ", "\n    output_norm: ",
        "top_k(5): the k heads with the highest scores. k: ", "zero: ", "while generating, not in prefill, in layers 2",
        "Reads outputs: ", "Costs 4dw + 4dn", "Remembers 1 numbers a head"})
    CHECK_MESSAGE(said.out.find(part) != std::string::npos, part);
  CHECK(run("explain 'entropy | top_k(1)'").out.find("every head's query, logits and softmax are computed") !=
        std::string::npos);
  CHECK(run("explain dense").out.find("Keeps every head") != std::string::npos);
  CHECK(run("explain none").out.find("Keeps no head") != std::string::npos);
  auto const edits = run("explain --edits 'omit(3-5) @ prefill; null'");
  CHECK(edits.out.find("in prefill, not while generating") != std::string::npos);
  CHECK(edits.out.find("null: ") != std::string::npos);
}

TEST_CASE("explain: a bad sentence gets a caret under the spot, what is allowed and the nearest name") {
  auto const result = run("explain 'entropi | top_k(5)'");
  CHECK(result.code == 2);
  CHECK(result.out.empty());
  CHECK(result.err.starts_with("  entropi | top_k(5)\n  ^\nerror: policy sentence"));
  CHECK(result.err.find("did you mean entropy?") != std::string::npos);
  CHECK(result.err.find("(allowed: entropy, l2, ") != std::string::npos);
  CHECK(run("explain 'entropy | top_k(-5)'").err.starts_with("  entropy | top_k(-5)\n                  ^\n"));
  CHECK(run("explain --edits 'omit(3-5) @ sometimes'").err.starts_with("  omit(3-5) @ sometimes\n              ^\n"));
}
