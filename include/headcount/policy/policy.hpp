#pragma once

#include <concepts>
#include <utility>

#include <headcount/core/phase.hpp>
#include <headcount/core/site.hpp>
#include <headcount/mask/mask.hpp>
#include <headcount/mask/zero.hpp>
#include <headcount/part/part.hpp>
#include <headcount/policy/scope.hpp>
#include <headcount/score/scorer.hpp>
#include <headcount/score/unscored.hpp>
#include <headcount/select/fixed.hpp>
#include <headcount/select/selector.hpp>

namespace headcount::v0 {

/// A scorer, or any_scorer, which is one that was chosen at run time.
template <class Score>
concept policy_scorer = scorer<Score> || is_erased_part<Score>;
/// A selector, or any_selector.
template <class Select>
concept policy_selector = selector<Select> || is_erased_part<Select>;
/// A mask, or any_mask.
template <class Mask>
concept policy_mask = head_mask<Mask> || is_erased_part<Mask>;

/// How heads are scored, which are kept, what becomes of the others, and where: made with `operator|` or from a
/// sentence. A value: copying it is cheap, and it has no state.
template <policy_scorer Score, policy_selector Select, policy_mask Mask = mask::zero>
struct policy {
  [[no_unique_address]] Score score;
  [[no_unique_address]] Select select;
  [[no_unique_address]] Mask mask;
  scope where;

  constexpr policy() = default;
  constexpr policy(Score scorer, Select selector, Mask masking = {}, scope applies = {})
      : score{std::move(scorer)}, select{std::move(selector)}, mask{std::move(masking)}, where{applies} {}

  /// A policy of known parts becomes one of any parts (see any_policy).
  template <class OtherScore, class OtherSelect, class OtherMask>
    requires(std::convertible_to<OtherScore, Score> && std::convertible_to<OtherSelect, Select> &&
             std::convertible_to<OtherMask, Mask>)
  constexpr policy(policy<OtherScore, OtherSelect, OtherMask> const& other)
      : score{other.score}, select{other.select}, mask{other.mask}, where{other.where} {}

  /// The same policy, limited to one phase.
  [[nodiscard]] constexpr policy during(phase when) const {
    auto limited = *this;
    limited.where.during = when;
    return limited;
  }

  /// The same policy, limited to some layers.
  [[nodiscard]] constexpr policy in_layers(layer_set layers) const {
    auto limited = *this;
    limited.where.layers = layers;
    return limited;
  }

  /// Whether the scorer's type allows it to read this: kernels leave out at compile time what cannot happen.
  [[nodiscard]] static constexpr bool may_read(reading what) noexcept { return headcount::may_read<Score>(what); }

  /// What the scorer reads.
  [[nodiscard]] constexpr reading_set reads() const noexcept { return reads_of(score); }

  /// Policies of equal parts, down to the content of files, in equal scopes.
  [[nodiscard]] friend bool operator==(policy const& a, policy const& b) {
    auto const same = []<class Part>(Part const& x, Part const& y) {
      if constexpr (is_erased_part<Part>) return x == y;
      else return same_content(x, y);
    };
    return same(a.score, b.score) && same(a.select, b.select) && same(a.mask, b.mask) && a.where == b.where;
  }

  /// Numbers a head that the scorer, and after it the selector, remember from token to token; whoever runs the model
  /// keeps them in a scorer_state.
  [[nodiscard]] constexpr std::size_t state_size() const noexcept {
    return state_size_of(score) + state_size_of(select);
  }
};

/// A policy whose mask nobody has named yet: it is zero.
template <policy_scorer Score, policy_selector Select>
struct policy_without_mask : policy<Score, Select> {
  using policy<Score, Select>::policy;

  [[nodiscard]] constexpr policy_without_mask during(phase when) const {
    auto limited = *this;
    limited.where.during = when;
    return limited;
  }
  [[nodiscard]] constexpr policy_without_mask in_layers(layer_set layers) const {
    auto limited = *this;
    limited.where.layers = layers;
    return limited;
  }
};

/// Keeps every head.
inline constexpr policy_without_mask<score::unscored, select::every_head> dense{};

/// Keeps no head: what the recurrent layers can do alone.
inline constexpr policy_without_mask<score::unscored, select::no_head> none{};

/// Whether a type is an instance of `policy`; head_policy asks it.
template <class Policy>
inline constexpr bool is_policy = false;
template <class Score, class Select, class Mask>
inline constexpr bool is_policy<policy<Score, Select, Mask>> = true;
template <class Score, class Select>
inline constexpr bool is_policy<policy_without_mask<Score, Select>> = true;

/// Any instance of `policy`.
template <class Policy>
concept head_policy = is_policy<Policy>;

}  // namespace headcount::v0
