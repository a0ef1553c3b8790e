#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/part/any_part.hpp>
#include <headcount/score/scorer.hpp>
#include <headcount/select/fixed.hpp>
#include <headcount/select/selector.hpp>

namespace headcount::v0 {

/// What any_selector needs of a selector.
struct selector_interface : part_interface {
  template <class Select>
  static constexpr bool is_told_site = !selector_takes<Select>.scores;

  [[nodiscard]] virtual head_set choose(std::span<double const>, site const&, std::span<double>) const noexcept = 0;
  [[nodiscard]] virtual std::size_t state_size() const noexcept = 0;
};

template <class Select>
struct selector_holder final : part_holder<Select, selector_interface> {
  using part_holder<Select, selector_interface>::part_holder;
  head_set choose(std::span<double const> scores, site const& where, std::span<double> state) const noexcept override {
    return select_heads(this->part, scores, where, state);
  }
  std::size_t state_size() const noexcept override { return state_size_of(this->part); }
};

/// Any selector, chosen at run time.
class any_selector : public any_part<selector_interface> {
 public:
  any_selector() : any_selector{select::every_head{}} {}

  template <selector Select>
  any_selector(Select select)
      : any_part{shared<selector_interface>::template make<selector_holder<Select>>(std::move(select))} {}

  [[nodiscard]] head_set operator()(std::span<double const> scores, site const& where,
                                    std::span<double> state = {}) const noexcept {
    return held().choose(scores, where, state);
  }
  [[nodiscard]] std::size_t state_size() const noexcept { return held().state_size(); }
};

template <>
inline constexpr bool is_erased_part<any_selector> = true;

}  // namespace headcount::v0
