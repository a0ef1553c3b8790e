#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <headcount/core/phase.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/measure/read_prompts.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/task/request.hpp>

namespace headcount::v0::evaluate {

/// One token that a model was asked about: under a policy, token `token` of continuation `continuation` of request
/// `request`.
struct forced_token {
  std::size_t policy = 0;
  std::size_t request = 0;
  std::size_t continuation = 0;
  std::size_t token = 0;
};

/// Takes the logits that predict a continuation's token, `[vocabulary]`.
using forced_user = std::function<void(forced_token, std::span<float const>)>;

/// Reads prompts under policies and then the right continuations, each token after the right ones before it, in the
/// phase that their request says: `use` gets the logits that predict each token. Nothing is read twice: policies that
/// leave prefill dense share one reading, the continuations of a prompt continue copies of it, and the first token of
/// all of them is predicted by one pass. Requests with edits in a phase run alone in it. Throws what the model throws.
inline void teacher_force(any_model const& model, std::span<loglikelihood_request const> requests,
                          std::span<any_policy const> policies, work& done, forced_user const& use) {
  using state = any_model::state;
  for (auto const& one : requests)
    for (auto const& text : one.continuations)
      done.tokens_without_sharing += policies.size() * (one.prompt.tokens.size() + text.size() - 1);

  std::vector<prompt> prompts;
  for (auto const& one : requests) prompts.push_back(one.prompt);
  for (auto const& group : group_policies(policies)) {
    auto const states = read_prompts(model, prompts, group.read_under, group.may_share, done,
                                     [&](std::size_t reading, std::size_t i, std::span<float const> logits) {
                                       for (auto const p : group.serves[reading])
                                         for (std::size_t c = 0; c < requests[i].continuations.size(); ++c)
                                           use({p, i, c, 0}, logits);
                                     });
    for (std::size_t reading = 0; reading < states.size(); ++reading) {
      std::vector<any_policy> own;
      for (auto const p : group.serves[reading]) own.push_back(policies[p]);
      for (auto const when : {phase::prefill, phase::generation}) {
        std::vector<step<state const>> steps;
        std::vector<std::pair<std::size_t, std::size_t>> of_step;
        for (std::size_t i = 0; i < requests.size(); ++i) {
          if (requests[i].read_as != when) continue;
          for (std::size_t c = 0; c < requests[i].continuations.size(); ++c) {
            std::span const text{requests[i].continuations[c]};
            if (text.size() < 2) continue;
            steps.push_back({.tokens = text.first(text.size() - 1),
                             .state = &states[reading][i],
                             .sequence_id = prompts[i].sequence_id.value_or(0),
                             .edits = prompts[i].edits_in(when)});
            of_step.emplace_back(i, c);
          }
        }
        // In prefill one reading stands for all the policies it serves; in generation each goes its own way.
        auto const under = when == phase::prefill ? std::span{group.read_under}.subspan(reading, 1) : std::span{own};
        fork_counted(model, steps, {.phase = when, .every_token = true}, under, done,
                     {.logits =
                          [&](std::size_t u, std::size_t s, std::size_t t, std::span<float const> logits) {
                            auto const [i, c] = of_step[s];
                            if (when == phase::generation) use({group.serves[reading][u], i, c, t + 1}, logits);
                            else
                              for (auto const p : group.serves[reading]) use({p, i, c, t + 1}, logits);
                          },
                      .state = [](auto&&...) {}});
      }
    }
  }
}

}  // namespace headcount::v0::evaluate
