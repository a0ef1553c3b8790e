#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <functional>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include <headcount/engine/any_model.hpp>
#include <headcount/file/digest.hpp>
#include <headcount/measure/compare_distributions.hpp>
#include <headcount/measure/complete.hpp>
#include <headcount/measure/likelihood.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/task/answer.hpp>
#include <headcount/task/request.hpp>
#include <headcount/task/task.hpp>

namespace headcount::v0::evaluate {

namespace detail {

/// The requests of one kind among some prompts of a task. The prompt's name numbers its sequence where nothing else
/// does.
template <class Request>
struct requests_of {
  std::vector<std::size_t> from{};  ///< indices into `which`, one a request
  std::vector<Request> requests{};

  requests_of(task const& asking, std::span<std::size_t const> which) {
    for (std::size_t w = 0; w < which.size(); ++w) {
      auto const& asked = asking.prompts[which[w]];
      auto const add = [&](Request one) {
        auto& read = [&]() -> prompt& {
          if constexpr (std::same_as<Request, comparison_request>) return one.text.prompt;
          else return one.prompt;
        }();
        if (!read.sequence_id) read.sequence_id = hash_of(asked.name);
        from.push_back(w);
        requests.push_back(std::move(one));
      };
      if constexpr (std::same_as<Request, loglikelihood_request>) {
        if (auto const* several = std::get_if<std::vector<Request>>(&asked.request))
          for (auto const& one : *several) add(one);
      } else if (auto const* one = std::get_if<Request>(&asked.request)) add(*one);
    }
  }
};

}  // namespace detail

/// What a model makes of some prompts of a task, given as increasing indices, under policies: `[policy][prompt]`.
/// Prompts that are asked together share what they can, so a caller hands over as many as it can afford to ask again;
/// answers do not depend on which are asked together, but for rounding. Throws what the model throws.
[[nodiscard]] inline std::vector<std::vector<answer>> answers_to(any_model const& model, task const& asking,
                                                                 std::span<std::size_t const> which,
                                                                 std::span<any_policy const> policies, work& done) {
  std::vector<std::vector<answer>> answers(policies.size(), std::vector<answer>(which.size()));
  detail::requests_of<generation_request> const open{asking, which};
  for_each_part(model, std::span{open.requests}, [&](std::span<generation_request const> mine, std::size_t first) {
    complete(model, mine, policies, done, [&](std::size_t p, std::size_t i, completion&& said) {
      auto& found = answers[p][open.from[first + i]];
      found.tokens = std::move(said.tokens);
      found.finite = said.finite;
    });
  });
  detail::requests_of<loglikelihood_request> const closed{asking, which};
  auto likely = likelihoods(model, closed.requests, policies, done);
  for (std::size_t p = 0; p < policies.size(); ++p)
    for (std::size_t i = 0; i < closed.from.size(); ++i)
      for (auto& one : likely[p][i]) answers[p][closed.from[i]].likelihoods.push_back(std::move(one));
  detail::requests_of<comparison_request> const compared{asking, which};
  for (std::size_t i = 0; i < compared.from.size(); ++i) {
    auto found = compare_distributions(model, compared.requests[i], policies, done);
    for (std::size_t p = 0; p < policies.size(); ++p) {
      auto& one = answers[p][compared.from[i]];
      one.agreements = std::move(found[p]);
      one.finite = std::ranges::none_of(one.agreements, [](token_agreement const& at) { return std::isnan(at.kl); });
    }
  }
  return answers;
}

/// Takes what a policy's answer to a prompt is worth in one metric: (policy, prompt, judgement).
using judgement_user = std::function<void(std::size_t, std::size_t, judgement&&)>;

/// Asks some prompts of a task under policies and hands out what the answers are worth, policy by policy in the order
/// of the prompts. A completion that no logits named is worth NaN, which totals leave out and count. Throws what the
/// model throws.
inline void ask(any_model const& model, task const& asking, std::span<std::size_t const> which,
                std::span<any_policy const> policies, work& done, judgement_user const& use) {
  auto const answers = answers_to(model, asking, which, policies, done);
  for (std::size_t p = 0; p < policies.size(); ++p)
    for (std::size_t w = 0; w < which.size(); ++w)
      for (auto& one : asking.judge(which[w], answers[p][w])) {
        if (!answers[p][w].finite) one.value = std::numeric_limits<double>::quiet_NaN();
        use(p, which[w], std::move(one));
      }
}

/// The same for all prompts.
inline void ask(any_model const& model, task const& asking, std::span<any_policy const> policies, work& done,
                judgement_user const& use) {
  std::vector<std::size_t> all(asking.prompts.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  ask(model, asking, all, policies, done, use);
}

}  // namespace headcount::v0::evaluate
