#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <headcount/core/site.hpp>
#include <headcount/mask/attention_pattern.hpp>
#include <headcount/mask/mask.hpp>
#include <headcount/mask/zero.hpp>
#include <headcount/part/part.hpp>
#include <headcount/part/sequence_dependence.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/policy/print.hpp>
#include <headcount/policy/validate.hpp>
#include <headcount/score/any_scorer.hpp>
#include <headcount/select/any_selector.hpp>

namespace headcount::v0 {

/// Any mask, chosen at run time. Copies share it; calls allocate nothing. Its kind is that of the mask it holds: a mask
/// gives an attention, or is called with an output.
class any_mask {
 public:
  any_mask() : any_mask{mask::zero{}} {}

  template <head_mask Mask>
  any_mask(Mask mask) : held_{std::make_shared<holder<Mask>>(std::move(mask))} {}

  void operator()(site const& where, std::size_t head, output_view output) const noexcept {
    held_->apply(where, head, output);
  }
  [[nodiscard]] std::optional<attention_pattern> attention(std::size_t keys) const noexcept {
    return held_->attention(keys);
  }
  /// Whether it may do different things to the same output at different sites.
  [[nodiscard]] bool is_told_site() const noexcept { return held_->is_told_site(); }
  /// Whether it may do different things to the same output in two sequences.
  [[nodiscard]] bool depends_on_sequence() const { return held_->depends_on_sequence(); }
  [[nodiscard]] double kept_factor(std::size_t kept, std::size_t heads) const noexcept {
    return held_->kept_factor(kept, heads);
  }
  [[nodiscard]] double bias_factor(std::size_t kept, std::size_t heads) const noexcept {
    return held_->bias_factor(kept, heads);
  }
  void validate(site const& where) const { held_->validate(where); }
  [[nodiscard]] friend std::string print(any_mask const& part, files_as files = files_as::names) {
    return part.held_->print(files);
  }

 private:
  struct interface {
    virtual ~interface() = default;
    virtual void apply(site const&, std::size_t, output_view) const noexcept = 0;
    [[nodiscard]] virtual std::optional<attention_pattern> attention(std::size_t) const noexcept = 0;
    [[nodiscard]] virtual bool is_told_site() const noexcept = 0;
    [[nodiscard]] virtual bool depends_on_sequence() const = 0;
    [[nodiscard]] virtual double kept_factor(std::size_t, std::size_t) const noexcept = 0;
    [[nodiscard]] virtual double bias_factor(std::size_t, std::size_t) const noexcept = 0;
    virtual void validate(site const&) const = 0;
    [[nodiscard]] virtual std::string print(files_as) const = 0;
  };

  template <class Mask>
  struct holder final : interface {
    explicit holder(Mask part) : mask{std::move(part)} {}
    void apply(site const& where, std::size_t head, output_view output) const noexcept override {
      mask_output(mask, where, head, output);
    }
    std::optional<attention_pattern> attention(std::size_t keys) const noexcept override {
      return attention_of(mask, keys);
    }
    bool is_told_site() const noexcept override { return site_mask<Mask>; }
    bool depends_on_sequence() const override { return part_depends_on_sequence(mask, site_mask<Mask>); }
    double kept_factor(std::size_t kept, std::size_t heads) const noexcept override {
      return kept_factor_of(mask, kept, heads);
    }
    double bias_factor(std::size_t kept, std::size_t heads) const noexcept override {
      return bias_factor_of(mask, kept, heads);
    }
    void validate(site const& where) const override { validate_part(mask, where); }
    std::string print(files_as files) const override { return headcount::print(mask, files); }
    Mask mask;
  };

  std::shared_ptr<interface const> held_;
};

template <>
inline constexpr bool is_erased_part<any_mask> = true;

/// A policy whose parts are known at run time, e.g. from a sentence. Every other policy converts to it, and everything
/// that takes a policy takes this one; nothing is allocated after it was made.
using any_policy = policy<any_scorer, any_selector, any_mask>;

/// Whether a policy may treat the same tokens in two sequences differently, so that they cannot share a reading.
[[nodiscard]] inline bool depends_on_sequence(any_policy const& policy) {
  return policy.score.depends_on_sequence() || policy.select.depends_on_sequence() || policy.mask.depends_on_sequence();
}

/// A policy as its sentence, which parses back to it: "entropy | top_k(5) @ generation". The zero mask is left out.
template <class Score, class Select, class Mask>
[[nodiscard]] std::string print(policy<Score, Select, Mask> const& policy, files_as files = files_as::names) {
  auto text = print(policy.score, files);
  if (!text.empty()) text += " | ";
  text += print(policy.select, files);
  if (auto const mask = print(policy.mask, files); mask != print(mask::zero{})) text.append(" | ").append(mask);
  return text + print(policy.where);
}

/// Whether two policies are the same: equal sentences, and equal contents of the files that they name.
[[nodiscard]] inline bool operator==(any_policy const& a, any_policy const& b) {
  return print(a, files_as::contents) == print(b, files_as::contents);
}

}  // namespace headcount::v0
