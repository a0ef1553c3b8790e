// headcount sweep and headcount merge: tasks on models under policies, row by row, to be killed and gone on with at any
// time, on one machine or many.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/write_file.hpp>
#include <headcount/reference/parallel.hpp>
#include <headcount/result/ground.hpp>
#include <headcount/result/journal.hpp>
#include <headcount/result/merge.hpp>
#include <headcount/result/shard.hpp>
#include <headcount/result/sweep.hpp>
#include <headcount/result/sweep_plan.hpp>
#include <headcount/statistics/detectable.hpp>

#include "commands.hpp"
#include "engine.hpp"
#include "grammar.hpp"
#include "model_under_test.hpp"
#include "processes.hpp"
#include "progress.hpp"
#include "sentences.hpp"
#include "tasks.hpp"

namespace tool {
namespace {

using namespace headcount;
using namespace headcount::evaluate;

struct sweep_options {
  std::string plan;
  std::string output;
  std::string shard;
  bool fresh = false;
  bool dry_run = false;
};

/// A model with its tasks. It stays where it is: pieces point into it.
struct model_of_sweep {
  explicit model_of_sweep(std::string const& folder)
      : loaded{load_model(folder)}, asked{as_model_under_test(loaded, folder)} {}
  model_of_sweep(model_of_sweep const&) = delete;
  model_of_sweep& operator=(model_of_sweep const&) = delete;

  loaded_model loaded;
  model_under_test asked;
  std::vector<task> tasks{};
};

/// Everything that a sweep is made of.
struct loaded_sweep {
  sweep_plan plan;
  std::deque<model_of_sweep> models{};

