#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>

#include <headcount/core/fill.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/kernel/shared_keys.hpp>
#include <headcount/kernel/shared_values.hpp>

namespace headcount::v0::kernel {

/// Keys that are walked at once: what all heads of a group meet before the walk goes on, so that it comes from memory
/// once, and fits where the next heads find it.
inline constexpr std::size_t keys_at_once = 32;

/// The same where keys lie feature by feature: so many keys, and features of them, whose memory is so far apart that it
/// may share few places of a cache.
inline constexpr std::size_t keys_by_feature = 64;
inline constexpr std::size_t features_at_once = 128;

/// The heads that share one key/value head, among those asked for.
struct sharing_heads {
  std::array<std::size_t, head_set::capacity()> heads{};
  std::size_t count = 0;

  sharing_heads(head_set const& among, std::size_t shared, std::size_t group) noexcept {
    auto const end = (std::min)((shared + 1) * group, head_set::capacity());
    for (auto head = shared * group; head < end; ++head)
      if (among.contains(head)) heads[count++] = head;
  }

  /// Calls `visit(constant, heads, is_first)` for tiles of up to 5 of them, as many as sums allow.
  template <class Visit>
  void for_each_tile(Visit const& visit) const noexcept {
    std::size_t at = 0;
    auto const take = [&]<std::size_t Heads>(std::integral_constant<std::size_t, Heads> size) {
      visit(size, &heads[at], at == 0);
      at += Heads;
    };
    while (at < count) {
      auto const left = count - at;
      if constexpr (most_sums >= 20)
        if (left == 5 || left >= 9) {
          take(std::integral_constant<std::size_t, 5>{});
          continue;
        }
      if (left >= 4) take(std::integral_constant<std::size_t, 4>{});
      else if (left >= 2) take(std::integral_constant<std::size_t, 2>{});
      else take(std::integral_constant<std::size_t, 1>{});
    }
  }
};

/// Calls `visit(keys, ahead)` for the keys of a row, some at once; `ahead`, where the next of them begin.
template <class Visit>
inline void for_each_block(std::size_t keys, std::size_t at_once, Visit const& visit) noexcept {
  for (std::size_t begin = 0; begin < keys; begin += at_once) {
    auto const end = (std::min)(keys, begin + at_once);
    visit(stretch{begin, end}, end + at_once <= keys ? at_once : 0);
  }
}

/// Logits of all keys, scale * query . key, of some heads: those that share keys walk over them together, and keys that
/// none of them has are not read. `queries` `[head, dim]`, `keys` `[key, kv_head, dim]`, of which the first or the last
/// axis is contiguous, `rows` `[head, key]`. What a head gets does not depend on which others there are.
inline void shared_logits(head_set const& among, std::size_t group, strided_view<float const, 2> queries,
                          strided_view<float const, 3> keys, float scale, strided_view<float, 2> rows) noexcept {
  for (std::size_t shared = 0; shared * group < rows.extent(0); ++shared) {
    sharing_heads const sharing{among, shared, group};
    if (sharing.count == 0) continue;
    key_block<> const block{keys.data() + static_cast<std::ptrdiff_t>(shared) * keys.stride(1), keys.stride(0),
                            keys.stride(2), queries.extent(1), scale};
    auto const keys_of_block = block.by_feature() ? keys_by_feature : keys_at_once;
    auto const features_of_walk = block.by_feature() ? features_at_once : block.dim;
    for_each_block(rows.extent(1), keys_of_block, [&](stretch some, std::size_t ahead) {
      for (std::size_t feature = 0; feature < block.dim; feature += features_of_walk)
        sharing.for_each_tile([&]<std::size_t Heads>(std::integral_constant<std::size_t, Heads>,
                                                     std::size_t const* heads, bool is_first) {
          query_tile<Heads> tile;
          for (std::size_t i = 0; i < Heads; ++i)
            tile.queries[i] = queries[heads[i]].data(), tile.rows[i] = rows[heads[i]].data();
          tile_logits(tile, block, {feature, (std::min)(block.dim, feature + features_of_walk)}, some,
                      is_first ? ahead : 0);
        });
    });
  }
}

/// outputs[head] = sum_key rows[head, key] * values[key, head / group], of some heads, as shared_logits walks. `rows`
/// `[head, key]`, `values` `[key, kv_head, dim]`, `outputs` `[head, dim]`, last axes contiguous.
inline void shared_outputs(head_set const& among, std::size_t group, strided_view<float, 2> rows,
                           strided_view<float const, 3> values, strided_view<float, 2> outputs) noexcept {
  for (auto const head : among) fill(outputs[head].as_span(), 0.0f);
  for (std::size_t shared = 0; shared * group < rows.extent(0); ++shared) {
    sharing_heads const sharing{among, shared, group};
    if (sharing.count == 0) continue;
    value_block const block{values.data() + static_cast<std::ptrdiff_t>(shared) * values.stride(1), values.stride(0),
                            outputs.extent(1)};
    for_each_block(rows.extent(1), keys_at_once, [&](stretch some, std::size_t ahead) {
      sharing.for_each_tile(
          [&]<std::size_t Heads>(std::integral_constant<std::size_t, Heads>, std::size_t const* heads, bool is_first) {
            output_tile<Heads> tile;
            for (std::size_t i = 0; i < Heads; ++i)
              tile.rows[i] = rows[heads[i]].data(), tile.outputs[i] = outputs[heads[i]].data();
            tile_outputs(tile, block, some, is_first ? ahead : 0);
          });
    });
  }
}

}  // namespace headcount::v0::kernel
