// expect: headcount: sparsify sees attention weights and outputs, this policy's scorer reads something else
#include <string_view>

#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/output_norm.hpp>
#include <headcount/select/top_k.hpp>

using namespace headcount;

struct first_value {
  static constexpr std::string_view name = "first_value";
#ifdef HEADCOUNT_WRONG
  double operator()(head_query query) const noexcept { return static_cast<double>(query.values[0]); }
#else
  double operator()(head_output output) const noexcept { return static_cast<double>(output.values[0]); }
#endif
};

void mask_heads(strided_view<float const, 4> weights, strided_view<float, 4> outputs) {
  sparsify(first_value{} | select::top_k{5}, {}, weights, outputs);
}
