#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include <headcount/core/error.hpp>
#include <headcount/core/head_outputs.hpp>
#include <headcount/core/site.hpp>
#include <headcount/mask/known_output.hpp>
#include <headcount/mask/mask.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0::mask {

/// A dropped head puts out what it does on average, whatever it reads: mean ablation.
///
///     output = mean over calibration tokens of the head's output
///
/// Needs nothing of the head at run time; O(dim), no allocation. Errors: validate throws when the file holds no outputs
/// of the layer's heads.
/// Source: Wang et al. 2023, "Interpretability in the Wild", arXiv 2211.00593, section 2.3.
struct mean {
  static constexpr std::string_view name = "mean";
  static constexpr part_about about{"what it does on average, whatever it reads", "mean of its output on some texts",
                                    "Wang et al. 2023, arXiv 2211.00593"};
  static constexpr bool depends_on_sequence = false;

  from_file<head_outputs> outputs{};  ///< a file that `headcount calibrate` wrote

  static constexpr auto fields =
      field_list{leading_field("outputs", &mean::outputs, "the file that `headcount calibrate` wrote")};

  [[nodiscard]] constexpr mask_factors factors(std::size_t, std::size_t) const noexcept { return {}; }
  void operator()(site const& where, std::size_t head, std::ranges::forward_range auto&& output) const noexcept {
    auto const* const known = known_outputs(outputs, where);
    put_output(known == nullptr ? std::span<float const>{} : known->mean_of(head), output);
  }
};

/// A mistake where the file has no outputs of the layer, or of another number of heads or features.
[[nodiscard]] inline std::optional<error> find_mistake(mean const& part, site const& where) {
  return find_wrong_outputs(mean::name, part.outputs, where);
}

}  // namespace headcount::v0::mask
