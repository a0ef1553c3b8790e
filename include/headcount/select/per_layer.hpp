#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include <headcount/core/error.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/part/layer_table.hpp>
#include <headcount/part/part.hpp>
#include <headcount/part/print_part.hpp>
#include <headcount/select/count.hpp>
#include <headcount/select/selector.hpp>

namespace headcount::v0::select {

/// top_k with a k for each layer: per_layer(2:5, 5-8:1). Layers count from 0, recurrent ones included. A layer that the
/// table leaves out keeps every head, but validate lets none be left out. O(heads * k), no allocation.
/// Errors: validate throws when the table has no k for the layer, or one above its heads.
/// Source: own; layer budgets as in PyramidKV (Cai et al. 2024, arXiv 2406.02069), for heads.
struct per_layer {
  static constexpr std::string_view name = "per_layer";
  static constexpr part_about about{"the k heads with the highest scores, k a layer's own", "heads of rank < k[layer]",
                                    "own, after PyramidKV, arXiv 2406.02069"};
  static constexpr bool depends_on_sequence = false;

  layer_table k;  ///< heads kept at a query of each layer

  static constexpr auto fields = field_list{leading_field("k", &per_layer::k, "heads kept at a query of each layer")};

  [[nodiscard]] head_set operator()(std::span<double const> scores, site const& where) const noexcept {
    return best_heads(scores, k.at(where.layer).value_or(scores.size()));
  }
};

/// A mistake when the table does not name the layer, or its k is more than the layer's heads.
[[nodiscard]] inline std::optional<error> find_mistake(per_layer const& part, site const& where) {
  auto const k = part.k.at(where.layer);
  if (!k)
    return error{print(part), text_of("no k is given for layer ", where.layer),
                 "layer:k for every attention layer in the policy's scope"};
  return find_too_many(part, *k, where);
}

}  // namespace headcount::v0::select
