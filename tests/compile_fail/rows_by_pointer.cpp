// expect: headcount: this scorer reads attention rows: evidence
#include <span>

#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/output_norm.hpp>
#include <headcount/select/top_k.hpp>

using namespace headcount;

head_set mistake(float const (&weights)[2][4]) {
  return decide(score::entropy{} | select::top_k{1}, site{.heads = 2}, [&](std::size_t head) {
#ifdef HEADCOUNT_WRONG
    return &weights[head][0];
#else
    return std::span<float const>{weights[head]};
#endif
  });
}
