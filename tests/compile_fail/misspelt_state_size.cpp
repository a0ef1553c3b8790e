// expect: headcount: a selector that takes its state says
#include <span>
#include <string_view>

#include <headcount/headcount.hpp>

struct as_before {
  static constexpr std::string_view name = "as_before";
#ifdef HEADCOUNT_WRONG
  std::size_t sate_size() const noexcept { return 1; }
#else
  std::size_t state_size() const noexcept { return 1; }
#endif
  headcount::head_set operator()(std::span<double const>, headcount::site const&, std::span<double>) const noexcept {
    return {};
  }
};

auto const policy_of_parts = headcount::score::l2{} | as_before{};
