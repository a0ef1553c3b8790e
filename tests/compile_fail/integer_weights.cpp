// expect: headcount: weights are numbers, these are integers
#include <cstdint>

#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/output_norm.hpp>
#include <headcount/select/top_k.hpp>

using namespace headcount;

#ifdef HEADCOUNT_WRONG
using number = std::uint16_t;  // the bits of a half, as many engines keep them
#else
using number = _Float16;
#endif

void mistake(number (&weights)[8], float (&outputs)[2]) {
  sparsify(score::entropy{} | select::top_k{1}, {}, as_tensor(weights, {1, 2, 1, 4}), as_tensor(outputs, {1, 1, 2, 1}));
}
