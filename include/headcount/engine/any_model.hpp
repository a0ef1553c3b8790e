#pragma once

#include <any>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/site.hpp>
#include <headcount/engine/language_model.hpp>
#include <headcount/engine/observed.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/reference/parallel.hpp>

namespace headcount::v0::evaluate {

/// Any language model, chosen at run time: what evaluators, rankings and recorders take. Copies share the model.
///
/// What works with tokens and logits (level 1) works with all of them. What watches attention (level 2) asks `layers`
/// or runs with an observer, and an engine that is not `observed` then says so.
class any_model {
 public:
  using state = std::any;

  template <language_model Model>
    requires(!std::same_as<Model, any_model>)
  any_model(Model model) : held_{std::make_shared<holder<Model>>(std::move(model))} {}

  [[nodiscard]] std::size_t vocabulary() const { return held_->vocabulary(); }
  [[nodiscard]] state start() const { return held_->start(); }

  void run(std::span<step<state> const> steps, pass const& how, any_policy const& policy,
           logits_user const& use) const {
    held_->run(steps, how, policy, use, nullptr);
  }

  /// Continues copies of the steps' states under each policy.
  void fork(std::span<step<state const> const> steps, pass const& how, std::span<any_policy const> policies,
            fork_user<state> const& use) const {
    held_->fork(steps, how, policies, use);
  }

  /// Whether the engine shows what its attention does (level 2).
  [[nodiscard]] bool is_observed() const noexcept { return held_->is_observed(); }

  /// What heads there are: a site a layer, with 0 heads where there is no attention. Throws headcount::error when the
  /// engine is not observed.
  [[nodiscard]] std::vector<site> layers() const { return held_->layers(); }

  /// Runs as `run` does and shows an observer what attention does. Throws headcount::error when the engine is not
  /// observed.
  void run(std::span<step<state> const> steps, pass const& how, any_policy const& policy, logits_user const& use,
           observer const& watch) const {
    held_->run(steps, how, policy, use, &watch);
  }

  /// Whether several threads may run the model at once.
  [[nodiscard]] bool concurrent() const noexcept { return held_->concurrent(); }

 private:
  struct model_interface {
    virtual ~model_interface() = default;
    [[nodiscard]] virtual std::size_t vocabulary() = 0;
    [[nodiscard]] virtual state start() = 0;
    virtual void run(std::span<step<state> const>, pass const&, any_policy const&, logits_user const&,
                     observer const* watch) = 0;
    [[nodiscard]] virtual bool is_observed() const noexcept = 0;
    [[nodiscard]] virtual std::vector<site> layers() = 0;
    virtual void fork(std::span<step<state const> const>, pass const&, std::span<any_policy const>,
                      fork_user<state> const&) = 0;
    [[nodiscard]] virtual bool concurrent() const noexcept = 0;
  };

  template <class Model>
  struct holder final : model_interface {
    using model_state = typename Model::state;

    explicit holder(Model held) : model{std::move(held)} {}
    std::size_t vocabulary() override { return model.vocabulary(); }
    state start() override { return model.start(); }
    void run(std::span<step<state> const> steps, pass const& how, any_policy const& policy, logits_user const& use,
             observer const* watch) override {
      std::vector<step<model_state>> own;
      for (auto const& [tokens, held, row, edits] : steps)
        own.push_back({tokens, &std::any_cast<model_state&>(*held), row, edits});
      if (watch == nullptr) return model.run(own, how, policy, use);
      if constexpr (observed<Model>) model.run(own, how, policy, use, *watch);
      else not_observed();
    }
    bool is_observed() const noexcept override { return observed<Model>; }
    std::vector<site> layers() override {
      if constexpr (observed<Model>) return model.layers();
      else not_observed();
    }
    [[noreturn]] static void not_observed() {
      throw error{"engine", "it takes tokens and gives logits (level 1), and does not show its attention",
                  "an observed engine (level 2), see engine/observed.hpp"};
    }
    void fork(std::span<step<state const> const> steps, pass const& how, std::span<any_policy const> policies,
              fork_user<state> const& use) override {
      if constexpr (forking_language_model<Model>) {
        std::vector<step<model_state const>> own;
        for (auto const& [tokens, held, row, edits] : steps)
          own.push_back({tokens, &std::any_cast<model_state const&>(*held), row, edits});
        fork_user<model_state> const own_use{
            .logits = use.logits,
            .state = [&](std::size_t p, std::size_t i, model_state&& after) { use.state(p, i, std::move(after)); }};
        model.fork(std::span<step<model_state const> const>{own}, how, policies, own_use);
      } else {
        for (std::size_t p = 0; p < policies.size(); ++p) {
          std::vector<state> after;
          for (auto const& one : steps) after.push_back(*one.state);
          std::vector<step<state>> copies;
          for (std::size_t i = 0; i < steps.size(); ++i)
            copies.push_back({steps[i].tokens, &after[i], steps[i].sequence_id, steps[i].edits});
          run(
              copies, how, policies[p],
              [&](std::size_t i, std::size_t t, std::span<float const> logits) { use.logits(p, i, t, logits); },
              nullptr);
          for (std::size_t i = 0; i < steps.size(); ++i) use.state(p, i, std::move(after[i]));
        }
      }
    }
    bool concurrent() const noexcept override { return language_model<Model const>; }

    Model model;
  };

  std::shared_ptr<model_interface> held_;
};

/// Calls work(0), ..., work(count - 1), on several threads when the model allows it. Calls must not depend on each
/// other.
template <class Work>
void for_each_index(any_model const& model, std::size_t count, Work const& work) {
  if (model.concurrent()) return reference::for_each_index(count, work);
  for (std::size_t i = 0; i < count; ++i) work(i);
}

static_assert(forking_language_model<any_model> && observed<any_model>);

}  // namespace headcount::v0::evaluate
