#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <headcount/core/error.hpp>
#include <headcount/core/head_outputs.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/part/print_part.hpp>

namespace headcount::v0::mask {

/// The outputs of a site's layer that were read from a file; null where there are none.
[[nodiscard]] inline head_outputs::layer const* known_outputs(from_file<head_outputs> const& file,
                                                              site const& where) noexcept {
  return file.content == nullptr ? nullptr : file.content->of(where.layer, where.heads);
}

/// Makes an output, `[dim]`, a known one; features that are not known become 0.
inline void put_output(std::span<float const> known, std::ranges::forward_range auto&& output) noexcept {
  std::size_t feature = 0;
  for (auto& value : output) {
    value = static_cast<std::remove_cvref_t<decltype(value)>>(feature < known.size() ? known[feature] : 0.0f);
    ++feature;
  }
}

/// A mistake when a file does not hold outputs of this layer's heads. `what` is the part's name.
[[nodiscard]] inline std::optional<error> find_wrong_outputs(std::string_view what, from_file<head_outputs> const& file,
                                                             site const& where) {
  auto const name = text_of(what, "(", print_file_name(file.name), ")");
  if (file.content == nullptr) return error{name, "no outputs were read"};
  auto const* const known = file.content->of(where.layer, where.heads);
  constexpr auto allowed = "outputs that `headcount calibrate` wrote of this model";
  if (known == nullptr)
    return error{name, text_of("it holds no outputs of layer ", where.layer, " with ", where.heads, " heads"), allowed};
  if (where.head_dim != 0 && known->dim != where.head_dim)
    return error{name,
                 text_of("its outputs of layer ", where.layer, " have ", known->dim, " features, the heads' have ",
                         where.head_dim),
                 allowed};
  return std::nullopt;
}

}  // namespace headcount::v0::mask
