#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <headcount/core/head_set.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/edit/edit.hpp>
#include <headcount/policy/print.hpp>
#include <headcount/policy/scope.hpp>

namespace headcount::inline v0 {

/// Any weight edit with the scope it applies in. Copies share the edit; calls allocate nothing.
class any_edit {
 public:
  template <weight_edit Edit>
  any_edit(Edit edit, scope applies = {}) : where{applies}, held_{std::make_shared<holder<Edit>>(std::move(edit))} {}

  /// The same edit, limited to one phase.
  [[nodiscard]] any_edit during(phase when) const {
    auto limited = *this;
    limited.where.during = when;
    return limited;
  }

  /// Whether the edit reads the rows of every head, so that none may be skipped.
  [[nodiscard]] bool needs_all_heads() const noexcept { return held_->needs_all_heads(); }

  /// Edits `weights`, `[head, key]`, rows contiguous; heads outside `computed` are left alone unless the edit needs
  /// all.
  void operator()(strided_view<float, 2> weights, head_set const& computed, std::size_t first) const noexcept {
    held_->apply(weights, computed, first);
  }

  /// The edit as its sentence, e.g. "omit(3-5) @ generation".
  [[nodiscard]] friend std::string print(any_edit const& edit) { return edit.held_->print() + print(edit.where); }

  scope where;

 private:
  struct interface {
    virtual ~interface() = default;
    [[nodiscard]] virtual bool needs_all_heads() const noexcept = 0;
    virtual void apply(strided_view<float, 2>, head_set const&, std::size_t) const noexcept = 0;
    [[nodiscard]] virtual std::string print() const = 0;
  };

  template <class Edit>
  struct holder final : interface {
    explicit holder(Edit part) : edit{std::move(part)} {}
    bool needs_all_heads() const noexcept override { return all_heads_edit<Edit>; }
    void apply(strided_view<float, 2> weights, head_set const& computed, std::size_t first) const noexcept override {
      if constexpr (all_heads_edit<Edit>) edit(weights, first);
      else
        for (auto const head : computed) edit(weights[head].as_span(), first);
    }
    std::string print() const override { return headcount::print(edit); }
    Edit edit;
  };

  std::shared_ptr<interface const> held_;
};

}  // namespace headcount::inline v0
