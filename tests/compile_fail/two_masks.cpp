// expect: headcount: a policy has one mask, after its selector
#include <headcount/mask/rescale.hpp>
#include <headcount/mask/zero.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/select/top_k.hpp>

using namespace headcount;

#ifdef HEADCOUNT_WRONG
auto const policy_of_parts = score::entropy{} | select::top_k{5} | mask::zero{} | mask::rescale{};
#else
auto const policy_of_parts = score::entropy{} | select::top_k{5} | mask::rescale{};
#endif
