#pragma once

#include <cmath>
#include <cstddef>

#include <headcount/version.hpp>

namespace headcount::v0::evaluate {

/// How yes-or-no questions were answered; label 1 is yes.
struct confusion {
  std::size_t true_yes = 0;
  std::size_t false_yes = 0;
  std::size_t true_no = 0;
  std::size_t false_no = 0;

  void add(std::size_t gold, std::size_t predicted) noexcept {
    if (predicted == 1) ++(gold == 1 ? true_yes : false_yes);
    else ++(gold == 1 ? false_no : true_no);
  }

  /// Harmonic mean of precision and recall of yes; 0 when nothing is yes.
  [[nodiscard]] double f1() const noexcept {
    auto const yes = 2 * true_yes + false_yes + false_no;
    return yes == 0 ? 0 : 2 * static_cast<double>(true_yes) / static_cast<double>(yes);
  }

  /// Correlation of answers and labels, in [-1, 1]; 0 when all answers or all labels are the same.
  /// Source: Matthews 1975; scikit-learn's convention where it is not defined.
  [[nodiscard]] double matthews() const noexcept {
    auto const number = [](std::size_t count) { return static_cast<double>(count); };
    auto const scale = std::sqrt(number(true_yes + false_yes)) * std::sqrt(number(true_yes + false_no)) *
                       std::sqrt(number(true_no + false_yes)) * std::sqrt(number(true_no + false_no));
    if (scale == 0) return 0;
    return (number(true_yes) * number(true_no) - number(false_yes) * number(false_no)) / scale;
  }
};

}  // namespace headcount::v0::evaluate
