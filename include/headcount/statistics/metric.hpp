#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <span>
#include <string_view>

#include <headcount/version.hpp>

namespace headcount::v0::evaluate {

/// Which way a metric is better. Unknown of a metric that no task names: then nobody is called better.
enum class direction { higher, lower, unknown };

/// What values a metric can have, by its definition and never by the values that came out: which interval fits it.
struct scale {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool right_or_wrong = false;  ///< nothing but 0 and 1: the mean is a share

  [[nodiscard]] friend constexpr bool operator==(scale const&, scale const&) noexcept = default;
};

inline constexpr scale real_scale{};
inline constexpr scale right_or_wrong{.low = 0, .high = 1, .right_or_wrong = true};

/// Any value from `low` to `high`, and any from `low` on.
[[nodiscard]] constexpr scale between(double low, double high) noexcept { return {.low = low, .high = high}; }
[[nodiscard]] constexpr scale at_least(double low) noexcept { return {.low = low}; }

/// Sums over rows that an aggregate is computed from: what a row adds, or many rows together.
using row_sums = std::array<double, 4>;

/// How rows become one number: `total` of the sums of what each row adds. Sums, so that a cluster of rows can be drawn
/// again or left out at the cost of four additions.
struct aggregate {
  std::string_view name{};
  std::array<std::string_view, 2> reads{};  ///< keys of what the task adds to a row, numbers; empty: only the value
  /// What a row adds, from its value and the numbers that it reads.
  row_sums (*of_row)(double value, std::array<double, 2> const& read) = nullptr;
  double (*total)(row_sums const& sums) = nullptr;

  [[nodiscard]] friend constexpr bool operator==(aggregate const& a, aggregate const& b) noexcept {
    return a.name == b.name && a.reads == b.reads;
  }
};

/// The mean of the values.
inline constexpr aggregate mean_of_rows{
    .name = "mean",
    .of_row = [](double value, std::array<double, 2> const&) { return row_sums{value, 1}; },
    .total = [](row_sums const& sums) { return sums[0] / sums[1]; }};

/// exp(-log-likelihood per `unit`) over all texts together, as published: rows have "loglik" in nats and a count
/// `unit`, "words", "bytes" or "tokens".
[[nodiscard]] constexpr aggregate perplexity_per(std::string_view unit) noexcept {
  return {.name = "perplexity",
          .reads = {"loglik", unit},
          .of_row = [](double, std::array<double, 2> const& read) { return row_sums{read[0], read[1]}; },
          .total = [](row_sums const& sums) { return std::exp(-sums[0] / sums[1]); }};
}

/// The same in bits, without exp: -log2 of the likelihood per `unit`.
[[nodiscard]] constexpr aggregate bits_per(std::string_view unit) noexcept {
  return {.name = "bits",
          .reads = {"loglik", unit},
          .of_row = [](double, std::array<double, 2> const& read) { return row_sums{read[0], read[1]}; },
          .total = [](row_sums const& sums) { return -sums[0] / (sums[1] * std::numbers::ln2); }};
}

namespace detail {

/// A yes-or-no question as sums: right yes, wrong yes, right no, wrong no. Label 1 is yes.
[[nodiscard]] inline row_sums confusion_of_row(double, std::array<double, 2> const& read) {
  bool const yes = read[1] == 1;
  bool const right = read[0] == read[1];
  return {yes && right ? 1.0 : 0, yes && !right ? 1.0 : 0, !yes && right ? 1.0 : 0, !yes && !right ? 1.0 : 0};
}

}  // namespace detail

/// Matthews' correlation of labels and answers, keys "gold" and "predicted", 0 or 1: in [-1, 1]; 0 when all answers or
/// all labels are the same.
/// Source: Matthews 1975; scikit-learn's convention where it is not defined.
inline constexpr aggregate matthews_correlation{
    .name = "Matthews' correlation",
    .reads = {"gold", "predicted"},
    .of_row = detail::confusion_of_row,
    .total = [](row_sums const& sums) {
      auto const [true_yes, false_yes, true_no, false_no] = sums;
      auto const size = std::sqrt(true_yes + false_yes) * std::sqrt(true_yes + false_no) *
                        std::sqrt(true_no + false_yes) * std::sqrt(true_no + false_no);
      return size == 0 ? 0.0 : (true_yes * true_no - false_yes * false_no) / size;
    }};

/// F1 of yes (label 1), the harmonic mean of its precision and recall, of the same keys; 0 when nothing is yes.
inline constexpr aggregate f1_of_yes{.name = "F1",
                                     .reads = {"gold", "predicted"},
                                     .of_row = detail::confusion_of_row,
                                     .total = [](row_sums const& sums) {
                                       auto const [true_yes, false_yes, true_no, false_no] = sums;
                                       auto const yes = 2 * true_yes + false_yes + false_no;
                                       return yes == 0 ? 0.0 : 2 * true_yes / yes;
                                     }};

/// What a task measures. Tasks name theirs; nobody else keeps lists of names, units or directions. Texts live as long
/// as the program.
struct metric {
  std::string_view name{};  ///< as rows say it: "exact_match", "acc", "bits_per_byte"
  std::string_view unit{};  ///< "share", "points", "nats a token", ...
  direction better = direction::unknown;
  scale values = real_scale;
  aggregate total = mean_of_rows;
  std::string_view rows_of{};      ///< the metric whose rows it is computed from; empty: rows of its own
  std::string_view split_by{};     ///< a factor; each of several values of it gets a total, too: "subject"
  std::string_view averaged_as{};  ///< the mean over a family's tasks that it counts in: "macro_mean"; empty: none

  [[nodiscard]] friend constexpr bool operator==(metric const&, metric const&) noexcept = default;
};

/// A metric that no task names: a mean of any numbers, better nobody knows which way.
inline constexpr metric unknown_metric{};

/// The metrics of a task by its name ("glue/cola"), none when there is no such task. task/registry/task_kinds.hpp has
/// the one that knows all tasks.
using metrics_by_task = std::span<metric const> (*)(std::string_view task);

/// A task's metric, or unknown_metric.
[[nodiscard]] inline metric const& find_metric(std::span<metric const> metrics, std::string_view name) noexcept {
  for (auto const& one : metrics)
    if (one.name == name) return one;
  return unknown_metric;
}

}  // namespace headcount::v0::evaluate
