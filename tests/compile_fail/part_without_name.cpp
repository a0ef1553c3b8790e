// expect: headcount: a part is an aggregate that has .static constexpr std::string_view name
#include <cstddef>
#include <string_view>

#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/output_norm.hpp>
#include <headcount/select/top_k.hpp>

struct last_first {
#ifndef HEADCOUNT_WRONG
  static constexpr std::string_view name = "last_first";
#endif
  double operator()(headcount::site const&, std::size_t head) const noexcept { return static_cast<double>(head); }
};

auto const policy_of_parts = last_first{} | headcount::select::top_k{5};
