// expect: headcount: a policy starts with a scorer
#include <headcount/headcount.hpp>

using namespace headcount;

#ifdef HEADCOUNT_WRONG
auto const policy_of_parts = select::top_k{5} | score::entropy{};
#else
auto const policy_of_parts = score::entropy{} | select::top_k{5};
#endif
