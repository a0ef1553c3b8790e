#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/engine/language_model.hpp>
#include <headcount/kernel/observer.hpp>
#include <headcount/policy/any_policy.hpp>

namespace headcount::v0::evaluate {

/// Who watches the attention of a pass: what a kernel::attention_observer is told, chosen at run time. What nobody set
/// does nothing. No function may keep a reference to what it is given.
struct observer {
  /// A head's attention row that was computed, before any edit, `[key]`, the newest key last.
  std::function<void(site const&, std::size_t, std::span<float const>)> row = [](auto&&...) {};
  /// The same after edits.
  std::function<void(site const&, std::size_t, std::span<float const>)> edited_row = [](auto&&...) {};
  /// The heads that were kept at a site.
  std::function<void(site const&, head_set const&)> kept = [](auto&&...) {};
  /// What the policy's scorer made of every head, `[head]`, where it was asked.
  std::function<void(site const&, std::span<double const>)> scored = [](auto&&...) {};
  /// A kept head's output before the output projection, `[dim]`, after edits.
  std::function<void(site const&, std::size_t, std::span<float const>)> output = [](auto&&...) {};
  /// What the attention block was given, `[width]`.
  std::function<void(site const&, std::span<float const>)> input = [](auto&&...) {};
};

/// Any kernel::attention_observer, such as a recorder, as one that is chosen at run time. It must outlive the result.
template <kernel::attention_observer Observer>
[[nodiscard]] observer as_observer(Observer& to) {
  observer all;
  all.row = [&to](site const& where, std::size_t head, std::span<float const> row) { to.row(where, head, row); };
  all.kept = [&to](site const& where, head_set const& kept) { to.kept(where, kept); };
  if constexpr (kernel::watches_edited_rows<Observer>)
    all.edited_row = [&to](site const& where, std::size_t head, std::span<float const> row) {
      to.edited_row(where, head, row);
    };
  if constexpr (kernel::watches_scores<Observer>)
    all.scored = [&to](site const& where, std::span<double const> scores) { to.scored(where, scores); };
  if constexpr (kernel::watches_outputs<Observer>)
    all.output = [&to](site const& where, std::size_t head, std::span<float const> values) {
      to.output(where, head, values);
    };
  if constexpr (kernel::watches_inputs<Observer>)
    all.input = [&to](site const& where, std::span<float const> values) { to.input(where, values); };
  return all;
}

/// A language model that shows what its attention does (level 2): calibrated rankings, predictors, budgets and
/// recorders work with any of them.
///
/// `layers()` says what heads there are, a site a layer in the model's order: `heads`, `group`, `width` and `head_dim`,
/// and 0 heads for a layer without attention. `run` with an observer does what it does without, and tells it of every
/// query of every step; sites carry the step's name of the sequence and the token's position in it.
template <class Model>
concept observed =
    language_model<Model> && requires(Model& model, std::span<step<typename Model::state> const> steps, pass const& how,
                                      any_policy const& policy, logits_user const& use, observer const& watch) {
      { model.layers() } -> std::same_as<std::vector<site>>;
      model.run(steps, how, policy, use, watch);
    };

}  // namespace headcount::v0::evaluate
