#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <ggml-backend.h>
#include <ggml.h>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/mask/attention_pattern.hpp>

namespace headcount::v0::ggml {

/// What we read or write of a graph: what a block is given, attention rows after softmax, and heads' outputs before the
/// output projection.
enum class node_kind { other, input, weights, outputs };

/// What a node's name says it is, and of which layer.
struct node_role {
  node_kind kind = node_kind::other;
  std::size_t layer = 0;
};
[[nodiscard]] inline node_role role_of(std::string_view name) noexcept {
  auto const dash = name.rfind('-');
  if (dash == std::string_view::npos) return {};
  node_role role;
  auto const number = name.substr(dash + 1);
  if (auto const [end, failed] = std::from_chars(number.data(), number.data() + number.size(), role.layer);
      failed != std::errc{} || end != number.data() + number.size())
    return {};
  auto const word = name.substr(0, dash);
  if (word == "attn_norm" || word == "model.layers.{}.operator_norm") role.kind = node_kind::input;
  if (word == "kq_soft_max" || word == "kq_soft_max_ext") role.kind = node_kind::weights;
  if (word == "kqv_out" || word == "attn_pregate" || word == "kqv_merged_cont") role.kind = node_kind::outputs;
  return role;
}

/// The heads of an attention node, and how many share keys.
struct head_shape {
  std::size_t heads = 0;
  std::size_t group = 1;
  std::size_t dim = 0;  ///< of an output
};

/// Follows what a node is made of, through what only moves numbers, to the operation that computed it.
[[nodiscard]] inline ggml_tensor const* origin_of(ggml_tensor const* node) noexcept {
  while (node != nullptr && (node->op == GGML_OP_CONT || node->op == GGML_OP_RESHAPE || node->op == GGML_OP_VIEW ||
                             node->op == GGML_OP_PERMUTE || node->op == GGML_OP_CPY))
    node = node->src[0];
  return node;
}

/// The shape of outputs, from the product or the fused attention that they come from; no heads where they come from
/// anything else, such as the output projection, which older versions called kqv_out.
[[nodiscard]] inline head_shape shape_of_outputs(ggml_tensor const& node) noexcept {
  if (node.op == GGML_OP_MUL_MAT) return {};
  auto const* const made = origin_of(&node);
  if (made == nullptr) return {};
  auto const size = [](std::int64_t extent) { return static_cast<std::size_t>(extent); };
  head_shape shape;
  if (made->op == GGML_OP_MUL_MAT && made->src[0] != nullptr)
    shape = {size(made->ne[2]), size(made->ne[2] / std::max<std::int64_t>(1, made->src[0]->ne[2])), size(made->ne[0])};
  else if (made->op == GGML_OP_FLASH_ATTN_EXT && made->src[1] != nullptr)
    shape = {size(made->ne[1]), size(made->ne[1] / std::max<std::int64_t>(1, made->src[1]->ne[2])), size(made->ne[0])};
  return shape.heads * shape.dim == size(node.ne[0]) ? shape : head_shape{};
}

/// The bytes of a tensor where we can read and write them: its own on the host, a copy elsewhere.
class host_values {
 public:
  explicit host_values(ggml_tensor& tensor) : tensor_{&tensor} {
    auto const* const buffer = tensor.view_src != nullptr ? tensor.view_src->buffer : tensor.buffer;
    if (buffer == nullptr || ggml_backend_buffer_is_host(tensor.buffer)) return;
    copy_.resize(ggml_nbytes(&tensor));
    ggml_backend_tensor_get(&tensor, copy_.data(), 0, copy_.size());
  }
  [[nodiscard]] std::byte* data() noexcept {
    return copy_.empty() ? static_cast<std::byte*>(tensor_->data) : copy_.data();
  }
  /// Brings what was written back to where the tensor lives.
  void store() {
    if (!copy_.empty()) ggml_backend_tensor_set(tensor_, copy_.data(), 0, copy_.size());
  }

