#include <headcount/select/relative_threshold.hpp>
#include <headcount/select/threshold.hpp>
#include <headcount/select/top_groups.hpp>
#include <headcount/select/top_p.hpp>

#include "problem.cuh"

// Other shapes of heads, formats, scorers and selectors.

using namespace headcount;
using support::problem;

namespace {

/// Every way, contiguous and in pages of both kinds, against float64.
template <class Shape, class Policy>
void check_shape(Policy const& policy, double output_error, int kv_heads, double score_error = 2e-5) {
  problem<Shape> const one{
      {.batch = 4, .kv_heads = kv_heads, .capacity = 1200, .lengths = {1200, 130, 1, 777}, .window = 1024}, 20};
  auto const right = one.formula(policy);
  for (auto const how : {cuda::way::dense, cuda::way::two_pass}) {
    auto const call = [&](auto const& in) { cuda::attend(in, policy, nullptr, {.how = how}); };
    auto const got = one.contiguous(call);
    support::check_answer<Shape>(got, right, kv_heads * Shape::group, output_error, true, score_error);
    CHECK(one.paged(16, call) == got);
    CHECK(one.paged(5, call) == got);
  }
}

constexpr double bf16_error = 2e-3, f16_error = 6e-4;

}  // namespace

TEST_CASE("cuda: RecurrentGemma-2B's ten heads on one") {
  check_shape<cuda::shape<__nv_bfloat16, 256, 10>>(score::entropy{} | select::top_k{2}, bf16_error, 1);
}
TEST_CASE("cuda: RecurrentGemma-9B's sixteen heads on one, by l2") {
  check_shape<cuda::shape<__nv_bfloat16, 256, 16>>(score::l2{} | select::top_k{2}, bf16_error, 1);
}
TEST_CASE("cuda: two heads a group of 256 features, in float16, by max") {
  check_shape<cuda::shape<__half, 256, 2>>(score::max{} | select::top_groups{1}, f16_error, 3);
}
TEST_CASE("cuda: heads of their own of 64 features, by a threshold") {
  check_shape<cuda::shape<__nv_bfloat16, 64, 1>>(score::l2{} | select::threshold{0.12}, bf16_error, 9);
}
TEST_CASE("cuda: sixteen heads a group of 64 features, in float16") {
  check_shape<cuda::shape<__half, 64, 16>>(score::entropy{.normalised = true} | select::relative_threshold{}, f16_error,
                                           2);
}
TEST_CASE("cuda: sixteen heads a group of 128 features") {
  check_shape<cuda::shape<__nv_bfloat16, 128, 16>>(score::entropy{} | select::top_k{3}, bf16_error, 2);
}
TEST_CASE("cuda: eight heads a group of 128 features, in float16, by nucleus") {
  check_shape<cuda::shape<__half, 128, 8>>(score::max{} | select::top_p{}, f16_error, 3);
}
