// expect: headcount: a mask says `mask_factors factors
#include <string_view>

#include <headcount/headcount.hpp>

struct halve_kept {
  static constexpr std::string_view name = "halve_kept";
  void operator()(auto&& output) const noexcept {
    for (auto& value : output) value = 0;
  }
#ifdef HEADCOUNT_WRONG
  headcount::mask_factors facters(std::size_t, std::size_t) const noexcept { return {.outputs = 0.5}; }
#else
  headcount::mask_factors factors(std::size_t, std::size_t) const noexcept { return {.outputs = 0.5}; }
#endif
};

auto const policy_of_parts = headcount::score::l2{} | headcount::select::top_k{5} | halve_kept{};
