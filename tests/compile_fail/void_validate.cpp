// expect: headcount: nobody calls this; a part's check is
#include <optional>
#include <string_view>

#include <headcount/policy/compose.hpp>
#include <headcount/select/top_k.hpp>

struct last_heads {
  static constexpr std::string_view name = "last_heads";
  double operator()(headcount::site const&, std::size_t head) const noexcept { return static_cast<double>(head); }
};
#ifdef HEADCOUNT_WRONG
void validate(last_heads const&, headcount::site const&) {}
#else
std::optional<headcount::error> find_mistake(last_heads const&, headcount::site const&) { return {}; }
#endif

auto const policy_of_parts = last_heads{} | headcount::select::top_k{5};
