// expect: headcount: the evidence is not what this scorer reads
#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/output_norm.hpp>
#include <headcount/select/top_k.hpp>

headcount::head_set kept(headcount::strided_view<float const, 2> values) {
#ifdef HEADCOUNT_WRONG
  auto const of = [&](std::size_t head) { return values[head]; };
#else
  auto const of = [&](std::size_t head) { return headcount::head_output{values[head]}; };
#endif
  return decide(headcount::score::output_norm{} | headcount::select::top_k{1}, headcount::site{.heads = 3}, of);
}
