// The paper's policy for PyTorch: compiled for one model's heads (-DHEADCOUNT_DIM, -DHEADCOUNT_GROUP), see
// attention_interface.py.

#include <torch/extension.h>

#include <headcount/adapt/torch_cuda.cuh>
#include <headcount/policy/compose.hpp>

using shape = headcount::cuda::shape<__nv_bfloat16, HEADCOUNT_DIM, HEADCOUNT_GROUP>;

PYBIND11_MODULE(TORCH_EXTENSION_NAME, module) {
  module.def("attend", [](at::Tensor const& queries, at::Tensor const& keys, at::Tensor const& values, double scale,
                          std::size_t k) {
    auto const policy = headcount::score::entropy{} | headcount::select::top_k{k} | headcount::mask::zero{};
    auto const made = headcount::cuda::attend<shape>(queries, keys, values, policy, {.scale = scale});
    return std::vector{made.outputs, made.scores, made.kept};
  });
}
