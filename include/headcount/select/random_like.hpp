#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <headcount/core/error.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/random.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/words.hpp>
#include <headcount/part/part.hpp>
#include <headcount/part/print_part.hpp>
#include <headcount/select/any_selector.hpp>
#include <headcount/select/selector.hpp>

namespace headcount::v0 {

/// Within what a control keeps as many heads as the selector that it controls for.
enum class head_match : unsigned char { layer, group };

template <>
inline constexpr std::array<std::string_view, 2> words_of<head_match>{"layer", "group"};

}  // namespace headcount::v0

namespace headcount::v0::select {

/// The matched control of any selector: as many heads as `inner` keeps of the same scores, drawn from those that it
/// drops. Whether `inner`'s choice matters is then whether it beats this.
///
///     |kept| = |inner| in every layer (match=layer), or in every key/value group (match=group, where keys and values
///     cost the same, too), and kept and inner are disjoint
///
/// Every such set is as likely. Where `inner` drops fewer heads than it keeps, all that it drops are kept and the rest
/// is drawn from its own: the number always matches, and the overlap is the least there can be. exclude=false draws
/// from all heads. A draw is made by (seed, site), so anew at every query; with once=true by (seed, layer), for
/// selectors that keep the same heads at every token. What `inner` remembers it remembers here. O(inner + heads * heads
/// kept), no allocation, the same on every platform. Errors: validate throws what `inner`'s does, and for match=group
/// where a group is one head, which leaves no other. Source: own; random heads other than those under test, as Wu et
/// al. 2024, arXiv 2404.15574, section 4.
struct random_like {
  static constexpr std::string_view name = "random_like";
  static constexpr part_about about{
      "a control: as many heads as another selector keeps, drawn from those that it drops",
      "|kept| = |inner| in each layer or group, kept and inner disjoint",
      "own, after the random heads of Wu et al. 2024, arXiv 2404.15574"};
  static constexpr bool depends_on_sequence = true;

  any_selector inner{};                  ///< the selector that is controlled for
  head_match match = head_match::layer;  ///< within what the numbers match
  bool exclude = true;                   ///< whether the heads that `inner` keeps come last
  bool once = false;                     ///< whether one draw a layer serves all sequences and positions
  std::uint64_t seed = 0;                ///< any value; another seed is another draw

  static constexpr auto fields =
      field_list{leading_field("inner", &random_like::inner, "the selector that is controlled for"),
                 named_field("match", &random_like::match, "within what as many heads are kept"),
                 named_field("exclude", &random_like::exclude, "whether heads that it keeps are drawn last"),
                 named_field("once", &random_like::once, "whether one draw serves all tokens"),
                 named_field("seed", &random_like::seed, "another seed is another draw")};

  [[nodiscard]] std::size_t state_size() const noexcept { return inner.state_size(); }

  [[nodiscard]] head_set operator()(std::span<double const> scores, site const& where,
                                    std::span<double> state) const noexcept {
    auto const like = inner(scores, where, state);
    auto drawn_at = where;
    if (once) drawn_at.sequence_id = drawn_at.position = 0;
    std::array<double, head_set::capacity()> room{};
    auto const draws = std::span{room}.first(scores.size());
    for (std::size_t head = 0; head < draws.size(); ++head)
      draws[head] = uniform_number(seed, drawn_at, head) - (exclude && like.contains(head) ? 1 : 0);
    auto const size = match == head_match::group ? where.group : draws.size();
    head_set kept;
    for (std::size_t first = 0; first < draws.size(); first += size) {
      auto const pool = draws.subspan(first, (std::min)(size, draws.size() - first));
      std::size_t count = 0;
      for (std::size_t head = 0; head < pool.size(); ++head) count += like.contains(first + head) ? 1u : 0u;
      for (auto const head : best_heads(pool, count)) kept.insert(first + head);
    }
    return kept;
  }
};

/// A mistake where the only head like a kept one is itself.
[[nodiscard]] inline std::optional<error> find_mistake(random_like const& part, site const& where) {
  if (part.match == head_match::group && part.exclude && where.group == 1)
    return error{print(part),
                 text_of("layer ", where.layer, " has one head a key/value head, so no other one is like it"),
                 "match=layer"};
  return std::nullopt;
}

}  // namespace headcount::v0::select
