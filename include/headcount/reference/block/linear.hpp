#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <headcount/kernel/products.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/block/weights.hpp>
#include <headcount/reference/parallel.hpp>

namespace headcount::v0::reference {

/// A correction of small rank that is added to a linear map's weight, for weights that several layers share.
/// Source: Hu et al. 2021, arXiv 2106.09685.
struct adapter {
  weights down{};  ///< [rank, in]
  weights up{};    ///< [out, rank]
};

/// A linear map: output = scale * (weight input + up down input) + bias. `weight` is `[out, in]` and stays in its
/// stored format.
struct linear {
  weights weight{};
  std::vector<float> bias{};         ///< `[out]`, or empty for none
  float scale = 1;                   ///< multipliers of the models that have some (muP)
  std::optional<adapter> adapted{};  ///< a layer's own part of a weight that is not its own alone

  /// Whether there is one: a block that does without has an empty map.
  [[nodiscard]] explicit operator bool() const noexcept { return !weight.shape.empty(); }
};

/// Rows [begin, begin + count) of a linear map's weight as float32, `[count, in]`: where they lie when they are float32
/// already, otherwise widened into `buffer`.
[[nodiscard]] inline Eigen::Map<matrix const> widened_rows(linear const& map, std::size_t begin, std::size_t count,
                                                           matrix& buffer) {
  auto const in = map.weight.row_size();
  if (map.weight.type == dtype::float32) return {map.weight.at<float>(begin * in), index(count), index(in)};
  buffer.resize(index(count), index(in));
  widen(map.weight, begin * in, {buffer.data(), count * in});
  return {buffer.data(), index(count), index(in)};
}

/// Output features [begin, end) of a few tokens, from weights as they lie, of a format whose numbers are Number.
template <class Number>
void multiply_few(weights const& weight, std::size_t begin, std::size_t end, matrix const& x, matrix& y) noexcept {
  kernel::multiply_few<Number>({weight.at<Number>(0), {weight.rows(), weight.row_size()}}, begin, end,
                               {x.data(), {size(x.rows()), size(x.cols())}},
                               {y.data(), {size(y.rows()), size(y.cols())}});
}

/// Applies a linear map to every token: x `[token, in]` gives `[token, out]`. O(tokens * in * out).
/// A few tokens multiply float32 and bfloat16 weights as they lie. Otherwise weights are widened a tile of output
/// features at a time, so a model needs its file's size and not four bytes a number: tiles that stay in the L1 cache
/// for a few tokens, each multiplied as a vector, and in L2 for many. Tiles are spread over threads.
[[nodiscard]] inline matrix apply(linear const& map, matrix const& x) {
  constexpr Eigen::Index few = 16;
  constexpr std::size_t few_tile_values = 4096;
  constexpr std::size_t many_tile_values = 1u << 17;
  auto const in = std::max<std::size_t>(map.weight.row_size(), 1);
  auto const out = map.weight.rows();
  auto const tile = std::clamp<std::size_t>(many_tile_values / in / 48 * 48, 48, 480);
  matrix y(x.rows(), index(out));
  for_each_index((out + tile - 1) / tile, [&](std::size_t part) {
    matrix buffer;
    auto const begin = part * tile;
    auto const end = (std::min)(begin + tile, out);
    if (x.rows() > few) {
      y.middleCols(index(begin), index(end - begin)).noalias() =
          x * widened_rows(map, begin, end - begin, buffer).transpose();
    } else if (map.weight.data != nullptr && map.weight.type == dtype::float32) {
      multiply_few<float>(map.weight, begin, end, x, y);
    } else if (map.weight.data != nullptr && map.weight.type == dtype::bfloat16) {
      multiply_few<std::uint16_t>(map.weight, begin, end, x, y);
    } else {
      auto const piece = std::max<std::size_t>(few_tile_values / in, 4);
      for (auto at = begin; at < end; at += piece) {
        auto const count = (std::min)(piece, end - at);
        auto const weight = widened_rows(map, at, count, buffer);
        for (Eigen::Index token = 0; token < x.rows(); ++token)
          y.row(token).segment(index(at), index(count)).transpose().noalias() = weight * x.row(token).transpose();
      }
    }
  });
  if (map.adapted) y += apply(linear{.weight = map.adapted->up}, apply(linear{.weight = map.adapted->down}, x));
  if (map.scale != 1) y *= map.scale;
  if (!map.bias.empty()) y.rowwise() += as_array(std::span{map.bias}).matrix();
  return y;
}

}  // namespace headcount::v0::reference
