// expect: headcount: a part's check is a function beside it
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
#ifdef HEADCOUNT_WRONG
  std::optional<headcount::error> find_mistake(headcount::site const&) const { return {}; }
#endif
};

headcount::any_scorer const scorer = last_heads{};
