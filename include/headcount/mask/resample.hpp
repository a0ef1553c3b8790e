#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <headcount/core/error.hpp>
#include <headcount/core/head_outputs.hpp>
#include <headcount/core/random.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/mask/known_output.hpp>
#include <headcount/mask/mask.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/part/part.hpp>
#include <headcount/part/print_part.hpp>

namespace headcount::v0::mask {

/// A dropped head puts out what it did at a token of another text: resampling ablation.
///
///     output = the head's output at calibration token i, i drawn from (seed, sequence, position)
///
/// All heads of all layers get the same i, so what they have in common stays. Needs nothing of the head at run time;
/// O(dim), no allocation. Errors: validate throws when the file holds no samples of the layer's heads.
/// Source: Chan et al. 2022, "Causal scrubbing" (resampling ablation).
struct resample {
  static constexpr std::string_view name = "resample";
  static constexpr part_about about{"what it did at a token of another text, the same for all heads and layers",
                                    "its output at token i of some texts, i drawn from (seed, sequence, position)",
                                    "Chan et al. 2022, \"Causal scrubbing\""};

  from_file<head_outputs> outputs{};  ///< a file that `headcount calibrate` wrote
  std::uint64_t seed = 0;             ///< another seed draws other tokens

  static constexpr auto fields =
      field_list{leading_field("outputs", &resample::outputs, "the file that `headcount calibrate` wrote"),
                 named_field("seed", &resample::seed, "another seed draws other tokens")};

  [[nodiscard]] constexpr mask_factors factors(std::size_t, std::size_t) const noexcept { return {}; }
  void operator()(site const& where, std::size_t head, std::ranges::forward_range auto&& output) const noexcept {
    auto const* const known = known_outputs(outputs, where);
    if (known == nullptr || outputs.content->samples == 0) return put_output({}, output);
    auto const draw = uniform_number(seed, {.sequence_id = where.sequence_id, .position = where.position}, 0);
    auto const sample = static_cast<std::size_t>(draw * static_cast<double>(outputs.content->samples));
    put_output(known->sample_of(sample, head), output);
  }
};

/// A mistake where the file has no samples of the layer, or of another number of heads or features.
[[nodiscard]] inline std::optional<error> find_mistake(resample const& part, site const& where) {
  if (auto wrong = find_wrong_outputs(resample::name, part.outputs, where)) return wrong;
  if (part.outputs.content->samples == 0)
    return error{text_of(resample::name, "(", print_file_name(part.outputs.name), ")"), "it holds no samples",
                 "a file of `headcount calibrate --samples 1` or more"};
  return std::nullopt;
}

}  // namespace headcount::v0::mask
