// expect: headcount: a scorer's call operator .* of a row, it takes any attention_row
#include <cstddef>
#include <span>
#include <string_view>

#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/output_norm.hpp>
#include <headcount/select/top_k.hpp>

// Engines' rows may lie a stride apart, where no span can see them.
struct keys {
  static constexpr std::string_view name = "keys";
#ifdef HEADCOUNT_WRONG
  double operator()(std::span<float const> weights) const noexcept { return static_cast<double>(weights.size()); }
#else
  double operator()(headcount::row_view weights) const noexcept { return static_cast<double>(weights.size()); }
#endif
};

auto const policy_of_parts = keys{} | headcount::select::top_k{5};
