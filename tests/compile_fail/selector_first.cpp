// expect: headcount: a policy starts with a scorer
#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/output_norm.hpp>
#include <headcount/select/top_k.hpp>

using namespace headcount;

#ifdef HEADCOUNT_WRONG
auto const policy_of_parts = select::top_k{5} | score::entropy{};
#else
auto const policy_of_parts = score::entropy{} | select::top_k{5};
#endif
