// The functions of headcount/adapt/c.h: compile this one file into a program or a shared library, as C++20.

#include <headcount/adapt/c.h>

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string_view>
#include <type_traits>
#include <vector>

#include <headcount/headcount.hpp>

struct headcount_policy {
  headcount::any_policy content;
};

namespace {

using namespace headcount;

/// Long enough for any message but those that echo a long sentence, which are cut. Fixed, so that telling cannot fail.
thread_local char message[1024] = "";

int tell(int code, char const* text) noexcept {
  std::strncpy(message, text, sizeof message - 1);
  return code;
}

/// What is thrown as `code` says, and everything else as what it is.
template <class Step>
int guarded(int code, Step const& step) noexcept {
  try {
    step();
    return HEADCOUNT_OK;
  } catch (std::bad_alloc const&) {
    return tell(HEADCOUNT_NO_MEMORY, "no memory is left");
  } catch (std::exception const& problem) {
    return tell(code, problem.what());
  } catch (...) {
    return tell(code, "an unknown exception");
  }
}

/// A float16, IEEE 754 binary16, as its bits.
struct float16 {
  std::uint16_t bits;

  operator float() const noexcept {
    auto const sign = std::uint32_t{bits & 0x8000u} << 16, exponent = bits >> 10 & 0x1fu, fraction = bits & 0x3ffu;
    if (exponent == 0) {
      float const tiny = static_cast<float>(fraction) * 0x1p-24f;
      return sign != 0 ? -tiny : tiny;
    }
    return std::bit_cast<float>(sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | fraction << 13);
  }
  /// To the nearest, of two equally near the one with an even last bit.
  explicit float16(double value) noexcept : bits{0} {
    auto const narrow = static_cast<float>(value);
    auto const all = std::bit_cast<std::uint32_t>(narrow), size = all & 0x7fffffffu;
    auto const sign = all >> 16 & 0x8000u;
    std::uint32_t half = 0;
    if (size > 0x7f800000u) half = 0x7e00u;
    else if (size >= 0x477ff000u) half = 0x7c00u;  // 65520 and above
    else if (size < 0x38800000u)                   // below 2^-14, the smallest normal number
      half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(size) + 0.5f) - 0x3f000000u;  // the sum rounds to 2^-24
    else half = (size - 0x38000000u + 0xfffu + (size >> 13 & 1u)) >> 13;
    bits = static_cast<std::uint16_t>(sign | half);
  }
};

/// A bfloat16 as its bits, the upper half of a float's.
struct bfloat16 {
  std::uint16_t bits;

  operator float() const noexcept { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
  explicit bfloat16(double value) noexcept
      : bits{static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(round_to_bfloat16(static_cast<float>(value))) >>
                                        16)} {}
};

/// Calls `use` with the matrix as a view of its numbers; throws headcount::error where it is none.
template <class Use>
void with_numbers(headcount_matrix const& matrix, Use const& use) {
  if (matrix.data == nullptr && matrix.rows * matrix.columns > 0) throw error{"matrix", "its data is null"};
  auto const as = [&]<class Number>(std::type_identity<Number>) {
    use(strided_view<Number, 2>{
        static_cast<Number*>(matrix.data), {matrix.rows, matrix.columns}, {matrix.row_stride, matrix.column_stride}});
  };
  switch (matrix.format) {
    case HEADCOUNT_FLOAT32:
      return as(std::type_identity<float>{});
    case HEADCOUNT_FLOAT64:
      return as(std::type_identity<double>{});
    case HEADCOUNT_FLOAT16:
      return as(std::type_identity<float16>{});
    case HEADCOUNT_BFLOAT16:
      return as(std::type_identity<bfloat16>{});
    default:
      throw error{"matrix", text_of("there is no number format ", matrix.format), "0 to 3"};
  }
}

/// The numbers as floats, packed, as any_policy reads them: `[row, column]`.
std::vector<float> floats_of(headcount_matrix const& matrix, std::size_t heads, char const* what) {
  if (matrix.rows != heads)
    throw error{what, text_of("they have ", matrix.rows, " rows"), text_of("one for each of ", heads, " heads")};
  std::vector<float> floats;
  floats.reserve(matrix.rows * matrix.columns);
  with_numbers(matrix, [&](auto const& numbers) {
    for (std::size_t row = 0; row < matrix.rows; ++row)
      for (auto const number : numbers[row]) floats.push_back(static_cast<float>(number));
  });
  return floats;
}

site site_of(headcount_site const& where) {
  return {.layer = where.layer,
          .phase = where.phase == HEADCOUNT_PREFILL ? phase::prefill : phase::generation,
          .sequence_id = where.sequence_id,
          .position = where.position,
          .heads = where.heads,
          .group = where.group};
}

}  // namespace

