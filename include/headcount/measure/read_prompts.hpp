#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <headcount/core/phase.hpp>
#include <headcount/core/token.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/task/request.hpp>

namespace headcount::v0::evaluate {

/// Whether a policy leaves prefill as it is, so that a dense prefill serves it.
[[nodiscard]] inline bool leaves_prefill_dense(any_policy const& policy) {
  return policy.where.during == phase::generation || print(policy) == print(any_policy{dense});
}

/// Forks steps under policies and counts their tokens.
inline void fork_counted(any_model const& model, std::span<step<any_model::state const> const> steps, pass const& how,
                         std::span<any_policy const> policies, work& done, fork_user<any_model::state> const& use) {
  if (steps.empty() || policies.empty()) return;
  std::size_t tokens = 0;
  for (auto const& one : steps) tokens += one.tokens.size();
  done.computed += tokens * policies.size();
  model.fork(steps, how, policies, use);
}

namespace detail {

/// The first tokens that prompts have in common.
struct contexts {
  std::vector<std::size_t> first;  ///< a prompt that begins with each
  std::vector<std::size_t> of;     ///< per prompt, the one that it begins with
};

[[nodiscard]] inline contexts find_contexts(std::span<prompt const> prompts, bool may_share) {
  auto const begin_alike = [&](prompt const& a, prompt const& b) {
    auto const begin = [](prompt const& one) { return std::span{one.tokens}.first(one.shared); };
    return may_share && a.shared > 0 && std::ranges::equal(begin(a), begin(b)) && a.edits_in(phase::prefill).empty() &&
           b.edits_in(phase::prefill).empty();
  };
  contexts found;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    if (i == 0 || !begin_alike(prompts[i - 1], prompts[i])) found.first.push_back(i);
    found.of.push_back(found.first.size() - 1);
  }
  return found;
}

}  // namespace detail

/// Takes the logits after prompt i under policy p: (p, i, logits).
using first_logits_user = std::function<void(std::size_t, std::size_t, std::span<float const>)>;

/// Reads prompts in prefill under each policy: `[policy][prompt]`, states to be continued. Prompts that follow each
/// other and begin alike, as far as their `shared` says, have that read once and continue copies of it.
[[nodiscard]] inline std::vector<std::vector<any_model::state>> read_prompts(any_model const& model,
                                                                             std::span<prompt const> prompts,
                                                                             std::span<any_policy const> policies,
                                                                             work& done,
                                                                             first_logits_user const& use_logits) {
  using state = any_model::state;
  pass const how{.phase = phase::prefill};
  auto const start = model.start();
  auto const step_of = [&](std::size_t i, std::size_t begin, std::size_t end, state const& from) {
    return step<state const>{.tokens = std::span{prompts[i].tokens}.subspan(begin, end - begin),
                             .state = &from,
                             .sequence_id = prompts[i].sequence_id,
                             .edits = prompts[i].edits_in(phase::prefill)};
  };
  std::vector<std::vector<state>> read(policies.size(), std::vector<state>(prompts.size()));
  auto const contexts = detail::find_contexts(prompts, std::ranges::none_of(policies, depends_on_sequence));
  std::vector<step<state const>> steps;
  if (contexts.first.size() == prompts.size()) {
    for (std::size_t i = 0; i < prompts.size(); ++i) steps.push_back(step_of(i, 0, prompts[i].tokens.size(), start));
    fork_counted(model, steps, how, policies, done,
                 {.logits = [&](std::size_t p, std::size_t i, std::size_t, auto logits) { use_logits(p, i, logits); },
                  .state = [&](std::size_t p, std::size_t i, state&& after) { read[p][i] = std::move(after); }});
    return read;
  }

  std::vector<std::vector<state>> context(policies.size(), std::vector<state>(contexts.first.size(), start));
  std::vector<std::size_t> context_of_step;
  for (std::size_t c = 0; c < contexts.first.size(); ++c) {
    auto const i = contexts.first[c];
    if (prompts[i].shared == 0) continue;
    steps.push_back(step_of(i, 0, prompts[i].shared, start));
    context_of_step.push_back(c);
  }
  fork_counted(model, steps, how, policies, done,
               {.logits = [](auto&&...) {},
                .state = [&](std::size_t p, std::size_t s,
                             state&& after) { context[p][context_of_step[s]] = std::move(after); }});
  for (std::size_t p = 0; p < policies.size(); ++p) {
    steps.clear();
    for (std::size_t i = 0; i < prompts.size(); ++i)
      steps.push_back(step_of(i, prompts[i].shared, prompts[i].tokens.size(), context[p][contexts.of[i]]));
    fork_counted(model, steps, how, policies.subspan(p, 1), done,
                 {.logits = [&](std::size_t, std::size_t i, std::size_t, auto logits) { use_logits(p, i, logits); },
                  .state = [&](std::size_t, std::size_t i, state&& after) { read[p][i] = std::move(after); }});
  }
  return read;
}

/// Policies that one reading of a prompt serves: the indices of those that leave prefill dense, and their reading.
struct prefill_group {
  std::vector<any_policy> read_under;            ///< the policies that prompts are read under
  std::vector<std::vector<std::size_t>> serves;  ///< per reading, the policies that continue it
};

/// Policies in groups that read prompts together, a few at a time: all that leave prefill dense behind one dense
/// reading, then those that treat all sequences alike, then those that do not and so cannot share prompts' beginnings.
[[nodiscard]] inline std::vector<prefill_group> group_policies(std::span<any_policy const> policies) {
  constexpr std::size_t readings_at_once = 8;
  prefill_group after_dense{.read_under = {dense}, .serves = {{}}};
  std::array<prefill_group, 2> apart;  // at 1 those that depend on the sequence
  std::vector<prefill_group> groups;
  for (std::size_t p = 0; p < policies.size(); ++p) {
    if (leaves_prefill_dense(policies[p])) {
      after_dense.serves.front().push_back(p);
      continue;
    }
    auto& group = apart[depends_on_sequence(policies[p]) ? 1 : 0];
    group.read_under.push_back(policies[p]);
    group.serves.push_back({p});
    if (group.serves.size() == readings_at_once) groups.push_back(std::exchange(group, {}));
  }
  if (!after_dense.serves.front().empty()) groups.push_back(std::move(after_dense));
  for (auto& group : apart)
    if (!group.serves.empty()) groups.push_back(std::move(group));
  return groups;
}

}  // namespace headcount::v0::evaluate
