#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/core/head_outputs.hpp>
#include <headcount/core/site.hpp>
#include <headcount/mask/mask.hpp>
#include <headcount/mask/mean.hpp>
#include <headcount/mask/resample.hpp>
#include <headcount/mask/rescale.hpp>
#include <headcount/mask/streaming.hpp>
#include <headcount/mask/uniform.hpp>
#include <headcount/mask/zero.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/policy/validate.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/select/top_k.hpp>
#include <headcount/sentence/parse.hpp>
#include <support/numbers.hpp>
#include <support/parts.hpp>

using namespace headcount;

namespace {

struct not_noexcept {
  static constexpr std::string_view name = "not_noexcept";
  [[nodiscard]] mask_factors factors(std::size_t, std::size_t) const noexcept { return {}; }
  void operator()(output_view) const {}
};
struct without_factors {
  static constexpr std::string_view name = "without_factors";
  void operator()(output_view) const noexcept {}
};
struct takes_spans_only {
  static constexpr std::string_view name = "takes_spans_only";
  [[nodiscard]] mask_factors factors(std::size_t, std::size_t) const noexcept { return {}; }
  void operator()(std::span<float>) const noexcept {}
};

struct zero_and_uniform : mask::zero {
  [[nodiscard]] attention_pattern attention(std::size_t keys) const noexcept { return {.oldest = keys, .even = true}; }
};

static_assert(masks_output<mask::zero> && masks_output<mask::rescale> && masks_output<support::constant>);
static_assert(masks_site<mask::mean> && masks_site<mask::resample> && !masks_output<mask::mean>);
static_assert(masks_attention<mask::uniform> && masks_attention<mask::streaming> && !masks_attention<mask::zero>);
static_assert(head_mask<mask::zero> && head_mask<mask::mean> && head_mask<mask::uniform> &&
              head_mask<support::constant>);
static_assert(!head_mask<not_noexcept> && !head_mask<without_factors> && !head_mask<takes_spans_only> &&
              !head_mask<zero_and_uniform> && !head_mask<score::entropy> && !head_mask<select::top_k>);

/// Reads outputs of two heads of three features in layer 1 alone, with so many samples.
struct files {
  std::size_t samples = 2;
  head_outputs operator()(std::string const&, std::type_identity<head_outputs>) const {
    return {
        .layers = {{}, {.heads = 2, .dim = 3, .mean = {1, 2, 3, 4, 5, 6}, .samples = std::vector<float>(samples * 6)}},
        .samples = samples};
  }
};

std::string message_of(std::string const& sentence, site const& where, std::size_t samples = 2) {
  try {
    validate(parse_policy(sentence, files{samples}), where);
  } catch (error const& problem) {
    return problem.what();
  }
  return {};
}

}  // namespace

TEST_CASE("masks: stand in sentences with their parameters") {
  auto const reprinted = [](std::string const& text) { return print(parse_policy(text, files{})); };
  for (auto const* text :
       {"l2 | top_k(1)", "l2 | top_k(1) | zero(bias=drop)", "l2 | top_k(1) | uniform @ generation",
        "l2 | top_k(1) | streaming", "l2 | top_k(1) | streaming(4)", "l2 | top_k(1) | streaming(4, 16)",
        "l2 | top_k(1) | streaming(recent=1)", "l2 | top_k(1) | rescale", "l2 | top_k(1) | mean(a.safetensors)",
        "l2 | top_k(1) | resample(a.safetensors)", "l2 | top_k(1) | resample(a.safetensors, seed=7)"})
    CHECK(reprinted(text) == text);
  CHECK(reprinted("l2 | top_k(1) | zero(bias=keep)") == "l2 | top_k(1)");
  CHECK(reprinted("l2 | top_k(1) | streaming(64, 256)") == "l2 | top_k(1) | streaming");
  CHECK_THROWS_AS(reprinted("l2 | top_k(1) | streaming(4, 0)"), error);
  CHECK_THROWS_AS(reprinted("l2 | top_k(1) | zero(bias=0)"), error);
  CHECK_THROWS_AS(reprinted("l2 | top_k(1) | mean"), error);
}

TEST_CASE("known_output: known outputs are refused where they are not those of the layer's heads") {
  site const where{.layer = 1, .heads = 2, .head_dim = 3};
  for (std::string const mask : {"mean", "resample"}) {
    auto const sentence = "l2 | top_k(1) | " + mask + "(a.safetensors)";
    auto const begin = mask + "(a.safetensors): ";
    auto const allowed = " (allowed: outputs that `headcount calibrate` wrote of this model)";
    CHECK(message_of(sentence, where).empty());
    CHECK(message_of(sentence, {.layer = 1, .heads = 2}).empty());
    CHECK(message_of(sentence, {.layer = 0, .heads = 2}) ==
          begin + "it holds no outputs of layer 0 with 2 heads" + allowed);
    CHECK(message_of(sentence, {.layer = 1, .heads = 3}) ==
          begin + "it holds no outputs of layer 1 with 3 heads" + allowed);
    CHECK(message_of(sentence, {.layer = 7, .heads = 2}) ==
          begin + "it holds no outputs of layer 7 with 2 heads" + allowed);
    CHECK(message_of(sentence, {.layer = 1, .heads = 2, .head_dim = 4}) ==
          begin + "its outputs of layer 1 have 3 features, the heads' have 4" + allowed);
  }
  CHECK(message_of("l2 | top_k(1) | mean(a)", where, 0).empty());
  CHECK(message_of("l2 | top_k(1) | resample(a)", where, 0).find("it holds no samples") != std::string::npos);
  CHECK_THROWS_AS(validate_part(mask::mean{}, where), error);
}

TEST_CASE("known_output: a known output of fewer features leaves 0 in the others, and one of none gives 0") {
  mask::mean const mean{in_memory("a", files{}("a", {}))};
  std::vector<double> output{7, 7, 7, 7};
  mean({.layer = 1, .heads = 2}, 1, output);
  CHECK(output == std::vector<double>{4, 5, 6, 0});
  mean({.layer = 2, .heads = 2}, 1, output);
  CHECK(output == std::vector<double>{0, 0, 0, 0});
}

TEST_CASE("masks: what is multiplied is heads by kept heads, and the bias the other way round") {
  CHECK(mask::rescale{}.factors(2, 10).outputs == 5);
  CHECK(mask::rescale{}.factors(10, 10).outputs == 1);
  CHECK(mask::rescale{}.factors(0, 10).outputs == 1);
  CHECK(mask::zero{mask::bias_rule::drop}.factors(2, 10).bias == 0.2);
  CHECK(mask::zero{mask::bias_rule::drop}.factors(0, 10).bias == 0);
  CHECK(mask::zero{}.factors(2, 10).bias == 1);
}

TEST_CASE("zero: every number of the output becomes 0, NaN and infinity too") {
  std::vector values{1.0f, -2.0f, static_cast<float>(support::not_a_number), static_cast<float>(support::infinity)};
  mask::zero{}(std::span{values});
  CHECK(values == std::vector<float>(4, 0.0f));
  CHECK_FALSE(std::signbit(values[1]));
}

TEST_CASE("zero: an output a stride apart leaves what lies between alone, in floats and doubles") {
  std::array<double, 6> memory{1, 2, 3, 4, 5, 6};
  mask::zero{}(strided_view<double, 1>{memory.data(), {3}, {2}});
  CHECK(memory == std::array<double, 6>{0, 2, 0, 4, 0, 6});
}

TEST_CASE("zero: an output without numbers is left as it is") { mask::zero{}(std::span<float>{}); }
