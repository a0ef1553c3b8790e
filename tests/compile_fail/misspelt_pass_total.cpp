// expect: headcount: an edit of all rows says
#include <string_view>

#include <headcount/headcount.hpp>

struct share_pass {
  static constexpr std::string_view name = "share_pass";
  using rows = headcount::strided_view<float, 2>;
  using seen_rows = headcount::strided_view<float const, 2>;
  void operator()(rows, headcount::head_set const&, headcount::seen_keys) const noexcept {}
  bool needs_all_rows() const noexcept { return true; }
  double sum(seen_rows, headcount::head_set const&, headcount::seen_keys) const noexcept { return 0; }
#ifdef HEADCOUNT_WRONG
  share_pass with_pass_totl(double, seen_rows, headcount::head_set const&, headcount::seen_keys) const { return {}; }
#else
  share_pass with_pass_total(double, seen_rows, headcount::head_set const&, headcount::seen_keys) const { return {}; }
#endif
};

headcount::any_edit const edit = share_pass{};
