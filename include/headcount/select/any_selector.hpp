#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/part/part.hpp>
#include <headcount/part/print_part.hpp>
#include <headcount/part/sequence_dependence.hpp>
#include <headcount/part/validate_part.hpp>
#include <headcount/score/scorer.hpp>
#include <headcount/select/fixed.hpp>
#include <headcount/select/selector.hpp>

namespace headcount::v0 {

/// Any selector, chosen at run time. Copies share it; calls allocate nothing.
class any_selector {
 public:
  any_selector() : any_selector{select::every_head{}} {}

  template <selector Select>
  any_selector(Select select) : held_{std::make_shared<holder<Select>>(std::move(select))} {}

  [[nodiscard]] head_set operator()(std::span<double const> scores, site const& where,
                                    std::span<double> memory = {}) const noexcept {
    return held_->of(scores, where, memory);
  }
  [[nodiscard]] std::size_t state_size() const noexcept { return held_->state_size(); }
  /// Whether it may choose differently from the same scores in two sequences.
  [[nodiscard]] bool depends_on_sequence() const { return held_->depends_on_sequence(); }
  void validate(site const& where) const { held_->validate(where); }
  [[nodiscard]] friend std::string print(any_selector const& part, files_as files = files_as::names) {
    return part.held_->print(files);
  }

  /// Equal sentences with equal files are equal selectors.
  [[nodiscard]] friend bool operator==(any_selector const& a, any_selector const& b) {
    return print(a, files_as::contents) == print(b, files_as::contents);
  }

 private:
  struct interface {
    virtual ~interface() = default;
    [[nodiscard]] virtual head_set of(std::span<double const>, site const&, std::span<double>) const noexcept = 0;
    [[nodiscard]] virtual std::size_t state_size() const noexcept = 0;
    [[nodiscard]] virtual bool depends_on_sequence() const = 0;
    virtual void validate(site const&) const = 0;
    [[nodiscard]] virtual std::string print(files_as) const = 0;
  };

  template <class Select>
  struct holder final : interface {
    explicit holder(Select part) : select{std::move(part)} {}
    head_set of(std::span<double const> scores, site const& where, std::span<double> memory) const noexcept override {
      return select_heads(select, scores, where, memory);
    }
    std::size_t state_size() const noexcept override { return state_size_of(select); }
    bool depends_on_sequence() const override {
      return part_depends_on_sequence(select, site_selector<Select> || joint_selector<Select>);
    }
    void validate(site const& where) const override { validate_part(select, where); }
    std::string print(files_as files) const override { return headcount::print(select, files); }
    Select select;
  };

  std::shared_ptr<interface const> held_;
};

template <>
inline constexpr bool is_erased_part<any_selector> = true;

}  // namespace headcount::v0
