// expect: headcount: a scorer is followed by a selector
#include <headcount/policy/compose.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/l2.hpp>
#include <headcount/select/top_k.hpp>

using namespace headcount;

#ifdef HEADCOUNT_WRONG
auto const policy_of_parts = score::entropy{} | score::l2{} | select::top_k{5};
#else
auto const policy_of_parts = score::l2{} | select::top_k{5};
#endif
