// headcount report: the results of a sweep as one page that opens anywhere, and as pictures for papers.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/mapped_file.hpp>
#include <headcount/file/write_file.hpp>
#include <headcount/policy_file/ranking_json.hpp>
#include <headcount/ranking/trace_frequency.hpp>
#include <headcount/reference/checkpoint/config_json.hpp>
#include <headcount/report/page.hpp>
#include <headcount/report/results.hpp>
#include <headcount/result/canonical.hpp>
#include <headcount/result/read_rows.hpp>
#include <headcount/result/row.hpp>

#include "commands.hpp"
#include "grammar.hpp"
#include "tasks.hpp"

namespace tool {
namespace {

using namespace headcount;

struct report_options {
  std::vector<std::string> rows;
  std::string output;
  std::string figures;
  std::vector<std::string> models;
  std::vector<std::string> rankings;
  std::vector<std::string> traces;
  std::vector<std::string> baselines{"dense"};
  std::size_t context = 4096;
};

/// Where the page's template and what draws files are: where they were built, else where they were installed.
std::filesystem::path find_charts() {
  for (std::filesystem::path const folder : {HEADCOUNT_BUILT_REPORT, HEADCOUNT_INSTALLED_REPORT})
    if (std::filesystem::exists(folder / "page.html")) return folder;
  throw std::runtime_error{
      "report: this headcount was built without its charts, Vega-Lite from npm; install npm, then configure and build "
      "again"};
}

std::string read_text(std::filesystem::path const& path) {
  reference::mapped_file const file{path};
  return {reinterpret_cast<char const*>(file.bytes().data()), file.bytes().size()};
}

/// A shell word; also how the page shows one that needs quotes.
std::string shell_word(std::string_view text) {
  std::string word{"'"};
  for (char const sign : text) word += sign == '\'' ? std::string{"'\\''"} : std::string{sign};
  return word + "'";
}
std::string shown(std::string const& text) {
  static constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=,:@%+";
  return !text.empty() && text.find_first_not_of(plain) == text.npos ? text : shell_word(text);
}

/// The command that makes this page again.
std::string command_of(report_options const& chosen) {
  std::string command{"headcount report"};
  for (auto const& file : chosen.rows) command += " " + shown(file);
  for (auto const& model : chosen.models) command += " --model " + shown(model);
  for (auto const& file : chosen.rankings) command += " --ranking " + shown(file);
  for (auto const& trace : chosen.traces) command += " --trace " + shown(trace);
  for (auto const& baseline : chosen.baselines) command += " --baseline " + shown(baseline);
  if (!chosen.models.empty()) command += fmt::format(" --context {}", chosen.context);
  if (!chosen.figures.empty()) command += " --figures " + shown(chosen.figures);
  return command + " --output " + shown(chosen.output);
}

/// The maps of a recording, "FILE" or "MODEL=FILE"; the model's name may be left out where all rows are of one.
std::vector<ranking> read_trace_maps(std::string const& trace, std::vector<report::result> const& results) {
  auto const names = report::models_in(results);
  std::string known;
  for (auto const& name : names) add_to_list(known, name);
  auto const equals = trace.find('=');
  auto const model = equals != trace.npos ? trace.substr(0, equals) : names.size() == 1 ? names.front() : std::string{};
  if (std::ranges::find(names, model) == names.end())
    throw error{
        fmt::format("--trace {}", trace),
        model.empty() ? "it is not said which model was recorded" : fmt::format("no row is of a model \"{}\"", model),
        fmt::format("MODEL=FILE, with one of {}", known)};
  auto maps = reference::keep_frequencies(equals == trace.npos ? trace : trace.substr(equals + 1));
  for (auto& one : maps) one.source.model = model;
  return maps;
}

report::page_plan plan_of(report_options const& chosen, bool baseline_was_chosen,
                          std::vector<report::result> const& results) {
  report::page_plan plan{.command = command_of(chosen), .context = chosen.context};
  for (auto const& file : chosen.rows) add_to_list(plan.what, file);
  for (std::filesystem::path const model : chosen.models) {
    auto const config = std::filesystem::is_directory(model) ? model / "config.json" : model;
    auto const folder = std::filesystem::weakly_canonical(config).parent_path();
    auto const name = folder.filename().string();
    auto const is_measured = [&](report::result const& one) { return one.of.model == name; };
    if (std::ranges::none_of(results, is_measured))
      throw error{model.string(), fmt::format("no row is of a model \"{}\"", name), "folders of models in the rows"};
    plan.models.insert_or_assign(name, reference::read_config(config));
  }
  for (auto const& file : chosen.rankings) plan.rankings.push_back(reference::read_ranking(file));
  for (auto const& trace : chosen.traces)
    for (auto& one : read_trace_maps(trace, results)) plan.rankings.push_back(std::move(one));
  for (auto const& baseline : chosen.baselines) {
    auto const sentence = evaluate::canonical_policies{}.of(baseline);
    bool const is_there = std::ranges::any_of(results, [&](auto const& one) { return one.policy == sentence; });
    if (is_there) plan.baselines.push_back(sentence);
    else if (baseline_was_chosen) throw error{plan.what, fmt::format("it has no row of \"{}\"", sentence)};
  }
  return plan;
}

/// Draws figures as SVG files, all or none, by the same library as the page, in node.
void draw_files(std::filesystem::path const& charts, std::filesystem::path const& folder,
                nlohmann::ordered_json const& figures) {
  if (std::system("command -v node > /dev/null 2>&1") != 0)
    throw std::runtime_error{"--figures: node draws them, and was not found; the page's menus save them, too"};
  std::filesystem::create_directories(folder);
  auto const command = fmt::format("node {} {} {}", shell_word((charts / "draw.cjs").string()),
                                   shell_word(std::filesystem::absolute(charts).string()), shell_word(folder.string()));
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> node{popen(command.c_str(), "w"), pclose};
  if (node == nullptr) throw std::runtime_error{"--figures: node could not be started"};
  std::fputs(headcount::reference::json_text(figures).c_str(), node.get());
  if (pclose(node.release()) != 0) throw std::runtime_error{"--figures: node could not draw them"};
}

void write_report(report_options const& chosen, bool baseline_was_chosen) {
  auto const charts = find_charts();
  std::vector<evaluate::row> rows;
  for (auto const& file : chosen.rows) {
    auto more = evaluate::read_rows(file);
    rows.insert(rows.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  std::string what;
  for (auto const& file : chosen.rows) add_to_list(what, file);
  auto const results = report::results_of(what, rows, metrics_of_task);
  auto const plan = plan_of(chosen, baseline_was_chosen, results);
  auto const sections = report::sections_of(results, plan);
  auto const figures = report::figures_json(sections);
  auto const page = (charts / "page.html").string();
  auto const text = report::fill_page(page, read_text(page), report::body_html(sections, results, plan), figures);
  if (!chosen.figures.empty()) draw_files(charts, chosen.figures, figures);
  reference::write_text(chosen.output, text);
}

}  // namespace

void add_report(CLI::App& app) {
  auto* const command =
      app.add_subcommand("report", "Make one page of a result file: maps, curves, costs, comparisons");
  auto const chosen = std::make_shared<report_options>();
  command->add_option("ROWS", chosen->rows, "result files, a row a line")->required();
  command->add_option("--output", chosen->output, "HTML file to write")->required();
  command->add_option("--figures", chosen->figures, "folder for the same figures as SVG files; needs node");
  command->add_option("--model", chosen->models,
                      "folder or config.json of a model in the rows, for heads kept and cost; may be repeated");
  command->add_option("--ranking", chosen->rankings, "ranking to be shown as a map of heads; may be repeated");
  command->add_option(
      "--trace", chosen->traces,
      "MODEL=FILE, what headcount record wrote of a model, to be shown as maps of how often each head was "
      "kept; without MODEL= where rows are of one model; may be repeated");
  auto* const baseline =
      command->add_option("--baseline", chosen->baselines, "policy that others are compared with; may be repeated")
          ->capture_default_str();
  command->add_option("--context", chosen->context, "tokens that a generated token sees, for cost")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->footer(
      "The page needs no network. The same rows and options give the same bytes.\n\n"
      "Example:\n  headcount report rows.jsonl --model examples/models/tiny-jamba --output report.html");
  command->callback([chosen, baseline] { write_report(*chosen, baseline->count() != 0); });
}

}  // namespace tool
