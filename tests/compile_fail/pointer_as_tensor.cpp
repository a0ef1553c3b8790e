// expect: headcount: this memory does not say how much it is
#include <span>

#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/output_norm.hpp>
#include <headcount/select/top_k.hpp>

using namespace headcount;

void mistake(float* memory) {
#ifdef HEADCOUNT_WRONG
  (void)as_tensor(memory, {2, 2});
#else
  (void)as_tensor(std::span{memory, 4}, {2, 2});
#endif
}
