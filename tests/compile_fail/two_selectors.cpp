// expect: headcount: a selector is followed by a mask
#include <headcount/policy/compose.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/select/threshold.hpp>
#include <headcount/select/top_k.hpp>

using namespace headcount;

#ifdef HEADCOUNT_WRONG
auto const policy_of_parts = score::entropy{} | select::top_k{5} | select::threshold{0.5};
#else
auto const policy_of_parts = score::entropy{} | select::top_k{5};
#endif
