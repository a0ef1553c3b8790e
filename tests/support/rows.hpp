#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <support/float64.hpp>
#include <support/numbers.hpp>

namespace support {

/// Logits of one head over the keys, and what they are an example of.
struct logit_row {
  std::string what;
  std::vector<double> logits;
};

/// Rows that attention meets: random, peaked, uniform, partly masked, one key, long, and with huge logits.
[[nodiscard]] inline std::vector<logit_row> logit_rows() {
  numbers draw{11};
  auto const peak = [](std::vector<double> logits, std::size_t at, double height) {
    logits[at] = height;
    return logits;
  };
  auto masked = draw.list(97, -4, 4);
  for (std::size_t key = 0; key < masked.size(); key += 3) masked[key] = -infinity;
  std::vector<double> rising(300);
  for (std::size_t key = 0; key < rising.size(); ++key) rising[key] = 0.1 * static_cast<double>(key);
  return {{"random", draw.list(100, -3, 3)},
          {"flat", draw.list(1000, -0.01, 0.01)},
          {"peaked", peak(draw.list(100, -3, 3), 40, 12)},
          {"peaked at the first key", peak(draw.list(100, -3, 3), 0, 12)},
          {"uniform", std::vector<double>(64, 0.25)},
          {"masked, its first key too", masked},
          {"rising", rising},
          {"one key", {-3.5}},
          {"two equal keys", {5, 5}},
          {"long", draw.list(32768, -6, 6)},
          {"large", {1e4, 9999, -1e4, 9998.5}},
          {"large, rising", {-1e4, 0, 1e4}},
          {"large, all negative", {-1e4, -10001, -10003}}};
}

/// The weights that such logits make, in double precision.
[[nodiscard]] inline std::vector<double> weights_of(logit_row const& row) { return softmax(row.logits); }

}  // namespace support
