#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <span>

#include <headcount/core/token.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/step.hpp>

namespace headcount::v0::evaluate {

/// Takes logits as a pass makes them: use(i, t, logits) gets what follows token t of step i, `[vocabulary]`. They are
/// gone when it returns.
using logits_user = std::function<void(std::size_t, std::size_t, std::span<float const>)>;

/// An engine that runs a language model: tokens in, logits out. Every evaluator works with any of them.
///
/// `state` is all that is remembered of one sequence. It is a value: copies are independent, which is how one prefill
/// is continued in several ways. `start()` gives the state before the first token. `run` feeds each step's tokens to
/// the model under the policy and the step's edits, brings its state up to date and hands out logits. It is told the
/// phase and does not guess it from the number of tokens: reading tokens at once or one by one in the same phase gives
/// the same logits, but for rounding. Steps are sequences of their own, and none may change another.
///
/// A model whose `run` is const may be run by several threads at once.
///
/// llama.cpp fits: `state` is the bytes of llama_state_seq_get_data, `run` hands them to llama_state_seq_set_data,
/// decodes a batch and reads llama_get_logits_ith, and its eval callback follows the policy (see
/// examples/foreign_model.cpp for one written by hand).
template <class Model>
concept language_model = std::copyable<typename Model::state> &&
                         requires(Model& model, std::span<step<typename Model::state> const> steps, pass const& how,
                                  any_policy const& policy, logits_user const& use) {
                           { model.vocabulary() } -> std::convertible_to<std::size_t>;
                           { model.start() } -> std::same_as<typename Model::state>;
                           model.run(steps, how, policy, use);
                         };

/// Takes what becomes of a fork: of step i under policy p, logits after token t, and the state in the end.
template <class State>
struct fork_user {
  std::function<void(std::size_t, std::size_t, std::size_t, std::span<float const>)> logits;  ///< (p, i, t, logits)
  std::function<void(std::size_t, std::size_t, State&&)> state;                               ///< (p, i, state)
};

/// A language model with a way of its own to continue the same states under several policies, which leaves the states
/// as they are and computes once what all policies share.
template <class Model>
concept forking_language_model =
    language_model<Model> &&
    requires(Model& model, std::span<step<typename Model::state const> const> steps, pass const& how,
             std::span<any_policy const> policies,
             fork_user<typename Model::state> const& use) { model.fork(steps, how, policies, use); };

}  // namespace headcount::v0::evaluate