 private:
  ggml_tensor* tensor_;
  std::vector<std::byte> copy_;
};

/// Whether a query's mask shows a cell.
[[nodiscard]] inline bool shows(ggml_tensor const& mask, std::byte const* data, std::size_t cell, std::size_t query,
                                std::size_t stream) {
  auto const* const at =
      data + cell * mask.nb[0] + query * mask.nb[1] + stream % static_cast<std::size_t>(mask.ne[3]) * mask.nb[3];
  if (mask.type == GGML_TYPE_F16) {
    std::uint16_t half = 0;
    std::memcpy(&half, at, sizeof half);
    return half != 0xFC00;  // minus infinity
  }
  float value = 0;
  std::memcpy(&value, at, sizeof value);
  return value != -std::numeric_limits<float>::infinity();
}

/// Throws headcount::error when a tensor does not hold float32 side by side.
inline void require_float(ggml_tensor const& node) {
  if (node.type != GGML_TYPE_F32 || node.nb[0] != sizeof(float))
    fail(node.name, text_of("its type is ", ggml_type_name(node.type)), "F32");
}

/// How many heads of attention rows share keys, from the product that they come from; 1 where there is none.
[[nodiscard]] inline std::size_t group_of_rows(ggml_tensor const& node) noexcept {
  auto const* product = origin_of(node.src[0]);
  while (product != nullptr && product->op != GGML_OP_MUL_MAT) product = origin_of(product->src[0]);
  if (product == nullptr || product->src[0] == nullptr || product->src[0]->ne[2] < 1) return 1;
  return static_cast<std::size_t>(node.ne[2] / product->src[0]->ne[2]);
}

/// Makes sure that what takes attention outputs is the output projection, or a gate before it.
class consumer_check {
 public:
  void begin(ggml_tensor const& outputs) {
    pending_ = &outputs;
    name_ = outputs.name;
  }
  /// Throws headcount::error when a node takes the outputs and is neither.
  void meet(ggml_tensor const& node) {
    if (pending_ == nullptr || std::ranges::find(node.src, pending_) == std::end(node.src)) return;
    switch (node.op) {
      case GGML_OP_RESHAPE:
      case GGML_OP_VIEW:
      case GGML_OP_CONT:
      case GGML_OP_GET_ROWS:
        pending_ = &node;
        return;
      case GGML_OP_MUL_MAT:
      case GGML_OP_MUL:
        pending_ = nullptr;
        return;
      default:
        fail("llama.cpp", text_of(name_, " goes into ", ggml_op_name(node.op)),
             "the output projection (MUL_MAT) or a gate (MUL)");
    }
  }
  /// Throws headcount::error when nothing took the last outputs.
  void end() const {
    if (pending_ != nullptr) fail("llama.cpp", text_of("nothing takes ", name_), "an output projection or a gate");
  }

 private:
  ggml_tensor const* pending_ = nullptr;
  std::string name_;
};

/// A row over some of its keys alone, in place: softmax over some is softmax over all, divided by their mass. O(keys).
inline void attend_only(attention_pattern const& to, std::span<float> row) {
  auto const each = [&](auto const& visit) {
    to.for_each_range(row.size(), [&](std::size_t begin, std::size_t end) {
      for (auto& weight : row.subspan(begin, end - begin)) visit(weight);
    });
  };
  double mass = 0;
  if (!to.even) each([&](float weight) { mass += static_cast<double>(weight); });
  auto const evenly = 1 / static_cast<float>(to.size(row.size()));
  each([&](float& weight) { weight = mass > 0 ? static_cast<float>(static_cast<double>(weight) / mass) : evenly; });
  auto const oldest = to.end_of_oldest(row.size());
  std::ranges::fill(row.subspan(oldest, to.begin_of_newest(row.size()) - oldest), 0.0f);
}

}  // namespace headcount::v0::ggml
