// The C interface decides and masks as C++ does on the same buffers, of every number format; its errors are codes.
#include <headcount/adapt/c.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <headcount/headcount.hpp>
#include <headcount/sentence/parse.hpp>

using namespace headcount;

namespace {

constexpr std::size_t heads = 8, keys = 37, dim = 5;

int failures = 0;
void expect(bool right, char const* what, int format) {
  if (!right) std::printf("format %d: %s\n", format, what), ++failures;
}

// As the formats are published, by the compiler's own half and by cutting a float in two.
template <class Number>
Number rounded(float value) {
  return static_cast<Number>(value);
}
struct bfloat {
  std::uint16_t bits;
  explicit bfloat(float value)
      : bits{static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(round_to_bfloat16(value)) >> 16)} {}
  operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
};

template <class Number>
void compare(int format) {
  std::vector<Number> weights, outputs;
  std::vector<float> weights_read, outputs_read;
  std::uint64_t seed = 7;
  auto const draw = [&] { return static_cast<float>((seed = mix_bits(seed)) >> 40) * 0x1p-24f; };
  for (std::size_t head = 0; head < heads; ++head) {
    std::vector<float> row(keys);
    float sum = 0;
    for (auto& weight : row) sum += weight = std::pow(draw(), static_cast<float>(head + 1));
    for (auto const weight : row) weights.push_back(rounded<Number>(weight / sum));
  }
  for (std::size_t i = 0; i < heads * dim; ++i) outputs.push_back(rounded<Number>(draw() * 4 - 2));
  for (auto const weight : weights) weights_read.push_back(static_cast<float>(weight));
  for (auto const output : outputs) outputs_read.push_back(static_cast<float>(output));

  for (char const* const sentence : {"entropy | top_k(3)", "output_norm | top_k(2) | rescale", "max | threshold(0.1)",
                                     "random(seed=4) | top_k(4)"}) {
    auto const policy = parse_policy(sentence);
    site const where{.heads = heads};
    auto const row = [&](std::size_t head) {
      return row_view{std::span<float const>{weights_read}.subspan(head * keys, keys)};
    };
    auto const output = [&](std::size_t head) {
      return head_output{std::span<float const>{outputs_read}.subspan(head * dim, dim)};
    };
    attention_tensors tensors;
    tensors.rows = row;
    tensors.outputs = output;
    auto const expected = decide(policy, where, tensors);

    headcount_policy* handle = nullptr;
    expect(headcount_parse(sentence, &handle) == HEADCOUNT_OK, sentence, format);
    headcount_site const at{0, HEADCOUNT_GENERATION, 0, 0, heads, 1};
    headcount_matrix const rows{weights.data(), format, heads, keys, keys, 1};
    auto masked = outputs;
    headcount_matrix values{masked.data(), format, heads, dim, dim, 1};
    unsigned char kept[heads];
    expect(headcount_decide(handle, &at, &rows, &values, kept) == HEADCOUNT_OK, headcount_message(), format);
    for (std::size_t head = 0; head < heads; ++head) expect(kept[head] == expected.contains(head), sentence, format);
    expect(headcount_mask(handle, &at, kept, &values) == HEADCOUNT_OK, headcount_message(), format);
    auto const factor = policy.mask.factors(expected.size(), heads).outputs;
    for (std::size_t i = 0; i < masked.size(); ++i) {
      float const scaled = static_cast<float>(static_cast<double>(outputs_read[i]) * factor);
      auto const right = rounded<Number>(expected.contains(i / dim) ? scaled : 0.0f);
      expect(static_cast<float>(masked[i]) == static_cast<float>(right), "masked otherwise", format);
    }
    headcount_free(handle);
  }
}

}  // namespace

int main() {
  compare<float>(HEADCOUNT_FLOAT32);
  compare<double>(HEADCOUNT_FLOAT64);
#if defined(__FLT16_MAX__)
  compare<_Float16>(HEADCOUNT_FLOAT16);
#endif
  compare<bfloat>(HEADCOUNT_BFLOAT16);

  headcount_policy* policy = nullptr;
  expect(headcount_parse("entropy | top(1)", &policy) == HEADCOUNT_BAD_SENTENCE && policy == nullptr, "a sentence", -1);
  expect(std::strstr(headcount_message(), "column 11") != nullptr, headcount_message(), -1);
  expect(headcount_parse(nullptr, &policy) == HEADCOUNT_BAD_ARGUMENT, "null", -1);
  expect(headcount_parse("entropy | top_k(3)", &policy) == HEADCOUNT_OK, "a sentence", -1);
  headcount_site at{0, HEADCOUNT_GENERATION, 0, 0, 2, 1};
  unsigned char kept[2];
  expect(headcount_decide(policy, &at, nullptr, nullptr, kept) == HEADCOUNT_BAD_SITE, "k of 3, of 2 heads", -1);
  at.heads = 0;
  expect(headcount_decide(policy, &at, nullptr, nullptr, kept) == HEADCOUNT_BAD_SITE, "0 heads", -1);
  headcount_free(policy);
  headcount_free(nullptr);
  return failures == 0 ? 0 : 1;
}