extern "C" {

unsigned headcount_version() { return HEADCOUNT_VERSION; }

char const* headcount_message() { return message; }

int headcount_parse(char const* sentence, headcount_policy** policy) {
  if (sentence == nullptr || policy == nullptr) return tell(HEADCOUNT_BAD_ARGUMENT, "sentence or policy is null");
  *policy = nullptr;
  return guarded(HEADCOUNT_BAD_SENTENCE, [&] { *policy = new headcount_policy{parse_policy(sentence)}; });
}

void headcount_free(headcount_policy* policy) { delete policy; }

int headcount_decide(headcount_policy const* policy, headcount_site const* where, headcount_matrix const* weights,
                     headcount_matrix const* outputs, unsigned char* kept) {
  if (policy == nullptr || where == nullptr || kept == nullptr)
    return tell(HEADCOUNT_BAD_ARGUMENT, "policy, site or kept is null");
  auto const& content = policy->content;
  auto const here = site_of(*where);
  if (int const wrong = guarded(HEADCOUNT_BAD_SITE,
                                [&] {
                                  validate(content, here);
                                  if (content.state_size() > 0)
                                    throw error{"policy", "it remembers from token to token"};
                                  require_readings(content, reading::row | reading_set{reading::output},
                                                   "scorers that read rows, outputs or nothing");
                                  auto const reads = content.reads();
                                  if (reads.contains(reading::row) && weights == nullptr)
                                    throw error{"weights", "the policy's scorer reads rows, and they are null"};
                                  if (reads.contains(reading::output) && outputs == nullptr)
                                    throw error{"outputs", "the policy's scorer reads outputs, and they are null"};
                                });
      wrong != HEADCOUNT_OK)
    return wrong;
  return guarded(HEADCOUNT_BAD_ARGUMENT, [&] {
    auto const reads = content.reads();
    std::vector<float> rows, values;
    std::size_t keys = 0, features = 0;
    if (reads.contains(reading::row)) rows = floats_of(*weights, here.heads, "weights"), keys = weights->columns;
    if (reads.contains(reading::output))
      values = floats_of(*outputs, here.heads, "outputs"), features = outputs->columns;
    auto const row = [&](std::size_t head) { return row_view{std::span{rows}.subspan(head * keys, keys)}; };
    auto const output = [&](std::size_t head) {
      return head_output{std::span<float const>{values}.subspan(head * features, features)};
    };
    attention_tensors tensors;
    tensors.rows = row;
    tensors.outputs = output;
    auto const chosen = decide(content, here, tensors);
    for (std::size_t head = 0; head < here.heads; ++head) kept[head] = chosen.contains(head) ? 1 : 0;
  });
}

int headcount_mask(headcount_policy const* policy, headcount_site const* where, unsigned char const* kept,
                   headcount_matrix* outputs) {
  if (policy == nullptr || where == nullptr || kept == nullptr || outputs == nullptr)
    return tell(HEADCOUNT_BAD_ARGUMENT, "policy, site, kept or outputs is null");
  auto const& content = policy->content;
  auto here = site_of(*where);
  here.head_dim = outputs->columns;
  if (int const wrong = guarded(HEADCOUNT_BAD_SITE,
                                [&] {
                                  validate(content, here);
                                  if (attention_of(content.mask, 1))
                                    throw error{"policy", "its mask lets dropped heads attend, which needs values"};
                                });
      wrong != HEADCOUNT_OK)
    return wrong;
  return guarded(HEADCOUNT_BAD_ARGUMENT, [&] {
    // As floats and back: what a mask does not touch keeps its bits.
    auto floats = floats_of(*outputs, here.heads, "outputs");
    auto const before = floats;
    head_set chosen;
    for (std::size_t head = 0; head < here.heads; ++head)
      if (kept[head] != 0) chosen.insert(head);
    auto const no_row = [](std::size_t) { return row_view{}; };
    mask_heads(content.mask, here, chosen, no_row, strided_view<float const, 3>{},
               strided_view<float, 2>{floats.data(), {here.heads, outputs->columns}});
    with_numbers(*outputs, [&]<class Number>(strided_view<Number, 2> numbers) {
      for (std::size_t head = 0, i = 0; head < here.heads; ++head)
        for (auto& number : numbers[head]) {
          if (std::bit_cast<std::uint32_t>(floats[i]) != std::bit_cast<std::uint32_t>(before[i]))
            number = static_cast<Number>(floats[i]);
          ++i;
        }
    });
  });
}

}  // extern "C"
