// expect: headcount: a part's check takes the part first
#include <optional>
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
};
#ifdef HEADCOUNT_WRONG
std::optional<headcount::error> find_mistake(headcount::site const&, last_heads const&) { return {}; }
#else
std::optional<headcount::error> find_mistake(last_heads const&, headcount::site const&) { return {}; }
#endif

auto const policy_of_parts = last_heads{} | headcount::select::top_k{5};
