// expect: headcount: a part with members lists them in
#include <string_view>

#include <headcount/headcount.hpp>

struct bounded {
  static constexpr std::string_view name = "bounded";
  double bar = 0;
#ifdef HEADCOUNT_WRONG
  static constexpr auto feilds = headcount::field_list{headcount::leading_field("bar", &bounded::bar, "the bar")};
#else
  static constexpr auto fields = headcount::field_list{headcount::leading_field("bar", &bounded::bar, "the bar")};
#endif
  double operator()(headcount::site const&, std::size_t) const noexcept { return bar; }
};

headcount::any_policy const policy = bounded{1} | headcount::select::top_k{1};
