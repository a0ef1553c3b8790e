#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <tuple>
#include <type_traits>
#include <vector>

#include <headcount/core/content_digest.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>

namespace headcount::v0 {

/// The heads that were kept at one site.
struct decision {
  std::size_t sequence_id = 0;  ///< site::sequence_id
  std::size_t layer = 0;        ///< site::layer
  std::size_t position = 0;     ///< site::position
  std::size_t heads = 0;        ///< of the layer
  head_set kept{};

  [[nodiscard]] friend bool operator==(decision const&, decision const&) = default;
};

/// What a run decided, site by site, so that it can be decided again: see score::replay.
struct decision_trace {
  std::vector<decision> decisions{};  ///< by row, layer and position, each once

  /// What was decided at a site; null when nothing was recorded there. O(log decisions).
  [[nodiscard]] decision const* find(site const& where) const noexcept {
    auto const wanted = std::tuple{where.sequence_id, where.layer, where.position};
    auto const found = std::ranges::lower_bound(decisions, wanted, {}, place_of);
    return found != decisions.end() && place_of(*found) == wanted ? &*found : nullptr;
  }

  /// What decisions are ordered by.
  [[nodiscard]] static std::tuple<std::size_t, std::size_t, std::size_t> place_of(decision const& one) noexcept {
    return {one.sequence_id, one.layer, one.position};
  }

  void add_to(content_digest& digest) const noexcept {
    static_assert(std::has_unique_object_representations_v<decision>);
    digest.add(std::as_bytes(std::span{decisions}));
  }

  [[nodiscard]] friend bool operator==(decision_trace const&, decision_trace const&) = default;
};

}  // namespace headcount::v0
