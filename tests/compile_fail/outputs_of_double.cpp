// expect: headcount: any_policy and scorers of outputs take outputs of float
#include <headcount/headcount.hpp>

using namespace headcount;

#ifdef HEADCOUNT_WRONG
void mask_heads(any_policy const& policy, strided_view<float, 4> weights, strided_view<double, 4> outputs) {
#else
void mask_heads(any_policy const& policy, strided_view<float, 4> weights, strided_view<float, 4> outputs) {
#endif
  sparsify(policy, {}, weights, outputs);
}
