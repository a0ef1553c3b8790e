// expect: headcount: sparsify takes a policy
#include <headcount/headcount.hpp>

using namespace headcount;

void mask_heads(strided_view<float const, 4> weights, strided_view<float, 4> outputs) {
#ifdef HEADCOUNT_WRONG
  sparsify(score::entropy{}, {}, weights, outputs);
#else
  sparsify(score::entropy{} | select::top_k{5}, {}, weights, outputs);
#endif
}
