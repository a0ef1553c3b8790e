#pragma once

// Random numbers, the same on every platform, and the bit patterns of small floats decoded by hand.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include <headcount/core/token.hpp>
#include <headcount/reference/block/matrix.hpp>

namespace test {

using row = std::vector<double>;
using rows = std::vector<row>;  // [token, feature]

class numbers {
 public:
  explicit numbers(unsigned seed) : engine_{seed} {}

  /// In [-1, 1), a float's value exactly.
  float next() { return static_cast<float>(static_cast<double>(engine_() >> 8) * 0x1p-23 - 1); }
  std::size_t below(std::size_t count) { return engine_() % count; }

  std::vector<float> list(std::size_t count, float scale = 1) {
    std::vector<float> values(count);
    for (auto& value : values) value = scale * next();
    return values;
  }
  headcount::reference::matrix matrix(std::size_t tokens, std::size_t features) {
    headcount::reference::matrix values(headcount::reference::index(tokens), headcount::reference::index(features));
    for (auto& value : values.reshaped()) value = next();
    return values;
  }
  std::vector<headcount::token> text(std::size_t tokens, std::size_t vocabulary) {
    std::vector<headcount::token> ids(tokens);
    for (auto& id : ids) id = static_cast<headcount::token>(below(vocabulary));
    return ids;
  }

 private:
  std::mt19937 engine_;
};

/// A float of `exponent_bits` and `mantissa_bits` as IEEE 754 reads it: (-1)^s 2^(e - bias) 1.m, without a table.
inline double decode(std::uint16_t bits, int exponent_bits, int mantissa_bits) {
  int const bias = (1 << (exponent_bits - 1)) - 1;
  int const exponent = (bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
  int const mantissa = bits & ((1 << mantissa_bits) - 1);
  double const sign = bits >> 15 != 0 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1)
    return mantissa != 0 ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
  return sign * std::ldexp(mantissa + (1 << mantissa_bits), exponent - bias - mantissa_bits);
}
inline double decode_bfloat16(std::uint16_t bits) { return decode(bits, 8, 7); }
inline double decode_float16(std::uint16_t bits) { return decode(bits, 5, 10); }

/// The pattern below a number, its last bits cut off; 0 where it is too small for a normal one.
inline std::uint16_t encode(double value, int exponent_bits, int mantissa_bits) {
  int exponent = 0;
  double const fraction = std::frexp(std::fabs(value), &exponent);  // in [0.5, 1)
  int const field = exponent - 1 + (1 << (exponent_bits - 1)) - 1;
  if (value == 0 || field <= 0) return 0;
  auto const mantissa = static_cast<int>(std::ldexp(fraction, mantissa_bits + 1)) - (1 << mantissa_bits);
  return static_cast<std::uint16_t>((value < 0 ? 1 << 15 : 0) | field << mantissa_bits | mantissa);
}

inline rows rows_of(headcount::reference::matrix const& values) {
  rows result;
  for (std::size_t token = 0; token < headcount::reference::size(values.rows()); ++token) {
    auto const one = headcount::reference::row_of(values, token);
    result.emplace_back(one.begin(), one.end());
  }
  return result;
}

/// The largest difference of any two numbers; infinite where shapes differ or a number is not finite.
inline double distance(rows const& a, rows const& b) {
  constexpr auto far = std::numeric_limits<double>::infinity();
  if (a.size() != b.size()) return far;
  double largest = 0;
  for (std::size_t token = 0; token < b.size(); ++token) {
    if (a[token].size() != b[token].size()) return far;
    for (std::size_t i = 0; i < b[token].size(); ++i) {
      double const apart = std::fabs(a[token][i] - b[token][i]);
      if (!(apart <= largest)) largest = std::isnan(apart) ? far : apart;
    }
  }
  return largest;
}
inline double distance(headcount::reference::matrix const& a, rows const& b) { return distance(rows_of(a), b); }
inline double distance(headcount::reference::matrix const& a, headcount::reference::matrix const& b) {
  return distance(a, rows_of(b));
}

/// Rows [begin, begin + count) of a matrix.
inline headcount::reference::matrix slice(headcount::reference::matrix const& all, std::size_t begin,
                                          std::size_t count) {
  return all.middleRows(headcount::reference::index(begin), headcount::reference::index(count));
}

}  // namespace test
