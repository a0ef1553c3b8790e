#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <type_traits>

#include <ATen/ATen.h>
#include <ATen/cuda/CUDAContext.h>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/kernel/cuda/attend.cuh>

namespace headcount::v0::cuda {

/// What attention of tensors makes: outputs `[batch, head, dim]`, scores and kept heads `[batch, head]`.
struct attended {
  at::Tensor outputs;
  at::Tensor scores;  ///< float; 0 where the policy reads no rows
  at::Tensor kept;    ///< bool
};

/// What a call of tensors may say beside.
struct tensor_options {
  std::optional<at::Tensor> lengths{};  ///< [batch], int32: keys of each row that count; all of them without
  std::optional<double> scale{};        ///< of the logits; 1 / sqrt(dim) without
  int window = 0;                       ///< keys that a query sees at most; 0: all
  int layer = 0;                        ///< for the policy's scope
};

/// Decode attention of LibTorch's tensors on its current stream, its memory from LibTorch's allocator: queries `[batch,
/// head, dim]`, keys and values `[batch, kv_head, key, dim]` of the shape's format on one GPU, the last axis
/// contiguous. As `attend` of pointers. Errors: headcount::error where a tensor is not so.
template <class Shape, head_policy Policy>
[[nodiscard]] attended attend(at::Tensor const& queries, at::Tensor const& keys, at::Tensor const& values,
                              Policy const& policy, tensor_options const& options = {}) {
  using element_type = typename Shape::element_type;
  constexpr auto format = std::is_same_v<element_type, __nv_bfloat16> ? at::kBFloat16 : at::kHalf;
  auto const need = [](bool holds, char const* what, at::Tensor const& got) {
    if (!holds)
      throw error{
          "cuda::attend",
          text_of(what, " of other shape, strides, format or device: ", got.toString(), " of ", got.dim(), " axes"),
          text_of("heads of ", Shape::dim, " in groups of ", Shape::group,
                  ", 16-bit, on one GPU, the last axis contiguous")};
  };
  auto const batch = queries.size(0), kv_heads = keys.size(1), length = keys.size(2);
  need(queries.is_cuda() && queries.dim() == 3 && queries.scalar_type() == format &&
           queries.size(1) == kv_heads * Shape::group && queries.size(2) == Shape::dim,
       "queries", queries);
  for (auto const* side : {&keys, &values})
    need(side->device() == queries.device() && side->dim() == 4 && side->scalar_type() == format &&
             side->size(0) == batch && side->size(3) == Shape::dim && side->sizes() == keys.sizes() &&
             side->strides() == keys.strides() && side->stride(3) == 1 && side->stride(2) % 8 == 0 &&
             side->stride(1) % 8 == 0 && side->stride(0) % 8 == 0,
         "keys or values", *side);
  auto const in_place = queries.contiguous();
  attended made{at::empty_like(in_place), at::zeros({batch, queries.size(1)}, queries.options().dtype(at::kFloat)),
                at::empty({batch, queries.size(1)}, queries.options().dtype(at::kBool))};
  auto cache = key_value_cache{.keys = keys.data_ptr(),
                               .values = values.data_ptr(),
                               .key_stride = keys.stride(2),
                               .head_stride = keys.stride(1),
                               .page_stride = keys.stride(0),
                               .page_size = static_cast<int>(length),
                               .pages = static_cast<int>(batch),
                               .longest = static_cast<int>(length),
                               .window = options.window};
  if (options.lengths) {
    need(options.lengths->device() == queries.device() && options.lengths->scalar_type() == at::kInt &&
             options.lengths->numel() == batch && options.lengths->is_contiguous(),
         "lengths", *options.lengths);
    cache.lengths = options.lengths->template const_data_ptr<int>();
  }
  auto const bytes = workspace_bytes<Shape>(cache, static_cast<int>(batch), static_cast<int>(kv_heads));
  auto const workspace = at::empty({static_cast<long>(bytes)}, queries.options().dtype(at::kByte));
  attention<Shape> const call{.queries = static_cast<element_type const*>(in_place.data_ptr()),
                              .cache = cache,
                              .outputs = static_cast<element_type*>(made.outputs.data_ptr()),
                              .batch = static_cast<int>(batch),
                              .kv_heads = static_cast<int>(kv_heads),
                              .scale = static_cast<float>(options.scale.value_or(1 / std::sqrt(double{Shape::dim}))),
                              .layer = options.layer,
                              .scores = made.scores.template data_ptr<float>(),
                              .kept = made.kept.template data_ptr<bool>(),
                              .workspace = workspace.data_ptr(),
                              .workspace_bytes = bytes};
  attend<Shape>(call, policy, at::cuda::getCurrentCUDAStream().stream());
  return made;
}

}  // namespace headcount::v0::cuda
