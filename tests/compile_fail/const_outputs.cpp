// expect: headcount: sparsify writes to the outputs, these are const
#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/output_norm.hpp>
#include <headcount/select/top_k.hpp>

using namespace headcount;

#ifdef HEADCOUNT_WRONG
void mask_heads(strided_view<float const, 4> weights, strided_view<float const, 4> outputs) {
#else
void mask_heads(strided_view<float const, 4> weights, strided_view<float, 4> outputs) {
#endif
  sparsify(score::entropy{} | select::top_k{5}, {}, weights, outputs);
}
