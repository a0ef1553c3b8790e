#pragma once

#include <cstddef>
#include <optional>

#include <headcount/core/index_set.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/site.hpp>

namespace headcount::v0 {

/// The layers a policy or an edit is limited to.
using layer_set = index_set<1024>;

/// Where a policy or an edit applies; elsewhere every head is kept and no weight is touched.
/// The published default is generation only, which leaves prefill dense.
struct scope {
  std::optional<phase> during;      ///< one phase; both when empty
  std::optional<layer_set> layers;  ///< these layers; all when empty

  [[nodiscard]] constexpr bool reaches(std::size_t layer) const noexcept {
    return !layers || (layer < layer_set::capacity() && layers->contains(layer));
  }
  [[nodiscard]] friend constexpr bool operator==(scope const&, scope const&) noexcept = default;

  [[nodiscard]] constexpr bool covers(site const& where) const noexcept {
    return (!during || *during == where.phase) && reaches(where.layer);
  }
};

}  // namespace headcount::v0
