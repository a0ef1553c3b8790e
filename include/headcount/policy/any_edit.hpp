#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <headcount/core/error.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/core/text.hpp>
#include <headcount/edit/ablate.hpp>
#include <headcount/edit/edit.hpp>
#include <headcount/part/any_part.hpp>
#include <headcount/policy/print.hpp>
#include <headcount/policy/scope.hpp>

namespace headcount::v0 {

/// What can stand in an edit sentence: an edit of attention weights, or one that takes a block away.
template <class Edit>
concept model_edit = weight_edit<Edit> || std::same_as<Edit, edit::ablate>;

/// What any_edit needs of an edit.
struct edit_interface : part_interface {
  [[nodiscard]] virtual edit::ablate const* ablation() const noexcept = 0;
  [[nodiscard]] virtual bool needs_all_heads() const noexcept = 0;
  [[nodiscard]] virtual bool needs_all_rows() const noexcept = 0;
  virtual void apply(strided_view<float, 2>, head_set const&, seen_keys) const noexcept = 0;
  [[nodiscard]] virtual double sum(strided_view<float const, 2>, head_set const&, seen_keys) const noexcept = 0;
  [[nodiscard]] virtual shared<edit_interface> with_pass_total(double, strided_view<float const, 2>, head_set const&,
                                                               seen_keys) const = 0;
};

template <class Edit>
struct edit_holder final : part_holder<Edit, edit_interface> {
  static_assert(
      all_rows_edit<Edit> || !says_all_rows<Edit>,
      "headcount: an edit of all rows says needs_all_rows(), sum(...) and with_pass_total(...), see edit.hpp");
  using part_holder<Edit, edit_interface>::part_holder;
  edit::ablate const* ablation() const noexcept override {
    if constexpr (weight_edit<Edit>) return nullptr;
    else return &this->part;
  }
  bool needs_all_heads() const noexcept override { return all_heads_edit<Edit>; }
  bool needs_all_rows() const noexcept override {
    if constexpr (all_rows_edit<Edit>) return this->part.needs_all_rows();
    else return false;
  }
  void apply([[maybe_unused]] strided_view<float, 2> weights, [[maybe_unused]] head_set const& among,
             [[maybe_unused]] seen_keys seen) const noexcept override {
    if constexpr (all_heads_edit<Edit>) this->part(weights, among, seen);
    else if constexpr (row_edit<Edit>)
      for (auto const head : among) this->part(weights[head].as_span(), seen);
  }
  double sum([[maybe_unused]] strided_view<float const, 2> weights, [[maybe_unused]] head_set const& among,
             [[maybe_unused]] seen_keys seen) const noexcept override {
    if constexpr (all_rows_edit<Edit>) return this->part.sum(weights, among, seen);
    else return 0;
  }
  shared<edit_interface> with_pass_total([[maybe_unused]] double total,
                                         [[maybe_unused]] strided_view<float const, 2> last,
                                         [[maybe_unused]] head_set const& among,
                                         [[maybe_unused]] seen_keys seen) const override {
    if constexpr (all_rows_edit<Edit>)
      return shared<edit_interface>::template make<edit_holder>(this->part.with_pass_total(total, last, among, seen));
    else return shared<edit_interface>::template make<edit_holder>(this->part);
  }
};

/// Any edit with the scope and the heads it applies to.
class any_edit : public any_part<edit_interface> {
 public:
  template <model_edit Edit>
  any_edit(Edit edit, scope applies = {})
      : any_part{shared<edit_interface>::template make<edit_holder<Edit>>(std::move(edit))}, where{applies} {}

  /// The same edit, limited to one phase.
  [[nodiscard]] any_edit during(phase when) const {
    auto limited = *this;
    limited.where.during = when;
    return limited;
  }

  /// The same edit, limited to some heads.
  [[nodiscard]] any_edit in_heads(head_set only) const {
    auto limited = *this;
    limited.heads = only;
    return limited;
  }

  /// What is taken away, when the edit is of no weights; null otherwise.
  [[nodiscard]] edit::ablate const* ablation() const noexcept { return held().ablation(); }

  /// Whether it edits weights at a site.
  [[nodiscard]] bool edits_weights(site const& at) const noexcept { return ablation() == nullptr && where.covers(at); }

  /// The heads, among `all`, whose rows it reads to edit any: none for an edit of rows one by one.
  [[nodiscard]] head_set needed_heads(head_set const& all) const noexcept {
    return held().needs_all_heads() ? limited(all) : head_set{};
  }

  /// Whether it reads the rows of every query of a pass to edit any: see all_rows_edit.
  [[nodiscard]] bool needs_all_rows() const noexcept { return held().needs_all_rows(); }

  /// Edits `weights`, `[head, key]`, rows contiguous; heads outside `computed` are left alone unless they are needed.
  void operator()(strided_view<float, 2> weights, head_set const& computed, seen_keys seen) const noexcept {
    auto const all = head_set::first(weights.extent(0));
    held().apply(weights, limited(held().needs_all_heads() ? all : computed), seen);
  }

  /// What it sums up over the rows of a pass, of one query's rows `[head, key]`.
  [[nodiscard]] double sum(strided_view<float const, 2> weights, seen_keys seen) const noexcept {
    return held().sum(weights, limited(head_set::first(weights.extent(0))), seen);
  }

  /// The edit that knows the pass: the sum over its rows, and its last query's rows, `[head, key]`.
  [[nodiscard]] any_edit with_pass_total(double total, strided_view<float const, 2> last, seen_keys seen) const {
    any_edit known{held().with_pass_total(total, last, limited(head_set::first(last.extent(0))), seen)};
    known.where = where;
    known.heads = heads;
    return known;
  }

  /// A mistake when a parameter is out of its bounds, or a head is named that the site does not have.
  [[nodiscard]] std::optional<error> find_mistake(site const& at) const {
    if (auto found = any_part::find_mistake(at)) return found;
    if (heads && (*heads & head_set::first(at.heads)) != *heads)
      return error{text_of("edit \"", print(*this), "\""), text_of("layer ", at.layer, " has ", at.heads, " heads"),
                   text_of("heads 0 to ", at.heads - 1)};
    return std::nullopt;
  }

  /// Throws headcount::error for that mistake.
  void validate(site const& at) const {
    if (auto const found = find_mistake(at)) raise(*found);
  }

  /// The edit as its sentence, e.g. "omit(3-5) @ generation, heads=0-3".
  [[nodiscard]] friend std::string print(any_edit const& edit) {
    return print(static_cast<any_part const&>(edit)) + print(edit.where, edit.heads);
  }

  /// Edits of one type with equal fields, in equal scopes, of equal heads.
  [[nodiscard]] friend bool operator==(any_edit const& a, any_edit const& b) {
    return static_cast<any_part const&>(a) == static_cast<any_part const&>(b) && a.where == b.where &&
           a.heads == b.heads;
  }

  scope where{};
  std::optional<head_set> heads{};  ///< the heads whose weights it edits; all when empty

 private:
  explicit any_edit(shared<edit_interface> held) : any_part{std::move(held)} {}

  [[nodiscard]] head_set limited(head_set const& among) const noexcept { return heads ? *heads & among : among; }
};

/// Whether some edit that applies at a site reads the rows of every query of the pass there.
[[nodiscard]] inline bool needs_all_rows(std::span<any_edit const> edits, site const& at) noexcept {
  return std::ranges::any_of(edits,
                             [&](any_edit const& edit) { return edit.needs_all_rows() && edit.where.covers(at); });
}

}  // namespace headcount::v0
