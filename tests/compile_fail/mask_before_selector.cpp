// expect: headcount: a scorer is followed by a selector
#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/output_norm.hpp>
#include <headcount/select/top_k.hpp>

using namespace headcount;

#ifdef HEADCOUNT_WRONG
auto const policy_of_parts = score::entropy{} | mask::zero{} | select::top_k{5};
#else
auto const policy_of_parts = score::entropy{} | select::top_k{5} | mask::zero{};
#endif
