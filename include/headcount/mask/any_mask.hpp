#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include <headcount/core/site.hpp>
#include <headcount/mask/attention_pattern.hpp>
#include <headcount/mask/mask.hpp>
#include <headcount/mask/zero.hpp>
#include <headcount/part/any_part.hpp>

namespace headcount::v0 {

/// What any_mask needs of a mask.
struct mask_interface : part_interface {
  template <class Mask>
  static constexpr bool is_told_site = masks_site<Mask>;

  virtual void apply(site const&, std::size_t, output_view) const noexcept = 0;
  [[nodiscard]] virtual std::optional<attention_pattern> attention(std::size_t) const noexcept = 0;
  [[nodiscard]] virtual mask_factors factors(std::size_t, std::size_t) const noexcept = 0;
  [[nodiscard]] virtual bool site_matters() const noexcept = 0;
};

template <class Mask>
struct mask_holder final : part_holder<Mask, mask_interface> {
  using part_holder<Mask, mask_interface>::part_holder;
  void apply(site const& where, std::size_t head, output_view output) const noexcept override {
    mask_output(this->part, where, head, output);
  }
  std::optional<attention_pattern> attention(std::size_t keys) const noexcept override {
    return attention_of(this->part, keys);
  }
  mask_factors factors(std::size_t kept, std::size_t heads) const noexcept override {
    return this->part.factors(kept, heads);
  }
  bool site_matters() const noexcept override { return masks_site<Mask>; }
};

/// Any mask, chosen at run time. Its kind is that of the mask it holds: a mask gives an attention, or is called with an
/// output.
class any_mask : public any_part<mask_interface> {
 public:
  any_mask() : any_mask{mask::zero{}} {}

  template <head_mask Mask>
  any_mask(Mask mask) : any_part{shared<mask_interface>::template make<mask_holder<Mask>>(std::move(mask))} {}

  void operator()(site const& where, std::size_t head, output_view output) const noexcept {
    held().apply(where, head, output);
  }
  [[nodiscard]] std::optional<attention_pattern> attention(std::size_t keys) const noexcept {
    return held().attention(keys);
  }
  [[nodiscard]] mask_factors factors(std::size_t kept, std::size_t heads) const noexcept {
    return held().factors(kept, heads);
  }
  /// Whether it may do different things to the same output at different sites.
  [[nodiscard]] bool site_matters() const noexcept { return held().site_matters(); }
};

template <>
inline constexpr bool is_erased_part<any_mask> = true;

}  // namespace headcount::v0
