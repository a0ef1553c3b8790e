// expect: headcount: a scorer reads one thing
#include <string_view>

#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/output_norm.hpp>
#include <headcount/select/top_k.hpp>

struct first_value {
  static constexpr std::string_view name = "first_value";
  double operator()(headcount::head_query query) const noexcept { return static_cast<double>(query.values[0]); }
#ifdef HEADCOUNT_WRONG
  double operator()(headcount::head_output output) const noexcept { return static_cast<double>(output.values[0]); }
#endif
};

auto const policy_of_parts = first_value{} | headcount::select::top_k{5};
