// expect: headcount: nobody calls this; a part's check is
#include <string_view>

#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/output_norm.hpp>
#include <headcount/select/top_k.hpp>

struct last_heads {
  static constexpr std::string_view name = "last_heads";
  double operator()(headcount::site const&, std::size_t head) const noexcept { return static_cast<double>(head); }
#ifdef HEADCOUNT_WRONG
  void valdiate(headcount::site const&) const {}
#endif
};
#ifndef HEADCOUNT_WRONG
void validate(last_heads const&, headcount::site const&) {}
#endif

auto const policy_of_parts = last_heads{} | headcount::select::top_k{5};
