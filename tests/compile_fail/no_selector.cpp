// expect: headcount: sparsify takes a policy
#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/output_norm.hpp>
#include <headcount/select/top_k.hpp>

using namespace headcount;

void mask_heads(strided_view<float const, 4> weights, strided_view<float, 4> outputs) {
#ifdef HEADCOUNT_WRONG
  sparsify(score::entropy{}, {}, weights, outputs);
#else
  sparsify(score::entropy{} | select::top_k{5}, {}, weights, outputs);
#endif
}
