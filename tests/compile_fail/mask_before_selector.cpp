// expect: headcount: a scorer is followed by a selector
#include <headcount/headcount.hpp>

using namespace headcount;

#ifdef HEADCOUNT_WRONG
auto const policy_of_parts = score::entropy{} | mask::zero{} | select::top_k{5};
#else
auto const policy_of_parts = score::entropy{} | select::top_k{5} | mask::zero{};
#endif
