// GPUs without a copy engine: that the kernels compile for them.

#include <headcount/kernel/cuda/attend.cuh>
#include <headcount/policy/compose.hpp>

using namespace headcount;
using shape = cuda::shape<__half, 64, 2>;

void attend(cuda::attention<shape> const& in, cudaStream_t stream) {
  cuda::attend<shape>(in, score::entropy{} | select::top_k{5}, stream);
}
