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
  return policy.where.during == phase::generation || policy == any_policy{dense};
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

/// Reads prompts in prefill under each policy: `[policy][prompt]`, states to be continued. Where `may_share`, which no
/// policy that depends on the sequence allows, prompts that follow each other and begin alike, as far as their `shared`
/// says, have that read once and continue copies of it.
[[nodiscard]] inline std::vector<std::vector<any_model::state>> read_prompts(any_model const& model,
                                                                             std::span<prompt const> prompts,
                                                                             std::span<any_policy const> policies,
                                                                             bool may_share, work& done,
                                                                             first_logits_user const& use_logits) {
  using state = any_model::state;
  pass const how{.phase = phase::prefill};
  auto const start = model.start();
  auto const step_of = [&](std::size_t i, std::size_t begin, std::size_t end, state const& from) {
    return step<state const>{.tokens = std::span{prompts[i].tokens}.subspan(begin, end - begin),
                             .state = &from,
                             .sequence_id = prompts[i].sequence_id.value_or(0),
                             .edits = prompts[i].edits_in(phase::prefill)};
  };
  std::vector<std::vector<state>> read(policies.size(), std::vector<state>(prompts.size()));
  auto const contexts = detail::find_contexts(prompts, may_share);
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

/// Policies that read prompts together, each reading serving those that continue it.
struct prefill_group {
  bool may_share = true;                           ///< whether prompts that begin alike have that read once
  std::vector<any_policy> read_under{};            ///< the policies that prompts are read under
  std::vector<std::vector<std::size_t>> serves{};  ///< per reading, the indices of the policies that continue it
};

/// Policies in groups: all that leave prefill dense behind one dense reading; of the others, a few at a time, those
/// that make of equal beginnings the same, and those that depend on which sequence it is, as random choices do.
[[nodiscard]] inline std::vector<prefill_group> group_policies(std::span<any_policy const> policies) {
  constexpr std::size_t readings_at_once = 8;
  prefill_group after_dense{.read_under = {dense}, .serves = {{}}};
  prefill_group const none_that_share{.may_share = true};
  prefill_group const none_apart{.may_share = false};
  auto sharing = none_that_share;
  auto apart = none_apart;
  std::vector<prefill_group> groups;
  for (std::size_t p = 0; p < policies.size(); ++p) {
    if (leaves_prefill_dense(policies[p])) {
      after_dense.serves.front().push_back(p);
      continue;
    }
    bool const depends = depends_on_sequence(policies[p]);
    auto& group = depends ? apart : sharing;
    group.read_under.push_back(policies[p]);
    group.serves.push_back({p});
    if (group.serves.size() == readings_at_once)
      groups.push_back(std::exchange(group, depends ? none_apart : none_that_share));
  }
  if (!after_dense.serves.front().empty()) groups.push_back(std::move(after_dense));
  for (auto* group : {&sharing, &apart})
    if (!group->serves.empty()) groups.push_back(std::move(*group));
  return groups;
}

}  // namespace headcount::v0::evaluate
