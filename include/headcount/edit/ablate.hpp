#pragma once

#include <array>
#include <string_view>

#include <headcount/core/index_ranges.hpp>
#include <headcount/core/words.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0::edit {

/// What of a hybrid can be taken away beside single heads.
enum class block : unsigned char {
  attention,
  rg_lru,
  mamba,
  mamba2,
  gated_delta,
  short_convolution,
  convolution,
  mlp,
  experts,
  layer
};

}  // namespace headcount::v0::edit

namespace headcount::v0 {

template <>
inline constexpr std::array<std::string_view, 10> words_of<edit::block>{
    "attention",         "rg_lru",      "mamba", "mamba2",  "gated_delta",
    "short_convolution", "convolution", "mlp",   "experts", "layer"};

}  // namespace headcount::v0

namespace headcount::v0::edit {

/// Takes away what is not attention, the mirror of dropping heads: what a block adds to the residual stream becomes 0,
/// its projection's bias included, in the layers of the scope that have one.
///
/// `attention` and the recurrences `rg_lru` to `short_convolution` are the mixers, `mlp` and `experts` what follows
/// them, `layer` is all. A recurrent
/// block goes on reading its inputs, so that its state is there where the scope ends. `convolution` leaves the causal
/// convolution of a recurrent block the token itself: the taps of the tokens before become 0.
///
/// With channels, of a recurrent block or its convolution, only those are taken away: their outputs become 0 before the
/// output projection, as a dropped head's do, and its bias stays.
/// Source: own.
struct ablate {
  static constexpr std::string_view name = "ablate";
  static constexpr part_about about{"takes away what is not attention: what a block adds becomes 0", "0 * block",
                                    "own"};

  block what = block::layer;  ///< what is taken away
  index_ranges channels{};    ///< which channels of it; all, and the bias, when empty

  static constexpr auto fields = field_list{leading_field("what", &ablate::what, "what is taken away"),
                                            named_field("channels", &ablate::channels, "which channels of it")};
};

}  // namespace headcount::v0::edit
