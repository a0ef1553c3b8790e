// expect: headcount: weights are a tensor .batch, head, query, key.; include the adapter of its library
#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/output_norm.hpp>
#include <headcount/select/top_k.hpp>

using namespace headcount;

struct their_tensor {};

void mistake([[maybe_unused]] their_tensor const& theirs, float (&weights)[4], float (&outputs)[2]) {
#ifdef HEADCOUNT_WRONG
  auto const& seen = theirs;
#else
  auto const seen = as_tensor(weights, {1, 2, 1, 2});
#endif
  sparsify(score::entropy{} | select::top_k{1}, {}, seen, as_tensor(outputs, {1, 1, 2, 1}));
}
