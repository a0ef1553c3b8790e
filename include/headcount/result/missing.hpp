#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/engine/model_under_test.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/measure/read_prompts.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy_file/policy_identity.hpp>
#include <headcount/reference/parallel.hpp>
#include <headcount/result/ground.hpp>
#include <headcount/result/journal.hpp>
#include <headcount/result/row.hpp>
#include <headcount/result/run_task.hpp>
#include <headcount/task/task.hpp>

namespace headcount::v0::evaluate {

/// What rows stand on when these are asked.
inline void add_to(ground& now, model_under_test const& asked, std::span<task const> tasks,
                   std::span<any_policy const> policies) {
  now.add_model(asked.name, asked.identity);
  for (auto const& policy : policies) now.add_policy(print(policy), policy_identity(policy));
  for (auto const& one : tasks) {
    row const some{.task = one.name, .setting = one.setting};
    now.add_task(asked.identity, ground::label_of_task(some), one.identity);
  }
}

/// One prompt and the policies that it has not been asked under: what is asked, and written down, at once.
struct sweep_piece {
  model_under_test const* asked = nullptr;
  task const* asking = nullptr;
  std::size_t prompt = 0;
  std::vector<any_policy> policies{};

  /// Tokens that it has the model read: prefill once for all policies that leave it as it is, and for each that does
  /// not.
  [[nodiscard]] std::size_t tokens() const {
    std::size_t readings = 0;
    bool is_dense = false;
    for (auto const& policy : policies) (leaves_prefill_dense(policy) ? is_dense = true : (++readings, false));
    return (readings + (is_dense ? 1 : 0)) * asking->prompts[prompt].tokens;
  }
  /// A name that it keeps, whatever plan it is part of.
  [[nodiscard]] std::string name() const {
    return reference::json_text(
        nlohmann::json{asked->identity, asking->identity, asking->name, asking->seed, asking->prompts[prompt].name});
  }
};

/// The prompts of some tasks that lack rows under some policies. `has(key)` says whether a row with this key is there.
[[nodiscard]] inline std::vector<sweep_piece> missing_pieces(model_under_test const& asked, std::span<task const> tasks,
                                                             std::span<any_policy const> policies,
                                                             std::function<bool(std::string const&)> const& has) {
  std::vector<sweep_piece> pieces;
  for (auto const& asking : tasks)
    for (std::size_t i = 0; i < asking.prompts.size(); ++i) {
      sweep_piece piece{.asked = &asked, .asking = &asking, .prompt = i};
      for (auto const& policy : policies) {
        bool is_there = true;
        for (auto const& metric : asking.metrics)
          is_there = is_there && has(key_of(make_row(asked, asking, policy, i, std::string{metric.name})));
        if (!is_there) piece.policies.push_back(policy);
      }
      if (!piece.policies.empty()) pieces.push_back(std::move(piece));
    }
  return pieces;
}

/// The rows of a piece that are not there yet. Throws what the model throws.
[[nodiscard]] inline std::vector<row> run_piece(sweep_piece const& piece, work& done,
                                                std::function<bool(std::string const&)> const& has) {
  std::vector<row> rows;
  run_task(*piece.asked, *piece.asking, std::span{&piece.prompt, 1}, piece.policies, done, [&](row&& made) {
    if (!has(key_of(made))) rows.push_back(std::move(made));
  });
  return rows;
}

/// The rows of a task under policies: those that a file holds, and those that it lacks, which are asked for a few
/// prompts at a time and written down before the next. Without a file all are asked at once. `begin` is told how many
/// prompts are to be asked. Throws what the model throws, and headcount::error when the file cannot be written.
[[nodiscard]] inline std::vector<row> ask_missing(
    model_under_test const& asked, task const& asking, std::span<any_policy const> policies, journal* file, work& done,
    std::function<void(std::size_t)> const& begin = [](std::size_t) {}) {
  auto const has = [&](std::string const& key) { return file != nullptr && file->has(key); };
  std::vector<row> rows;
  std::vector<sweep_piece> pieces;
  auto at_once = asking.prompts.size();
  if (file != nullptr) {
    pieces = missing_pieces(asked, std::span{&asking, 1}, policies, has);
    at_once = prompts_at_once * reference::thread_count();
    std::set<std::string> own;
    for (auto const& policy : policies)
      for (std::size_t i = 0; i < asking.prompts.size(); ++i)
        for (auto const& one : asking.metrics)
          own.insert(key_of(make_row(asked, asking, policy, i, std::string{one.name})));
    for (auto const& one : file->rows())
      if (own.contains(key_of(one))) rows.push_back(one);
  } else {
    for (std::size_t i = 0; i < asking.prompts.size(); ++i)
      pieces.push_back({&asked, &asking, i, {policies.begin(), policies.end()}});
  }
  begin(pieces.size());
  for (std::size_t first = 0, end = 0; first < pieces.size(); first = end) {
    std::vector<std::size_t> which;
    for (; end < pieces.size() && which.size() < at_once && pieces[end].policies == pieces[first].policies; ++end)
      which.push_back(pieces[end].prompt);
    auto const before = rows.size();
    run_task(asked, asking, which, pieces[first].policies, done, [&](row&& made) {
      if (!has(key_of(made))) rows.push_back(std::move(made));
    });
    if (file != nullptr) file->append(std::span{rows}.subspan(before));
  }
  return rows;
}

}  // namespace headcount::v0::evaluate
