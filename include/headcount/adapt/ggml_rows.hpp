#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include <ggml.h>

#include <headcount/adapt/ggml_nodes.hpp>

namespace headcount::v0::ggml {

/// The rows of one query in a softmax, `[key, query, head, stream]`, fastest first, whose values are at `data`.
class query_rows {
 public:
  query_rows(ggml_tensor const& node, std::byte* data, std::size_t query, std::size_t stream) noexcept
      : node_{&node}, data_{data + query * node.nb[1] + stream * node.nb[3]} {}

  /// The weights of some cells, `[head, cell]`.
  void read(std::span<std::size_t const> cells, std::size_t heads, std::vector<float>& rows) const {
    rows.clear();
    for (std::size_t head = 0; head < heads; ++head)
      for (auto const cell : cells) rows.push_back(*at(head, cell));
  }
  /// Puts them back.
  void write(std::span<std::size_t const> cells, std::size_t heads, std::span<float const> rows) const {
    for (std::size_t head = 0; head < heads; ++head)
      for (std::size_t key = 0; key < cells.size(); ++key) *at(head, cells[key]) = rows[head * cells.size() + key];
  }

 private:
  [[nodiscard]] float* at(std::size_t head, std::size_t cell) const noexcept {
    return reinterpret_cast<float*>(data_ + cell * node_->nb[0] + head * node_->nb[2]);
  }
  ggml_tensor const* node_;
  std::byte* data_;
};

/// What attention blocks of a graph are given, `[token][width]`, of the layer at work.
class block_inputs {
 public:
  /// Says that a layer has such a node, wanted or not.
  void meet(std::size_t layer) noexcept { met_ = layer; }
  /// Whether the layer at work has one.
  [[nodiscard]] bool met(std::size_t layer) const noexcept { return met_ == layer; }

  /// Keeps the values of a node, `[width, token]`, fastest first. Throws headcount::error when it holds no float32.
  void take(ggml_tensor& node, std::size_t layer) {
    require_float(node);
    host_values values{node};
    width_ = static_cast<std::size_t>(node.ne[0]);
    auto const tokens = static_cast<std::size_t>(node.ne[1] * node.ne[2] * node.ne[3]);
    values_.resize(tokens * width_);
    for (std::size_t token = 0; token < tokens; ++token)
      std::copy_n(reinterpret_cast<float const*>(values.data() + token * node.nb[1]), width_,
                  values_.data() + token * width_);
    taken_ = layer;
  }
  /// What the block of a layer is given at a token of the ubatch; empty where that was not seen.
  [[nodiscard]] std::span<float const> of(std::size_t layer, std::size_t token) const noexcept {
    if (taken_ != layer || (token + 1) * width_ > values_.size()) return {};
    return std::span{values_}.subspan(token * width_, width_);
  }

 private:
  std::optional<std::size_t> met_;
  std::optional<std::size_t> taken_;
  std::size_t width_ = 0;
  std::vector<float> values_;
};

}  // namespace headcount::v0::ggml
