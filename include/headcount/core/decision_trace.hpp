#pragma once

#include <algorithm>
#include <cstddef>
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
  std::vector<decision> decisions{};  ///< by sequence, layer and position, each once

  /// What was decided at a site; null when nothing was recorded there. O(log decisions).
  [[nodiscard]] decision const* find(site const& where) const noexcept {
    decision const wanted{.sequence_id = where.sequence_id, .layer = where.layer, .position = where.position};
    auto const found = std::lower_bound(decisions.begin(), decisions.end(), wanted, comes_before);
    return found != decisions.end() && !comes_before(wanted, *found) ? &*found : nullptr;
  }

  /// How decisions are ordered.
  [[nodiscard]] static bool comes_before(decision const& a, decision const& b) noexcept {
    if (a.sequence_id != b.sequence_id) return a.sequence_id < b.sequence_id;
    return a.layer != b.layer ? a.layer < b.layer : a.position < b.position;
  }

  void add_to(content_digest& digest) const noexcept {
    static_assert(std::has_unique_object_representations_v<decision>);
    digest.add_bytes(decisions.data(), decisions.size() * sizeof(decision));
  }

  [[nodiscard]] friend bool operator==(decision_trace const&, decision_trace const&) = default;
};

}  // namespace headcount::v0
