#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include <headcount/reference/block/convolution.hpp>
#include <headcount/reference/block/linear.hpp>
#include <headcount/reference/block/norm.hpp>
#include <headcount/reference/block/weights.hpp>

namespace headcount::v0::reference {

/// Where a model gets its tensors from: by name, with the shape it must have. Throws headcount::error when the tensor
/// is missing or shaped otherwise. A checkpoint is one; tests make others.
template <class Source>
concept weight_source = requires(Source& source, std::string const& name, std::vector<std::size_t> const& shape) {
  { source.take(name, shape) } -> std::same_as<weights>;
};

/// NAME.weight and, where there is one, NAME.bias.
template <weight_source Source>
[[nodiscard]] linear take_linear(Source& source, std::string const& name, std::size_t out, std::size_t in,
                                 bool bias = false) {
  linear map{.weight = source.take(name + ".weight", {out, in})};
  if (bias) map.bias = widen_all(source.take(name + ".bias", {out}));
  return map;
}

/// NAME.weight as a norm's gain, with `offset` added: 1 for the Gemma family, 0 otherwise.
template <weight_source Source>
[[nodiscard]] rms_norm take_norm(Source& source, std::string const& name, std::size_t width, float epsilon,
                                 float offset = 0) {
  auto gain = widen_all(source.take(name + ".weight", {width}));
  for (auto& value : gain) value += offset;
  return {.gain = std::move(gain), .epsilon = epsilon};
}

/// A matrix of small weights, `[rows, columns]`, as float32 and transposed to `[column, row]`.
[[nodiscard]] inline std::vector<float> widen_transposed(weights const& from) {
  auto const values = widen_all(from);
  auto const columns = from.row_size();
  std::vector<float> transposed(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) transposed[i % columns * from.rows() + i / columns] = values[i];
  return transposed;
}

/// NAME.weight, `[channels, 1, width]`, as a convolution's taps and, where there is one, NAME.bias.
template <weight_source Source>
[[nodiscard]] causal_convolution take_convolution(Source& source, std::string const& name, std::size_t channels,
                                                  std::size_t width, bool bias = true) {
  causal_convolution convolution{.taps = widen_transposed(source.take(name + ".weight", {channels, 1, width})),
                                 .width = width,
                                 .channels = channels};
  if (bias) convolution.bias = widen_all(source.take(name + ".bias", {channels}));
  return convolution;
}

}  // namespace headcount::v0::reference