  [[nodiscard]] std::size_t prompts() const {
    std::size_t count = 0;
    for (auto const& model : models)
      for (auto const& one : model.tasks) count += one.prompts.size();
    return count;
  }
};

loaded_sweep load_sweep(std::string const& path) {
  loaded_sweep loaded{.plan = read_plan(path)};
  for (auto const& folder : loaded.plan.models) {
    auto& model = loaded.models.emplace_back(folder);
    require_fit(loaded.plan.policies, model.loaded);
    model.tasks = while_reading(path, [&] { return make_tasks_of(loaded.plan, model.asked, tool::make_tasks); });
  }
  for (auto one = loaded.models.begin(); one != loaded.models.end(); ++one)
    for (auto other = loaded.models.begin(); other != one; ++other)
      if (one->asked.identity == other->asked.identity)
        throw error{path, text_of("models ", other->asked.name, " and ", one->asked.name, " are the same"),
                    "models that differ"};
  std::map<std::string, std::size_t> names;
  for (auto const& model : loaded.models) ++names[model.asked.name];
  for (auto& model : loaded.models)
    if (names[model.asked.name] > 1) model.asked.name += text_of(" ", model.asked.identity.substr(0, 8));
  return loaded;
}

/// Seconds a token of prefill takes, once the weights are in memory.
double seconds_a_token(any_model const& model) {
  std::vector<token> const tokens(64, 1);
  double seconds = 0;
  for (int pass = 0; pass < 2; ++pass) {
    auto state = model.start();
    evaluate::step<any_model::state> const read{.tokens = tokens, .state = &state};
    auto const start = std::chrono::steady_clock::now();
    model.run(std::span{&read, 1}, {}, dense, [](auto&&...) {});
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  return seconds / static_cast<double>(tokens.size());
}

void say_unlocked(std::filesystem::path const& output, journal const& file) {
  fmt::print(stderr,
             "warning: {}: the file system has no locks ({}); two runs that write it at once would spoil it: give each "
             "an --output or a --shard of its own\n",
             output.string(), file.unlocked_reason());
}

/// What the rows of a piece weigh against those of others, in seconds.
double weight_of(sweep_piece const& piece, std::map<model_under_test const*, double> const& seconds) {
  return static_cast<double>(piece.tokens()) * seconds.at(piece.asked);
}

std::string counted(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

/// How many prompts of a task are independent of each other: the fewest groups that a factor makes of them.
std::size_t independent_prompts(task const& of) {
  std::map<std::string, std::set<std::string>> values;
  for (auto const& prompt : of.prompts)
    for (auto const& [factor, value] : prompt.factors) values[factor].insert(value);
  auto fewest = of.prompts.size();
  for (auto const& [factor, own] : values)
    if (own.size() > 1) fewest = std::min(fewest, own.size());
  return fewest;
}

/// The smallest differences that the prompts of these tasks can show.
void print_power(loaded_sweep const& sweep) {
  constexpr double disagreement = 0.2;
  std::set<std::size_t> counts;
  for (auto const& model : sweep.models)
    for (auto const& one : model.tasks)
      if (std::ranges::any_of(one.metrics, [](metric const& own) { return own.values.right_or_wrong; }))
        counts.insert(independent_prompts(one));
  if (counts.empty()) return;
  std::string text;
  for (auto const count : counts) {
    auto const least = std::max(detectable_difference(disagreement, count), least_detectable_share(count));
    headcount::add_to_list(text,
                           least > 1 ? fmt::format("{} independent prompts none", count)
                                     : fmt::format("{} independent prompts differences from {:.2g} on", count, least),
                           ", ");
  }
  fmt::print(
      "right answers, where two policies disagree on a fifth of prompts: {} are shown (power 0.8 at level 0.05, "
      "before corrections)\n",
      text);
}

void print_plan(loaded_sweep const& sweep, std::span<sweep_piece const> pieces, std::size_t prompts,
                std::map<model_under_test const*, double> const& seconds) {
  std::size_t duplicates = 0;
  std::size_t to_do = 0;
  std::size_t tokens = 0;
  double time = 0;
  for (auto const& model : sweep.models) {
    for (auto const& one : model.tasks) {
      duplicates += one.duplicates;
      fmt::print("{}, {}{}{}, seed {}: {}\n", model.asked.name, one.name, one.setting.empty() ? "" : ", ", one.setting,
                 one.seed, counted(one.prompts.size(), "prompt"));
    }
  }
  for (auto const& piece : pieces) {
    to_do += piece.policies.size();
    tokens += piece.tokens();
    time += weight_of(piece, seconds);
  }
  fmt::print("{} under {}: {} answers\n", counted(prompts, "prompt"),
             counted(sweep.plan.policies.size(), sweep.plan.policies.size() == 1 ? "policy" : "policie"),
             prompts * sweep.plan.policies.size());
  fmt::print("duplicates removed: {} of the plan, {}\n",
             counted(sweep.plan.duplicates, sweep.plan.duplicates == 1 ? "entry" : "entrie"),
             counted(duplicates, "prompt"));
  fmt::print("to do: {} answers to {}, {} tokens of prompts, about {} with {}\n", to_do,
             counted(pieces.size(), "prompt"), tokens,
             say_duration(time / static_cast<double>(reference::thread_count())),
             counted(reference::thread_count(), "thread"));
  print_power(sweep);
}

/// The file of one rank beside the sweep's own.
std::filesystem::path part_of(std::filesystem::path const& output, std::size_t rank) {
  return output.string() + fmt::format(".rank-{}", rank);
}

/// What processes left beside the sweep's file, now or in a run that was killed.
std::vector<std::filesystem::path> find_parts(std::filesystem::path const& output) {
  std::vector<std::filesystem::path> parts;
  auto const folder = output.has_parent_path() ? output.parent_path() : std::filesystem::path{"."};
  std::error_code ignored;
  for (auto const& entry : std::filesystem::directory_iterator{folder, ignored})
    if (entry.path().filename().string().starts_with(output.filename().string() + ".rank-"))
      parts.push_back(entry.path());
  std::ranges::sort(parts);
  return parts;
}

/// Throws headcount::error when rows that a file holds, whole or not, are of something that has changed since.
void require_unchanged(loaded_sweep const& sweep, std::filesystem::path const& path) {
  ground now;
  for (auto const& model : sweep.models) add_to(now, model.asked, model.tasks, sweep.plan.policies);
  now.require_unchanged(path.string(), read_journal(path).rows);
}

void run_sweep(sweep_options const& chosen) {
  std::optional<shard> part;
  if (!chosen.shard.empty()) part = parse_shard(chosen.shard);
  std::filesystem::path const output =
      part ? path_of_shard(chosen.output, *part) : std::filesystem::path{chosen.output};
  processes const world{part.has_value()};
  if (reference::is_stream(output)) throw error{output.string(), "a sweep cannot be gone on with there", "a file"};
  reference::require_not_input(output, chosen.plan);
  loaded_sweep sweep;
  world.together([&] { sweep = load_sweep(chosen.plan); });

  // The first rank has the sweep's file and takes in what others left; then every rank sees what is there.
  std::optional<journal> file;
  std::set<std::string> there;
  world.together([&] {
    if (!world.is_first() || chosen.dry_run) return;
    file.emplace(output, chosen.fresh);
    if (!file->is_locked()) say_unlocked(output, *file);
    if (!chosen.fresh) require_unchanged(sweep, output);
    for (auto const& left : find_parts(output)) {
      if (!chosen.fresh) {
        require_unchanged(sweep, left);
        std::vector<row> rows;
        for (auto& one : read_journal(left).rows)
          if (!file->has(key_of(one))) rows.push_back(std::move(one));
        file->append(rows);
      }
      std::filesystem::remove(left);
    }
  });
  world.together([&] {
    auto files = chosen.dry_run ? find_parts(output) : std::vector<std::filesystem::path>{};
    if (std::filesystem::exists(output)) files.push_back(output);
    if (chosen.dry_run && chosen.fresh) files.clear();
    for (auto const& path : files) require_unchanged(sweep, path);
    for (auto const& path : files)
      for (auto const& one : read_journal(path).rows) there.insert(key_of(one));
  });
  auto const has = [&](std::string const& key) { return there.contains(key); };

  std::vector<sweep_piece> pieces;
  std::map<model_under_test const*, double> seconds;
  std::size_t prompts = 0;
  for (auto const& model : sweep.models) {
    seconds[&model.asked] = seconds_a_token(model.asked.model);
    auto missing = missing_pieces(model.asked, model.tasks, sweep.plan.policies, has);
    pieces.insert(pieces.end(), std::make_move_iterator(missing.begin()), std::make_move_iterator(missing.end()));
  }
  prompts = sweep.prompts();
  if (part) {
    std::erase_if(pieces, [&](sweep_piece const& piece) { return !part->has(piece.name()); });
  }
  if (chosen.dry_run) {
    if (world.is_first()) print_plan(sweep, pieces, prompts, seconds);
    return;
  }
  if (world.is_first())
    fmt::print(stderr, "{} of {} to ask under {}\n", pieces.size(), counted(prompts, "prompt"),
               counted(sweep.plan.policies.size(), sweep.plan.policies.size() == 1 ? "policy" : "policie"));

  world.together([&] {
    std::vector<sweep_piece const*> mine;
    for (auto i = world.rank(); i < pieces.size(); i += world.size()) mine.push_back(&pieces[i]);
    if (!world.is_first() && !mine.empty()) file.emplace(part_of(output, world.rank()));
    double all = 0;
    for (auto const* piece : mine) all += weight_of(*piece, seconds);
    std::optional<progress> shown;
    if (world.is_first() && !mine.empty()) shown.emplace(all, mine.size());
    work done;
    auto const run = [&](sweep_piece const& piece) {
      file->append(run_piece(piece, done, has));
      if (shown) shown->add(weight_of(piece, seconds));
    };
    auto const alone =  // engines that one thread at a time may run
        std::ranges::stable_partition(mine, [](auto const* piece) { return piece->asked->model.concurrent(); });
    reference::for_each_index(mine.size() - alone.size(), [&](std::size_t i) { run(*mine[i]); });
    for (auto const* piece : alone) run(*piece);
  });
  world.together([&] {
    if (!world.is_first()) return;
    merged_rows all;
    all.add(output);
    auto const parts = find_parts(output);
    for (auto const& one : parts) all.add(one);
    all.write(output);
    for (auto const& one : parts) std::filesystem::remove(one);
    fmt::print("wrote {}: {}\n", output.string(), counted(all.size(), "row"));
  });
}

void add_sweep_options(CLI::App& app) {
  auto* const command =
      app.add_subcommand("sweep", "Ask tasks of models under policies; goes on where it ended when it is run again");
  auto const chosen = std::make_shared<sweep_options>();
  command
      ->add_option("plan", chosen->plan,
                   "JSON file: {\"models\": [folders], \"policies\": [sentences], \"tasks\": "
                   "[{\"task\": NAME, option: value}], \"seeds\": [1]}")
      ->required();
  command->add_option("--output", chosen->output, "result rows, JSON lines; those that are there are kept")->required();
  command->add_option("--shard", chosen->shard, "I/N: part I of N alone, to R.I-of-N.jsonl");
  command->add_flag("--fresh", chosen->fresh, "throw away the rows that are there");
  command->add_flag("--dry-run", chosen->dry_run, "say what would be done, and do nothing");
  command->footer(
      "Threads: OMP_NUM_THREADS. Machines: mpirun -n 8 headcount sweep ..., or --shard and headcount merge.\n"
      "Example:\n  headcount sweep plan.json --output rows.jsonl --dry-run");
  command->callback([chosen] { run_sweep(*chosen); });
}

struct merge_options {
  std::vector<std::string> files;
  std::string output;
};

void merge_files(merge_options const& chosen) {
  for (auto const& missing : missing_shards(chosen.files))
    fmt::print(stderr, "warning: {} is missing: its rows are not in {}\n", missing.string(), chosen.output);
  reference::require_writable(chosen.output);
  merged_rows all;
  std::string missing;
  for (auto const& file : chosen.files)
    if (!std::filesystem::exists(file) || std::filesystem::is_directory(file)) add_to_list(missing, file);
  if (!missing.empty()) throw error{missing, "cannot be read", "files of result rows"};
  for (auto const& file : chosen.files) all.add(file);
  all.write(chosen.output);
  fmt::print("wrote {}: {}", chosen.output, counted(all.size(), "row"));
  if (all.repeated() > 0) fmt::print(", {} more than once", all.repeated());
  fmt::print("\n");
}

}  // namespace

void add_sweep(CLI::App& app) { add_sweep_options(app); }

void add_merge(CLI::App& app) {
  auto* const command = app.add_subcommand("merge", "Make one result file of several parts of a sweep");
  auto const chosen = std::make_shared<merge_options>();
  command->add_option("files", chosen->files, "result files")->required();
  command->add_option("--output", chosen->output, "result rows, each once, in an order that is always the same")
      ->required();
  command->footer("Example:\n  headcount merge rows.1-of-2.jsonl rows.2-of-2.jsonl --output rows.jsonl");
  command->callback([chosen] { merge_files(*chosen); });
}

}  // namespace tool
