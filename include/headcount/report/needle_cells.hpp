#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include <headcount/report/results.hpp>
#include <headcount/result/row.hpp>
#include <headcount/result/total.hpp>

namespace headcount::v0::report {

/// How many bands the depth of a needle is sorted into.
inline constexpr std::size_t depth_bands = 10;

/// Prompts of one length whose needles stand about as deep.
struct needle_cell {
  double length = 0;     ///< tokens that the prompt was to have
  std::size_t band = 0;  ///< of equally deep ones, the last of which holds 100% as well
  evaluate::estimate mean{};
};

/// Whether a row says where its needle stands: how long its prompt is and its `realised_depth`, in
/// percent.
[[nodiscard]] inline bool has_needle(evaluate::row const& one) {
  auto const is_number = [&](char const* key) { return one.more.contains(key) && one.more[key].is_number(); };
  if (!is_number("length") || !is_number("realised_depth")) return false;
  auto const depth = one.more["realised_depth"].get<double>();
  return depth >= 0 && depth <= 100;
}

/// The cells of a result, by length, then depth; rows without a needle are left out.
[[nodiscard]] inline std::vector<needle_cell> needle_cells(result const& of) {
  std::map<std::pair<double, std::size_t>, std::vector<evaluate::row const*>> cells;
  for (auto const* one : of.rows) {
    if (!has_needle(*one)) continue;
    auto const depth = one->more["realised_depth"].get<double>();
    // A depth that is a band's edge but for rounding belongs to the band that begins there.
    auto const band = static_cast<std::size_t>(depth / 100 * static_cast<double>(depth_bands) + 1e-9);
    cells[{one->more["length"].get<double>(), (std::min)(band, depth_bands - 1)}].push_back(one);
  }
  std::vector<needle_cell> found;
  for (auto const& [place, rows] : cells)
    found.push_back({place.first, place.second, evaluate::estimate_of(rows, of.how)});
  return found;
}

}  // namespace headcount::v0::report
