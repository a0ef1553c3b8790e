// expect: headcount: this scorer reads attention rows: evidence
#include <cstdint>
#include <span>

#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/output_norm.hpp>
#include <headcount/select/top_k.hpp>

using namespace headcount;

#ifdef HEADCOUNT_WRONG
using number = std::int16_t;
#else
using number = float;
#endif

head_set mistake(number const (&weights)[2][4]) {
  return decide(score::entropy{} | select::top_k{1}, site{.heads = 2},
                [&](std::size_t head) { return std::span<number const>{weights[head]}; });
}
