// expect: headcount: a scorer's call operator is const noexcept and returns double
#include <string_view>

#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/output_norm.hpp>
#include <headcount/select/top_k.hpp>

struct newest {
  static constexpr std::string_view name = "newest";
#ifdef HEADCOUNT_WRONG
  double operator()(headcount::attention_row auto const& weights) const {
#else
  double operator()(headcount::attention_row auto const& weights) const noexcept {
#endif
      return static_cast<double>(weights[weights.size() - 1]);
}
}
;

auto const policy_of_parts = newest{} | headcount::select::top_k{5};
