#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <set>
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
  { source.shape_of(name) } -> std::same_as<std::vector<std::size_t>>;  // empty where it has no such tensor
};

/// Any weight_source behind one type, which must outlive it.
class any_weight_source {
 public:
  template <weight_source Source>
  explicit any_weight_source(Source& source)
      : take_{[&source](std::string const& name, std::vector<std::size_t> const& shape) {
          return source.take(name, shape);
        }},
        shape_of_{[&source](std::string const& name) { return source.shape_of(name); }} {}

  [[nodiscard]] weights take(std::string const& name, std::vector<std::size_t> const& shape) {
    return take_(name, shape);
  }
  [[nodiscard]] std::vector<std::size_t> shape_of(std::string const& name) const { return shape_of_(name); }

 private:
  std::function<weights(std::string const&, std::vector<std::size_t> const&)> take_;
  std::function<std::vector<std::size_t>(std::string const&)> shape_of_;
};

/// A weight_source that has no numbers, only the shapes that it is asked for: what it gives reads as zeros. It counts
/// the numbers that there would be, each tensor once.
class shapes {
 public:
  [[nodiscard]] weights take(std::string const& name, std::vector<std::size_t> const& shape) {
    weights result{.shape = shape};
    if (names_.insert(name).second) numbers_ += result.size();
    return result;
  }
  [[nodiscard]] static std::vector<std::size_t> shape_of(std::string const&) { return {}; }
  [[nodiscard]] std::size_t numbers() const noexcept { return numbers_; }

 private:
  std::set<std::string, std::less<>> names_;
  std::size_t numbers_ = 0;
};

/// The name among these that a source has; the first where it has none of them.
template <weight_source Source>
[[nodiscard]] std::string one_of(Source const& source, std::initializer_list<std::string> names) {
  for (auto const& name : names)
    if (!source.shape_of(name).empty()) return name;
  return *names.begin();
}

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
