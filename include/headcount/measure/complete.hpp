#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <headcount/core/phase.hpp>
#include <headcount/core/token.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/engine/logits.hpp>
#include <headcount/measure/read_prompts.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/task/request.hpp>

namespace headcount::v0::evaluate {

/// What a model said to a request.
struct completion {
  std::vector<token> tokens{};  ///< the stop token included
  bool finite = true;           ///< whether each was the best of logits that name one, see has_best_token

  /// Says the best token.
  void say(std::span<float const> logits) {
    finite = finite && has_best_token(logits);
    tokens.push_back(best_token(logits));
  }
};

/// Takes a completion: (policy, request, completion).
using completion_user = std::function<void(std::size_t, std::size_t, completion&&)>;

namespace detail {

/// A completion on its way: what was generated of it, and the state before its last token.
struct begun_completion {
  std::size_t request = 0;
  any_model::state state{};
  completion generated{};  ///< the request's lead first
};

/// Says one token after the other until every completion has ended. Tokens that were generated before they came here
/// and are not in the state yet are read in the first pass.
inline void decode(any_model const& model, std::span<generation_request const> requests,
                   std::vector<begun_completion>& completions, any_policy const& policy, work& done) {
  std::vector<begun_completion*> running;
  for (auto& one : completions)
    if (!requests[one.request].ends(one.generated.tokens)) running.push_back(&one);
  for (bool first = true; !running.empty(); first = false) {
    std::vector<step<any_model::state>> steps;
    for (auto* one : running) {
      auto const& asked = requests[one->request].prompt;
      std::span<token const> const generated{one->generated.tokens};
      steps.push_back({.tokens = first ? generated : generated.last(1),
                       .state = &one->state,
                       .sequence_id = asked.sequence_id.value_or(0),
                       .edits = asked.edits_in(phase::generation)});
      done.computed += steps.back().tokens.size();
    }
    model.run(steps, {.phase = phase::generation}, policy,
              [&](std::size_t i, std::size_t, std::span<float const> logits) { running[i]->generated.say(logits); });
    std::erase_if(running,
                  [&](begun_completion const* one) { return requests[one->request].ends(one->generated.tokens); });
  }
}

}  // namespace detail

/// Completes prompts greedily under policies. Policies that leave prefill dense share one reading of a prompt. Where an
/// request has a draft, the part of it that the model would say is found in one generation pass, and only what differs
/// is generated token by token: the same completion, since a draft's token stands only where it is the greedy choice.
/// Throws what the model throws.
inline void complete(any_model const& model, std::span<generation_request const> requests,
                     std::span<any_policy const> policies, work& done, completion_user const& use) {
  using state = any_model::state;
  std::vector<prompt> prompts;
  for (auto const& one : requests) prompts.push_back(one.prompt);
  for (auto const& group : group_policies(policies)) {
    std::vector<std::vector<completion>> next(group.read_under.size(), std::vector<completion>(prompts.size()));
    auto states = read_prompts(model, prompts, group.read_under, group.may_share, done,
                               [&](std::size_t reading, std::size_t i, auto logits) { next[reading][i].say(logits); });
    for (std::size_t reading = 0; reading < states.size(); ++reading) {
      auto const& serves = group.serves[reading];
      std::vector<any_policy> own;
      for (auto const p : serves) own.push_back(policies[p]);
      std::vector<std::vector<completion>> generated(own.size());
      for (auto& one : generated)
        for (std::size_t i = 0; i < requests.size(); ++i)
          one.push_back(requests[i].lead.empty() ? next[reading][i] : completion{.tokens = requests[i].lead});

      // The lead, and as much of the draft as may turn out to be generated.
      std::vector<std::vector<token>> expected;
      for (auto const& one : requests) {
        expected.push_back(one.lead);
        expected.back().insert(expected.back().end(), one.draft.begin(), one.draft.end());
      }
      std::vector<step<state const>> steps;
      std::vector<std::size_t> of_step;
      for (std::size_t i = 0; i < requests.size(); ++i) {
        auto const& lead = requests[i].lead;
        auto const& draft = requests[i].draft;
        if (lead.empty() && (draft.size() < 2 || draft.front() != next[reading][i].tokens[0])) continue;
        steps.push_back({.tokens = std::span{expected[i]}.first(expected[i].size() - (draft.empty() ? 0 : 1)),
                         .state = &states[reading][i],
                         .sequence_id = prompts[i].sequence_id.value_or(0),
                         .edits = prompts[i].edits_in(phase::generation)});
        of_step.push_back(i);
      }
      fork_counted(model, steps, {.phase = phase::generation, .every_token = true}, own, done,
                   {.logits =
                        [&](std::size_t u, std::size_t s, std::size_t t, std::span<float const> logits) {
                          auto& so_far = generated[u][of_step[s]];
                          auto const& asked = requests[of_step[s]];
                          bool const as_drafted =
                              so_far.tokens.size() == t + 1 && so_far.tokens.back() == expected[of_step[s]][t];
                          if (as_drafted && !asked.ends(so_far.tokens)) so_far.say(logits);
                        },
                    .state = [](auto&&...) {}});

      for (std::size_t u = 0; u < own.size(); ++u) {
        std::vector<detail::begun_completion> completions;
        auto const continued = [&](std::size_t i) {  // the last policy needs no copy
          return u + 1 == own.size() ? std::move(states[reading][i]) : states[reading][i];
        };
        for (std::size_t i = 0; i < requests.size(); ++i)
          completions.push_back({.request = i,
                                 .state = requests[i].ends(generated[u][i].tokens) ? state{} : continued(i),
                                 .generated = std::move(generated[u][i])});
        detail::decode(model, requests, completions, own[u], done);
        for (auto& one : completions) {
          done.tokens_without_sharing += prompts[one.request].tokens.size() + one.generated.tokens.size() - 1;
          auto const lead = static_cast<std::ptrdiff_t>(requests[one.request].lead.size());
          auto& said = one.generated.tokens;
          said.erase(said.begin(), said.begin() + lead);
          use(serves[u], one.request, std::move(one.generated));
        }
      }
    }
  }
}

}  // namespace headcount::v0::evaluate
