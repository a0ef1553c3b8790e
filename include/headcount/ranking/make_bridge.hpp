#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/random.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/policy/validate.hpp>
#include <headcount/ranking/bridge.hpp>
#include <headcount/ranking/budget.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/ranking/mean_score.hpp>
#include <headcount/ranking/ranking_method.hpp>
#include <headcount/ranking/registry.hpp>
#include <headcount/ranking/runtime_budget.hpp>
#include <headcount/ranking/train_predictor.hpp>
#include <headcount/score/any_scorer.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/fixed.hpp>
#include <headcount/score/l2.hpp>
#include <headcount/score/predictor.hpp>
#include <headcount/score/random.hpp>
#include <headcount/select/fixed.hpp>
#include <headcount/select/threshold.hpp>
#include <headcount/select/top_k.hpp>

namespace headcount::v0::evaluate {

namespace detail {

/// The heads that a ranking keeps, `k` of every layer, as a text.
[[nodiscard]] inline std::string best_of_layers(ranking const& of, std::size_t k) {
  std::string text;
  for (auto const& layer : of.scores)
    if (!layer.empty()) text += text_of(print(select::top_k{k}(layer)), ";");
  return text;
}

/// Makes the policies of a bridge.
class bridge_maker {
 public:
  bridge_maker(ranking_ground const& from, std::span<std::vector<calibration_text> const> draws,
               bridge_plan const& plan)
      : from_{from}, draws_{draws}, plan_{plan}, layers_{from.model.layers()} {
    for (auto const& layer : layers_) {
      attention_layers_ += layer.heads > 0 ? 1 : 0;
      heads_ += layer.heads;
    }
    for (auto const k : plan.k) {
      if (k == 0) throw error{"k", "0 heads are the control \"none\"", "1 or more"};
      validate(any_policy{score::unscored{} | select::top_k{k}}, layers_);
    }
    for (auto const& scorer : plan.scorers) {
      validate(any_policy{scorer, select::every_head{}}, layers_);
      if (std::ranges::find(scorers_, scorer) == scorers_.end()) scorers_.push_back(scorer);
    }
    if (draws.size() < 2) throw error{"calibration", text_of("it is drawn ", draws.size(), " times"), "2 or more"};
  }

  [[nodiscard]] bridge make() {
    rank();
    entry("dense", "control", "layer", heads_ / attention_layers_, heads_, dense);
    entry("none", "control", "layer", 0, 0, none.during(phase::generation));
    for (auto const k : plan_.k) {
      auto const in_model = k * attention_layers_;
      for (auto const& scorer : scorers_)
        entry(print(scorer), "runtime", "layer", k, in_model, bridge_oracle(scorer, k));
      if (std::ranges::find(scorers_, any_scorer{score::l2{}}) == scorers_.end())
        entry("l2", "runtime", "layer", k, in_model, generating(score::l2{} | select::top_k{k}));
      entry("random", "control", "layer", k, in_model, generating(score::random{plan_.seed} | select::top_k{k}));
      for (auto const& scorer : scorers_) {
        bool const entropic = scorer == any_scorer{score::entropy{}};
        any_scorer const comparable = entropic ? score::entropy{.normalised = true} : scorer;  // over layers, lengths
        drawn(print(comparable), "runtime", "global", k,
              [&](std::size_t draw) { return on_average(comparable, draw, in_model); });
        foretell(scorer, k);
      }
      for (auto const& one : made_.rankings) select(one, k);
    }
    return std::move(made_);
  }

 private:
  [[nodiscard]] static any_policy generating(any_policy policy) { return policy.during(phase::generation); }

  [[nodiscard]] any_policy on_average(any_scorer const& scorer, std::size_t draw, std::size_t heads) const {
    return generating({scorer, select::threshold{threshold_of_budget(from_.model, draws_[draw], scorer, heads)}});
  }

  void entry(std::string method, std::string kind, std::string budget, std::size_t k, std::size_t heads,
             any_policy policy) {
    made_.entries.push_back(
        {std::move(method), std::move(kind), std::move(budget), k, heads, {std::move(policy)}, {""}});
  }

  /// A policy for each draw.
  template <class Make>
  void drawn(std::string method, std::string kind, std::string budget, std::size_t k, Make const& make) {
    bridge_entry one{std::move(method), std::move(kind), std::move(budget), k, k * attention_layers_};
    for (std::size_t draw = 0; draw < draws_.size(); ++draw) one.policies.push_back(make(draw));
    one.keeps.resize(draws_.size());
    made_.entries.push_back(std::move(one));
  }

  /// Every ranking that is compared, and controls.
  void rank() {
    auto methods = plan_.methods;
    if (methods.empty()) {
      for (auto const& scorer : scorers_) {
        for (auto const k : plan_.k)
          methods.push_back(text_of("keep_frequency(", print(bridge_oracle(scorer, k)), ")"));
        methods.push_back(text_of("mean(", print(scorer), ")"));
      }
      for (auto const& method : ranking_methods)
        if (method.argument.empty() && (method.level != ranking_level::weights || from_.weights != nullptr))
          methods.emplace_back(method.name);
    }
    for (auto const& method : methods) {
      plan_.progress(text_of("ranking heads by ", method));
      auto& one = made_.rankings.emplace_back(bridge_ranking{method, "static"});
      auto const calibrated = find_ranking(method).method->level == ranking_level::observed;
      for (auto const& texts : draws_.first(calibrated ? draws_.size() : 1)) {
        auto from = from_;
        from.texts = texts;
        one.draws.push_back({.scores = score_all_heads(from, method), .source = {.method = method}});
      }
    }
    bridge_ranking uniform{"most_uniform", "control"}, random{"random_heads", "control"};
    for (std::size_t draw = 0; draw < draws_.size(); ++draw) {
      auto scores = mean_scores(from_.model, draws_[draw], score::entropy{});
      for (auto& layer : scores)
        for (auto& score : layer) score = -score;
      uniform.draws.push_back({.scores = std::move(scores), .source = {.method = uniform.method}});
      scores = every_head(layers_, 0);
      for (auto const& [layer, head] : heads_of(layers_))
        scores[layer][head] = uniform_number(mix_bits(plan_.seed) + draw, {.layer = layer}, head);
      random.draws.push_back({.scores = std::move(scores), .source = {.method = random.method}});
    }
    made_.rankings.push_back(std::move(uniform));
    made_.rankings.push_back(std::move(random));
  }

  /// Predictors of what a scorer keeps, where the engine shows what its blocks are given.
  void foretell(any_scorer const& scorer, std::size_t k) {
    if (std::ranges::any_of(layers_, [](site const& layer) { return layer.heads > 0 && layer.width == 0; })) return;
    auto const oracle = bridge_oracle(scorer, k);
    auto const method = text_of("predictor(", print(oracle), ")");
    plan_.progress(text_of("learning to foretell ", print(oracle)));
    std::vector<score::predictor> learned;
    for (auto const& texts : draws_)
      learned.push_back({in_memory(method, train_predictor(from_.model, texts, oracle).predictor)});
    drawn(method, "runtime", "layer", k,
          [&](std::size_t draw) { return generating(learned[draw] | select::top_k{k}); });
    drawn(method, "runtime", "global", k,
          [&](std::size_t draw) { return on_average(learned[draw], draw, k * attention_layers_); });
  }

  /// The best heads of a ranking, in every layer or in the whole model.
  void select(bridge_ranking const& of, std::size_t k) {
    if (of.method.starts_with("keep_frequency(") && of.method.find(text_of("top_k(", k, ")")) == of.method.npos) return;
    bridge_entry in_layers{of.method, of.kind, "layer", k, k * attention_layers_};
    bridge_entry in_model{of.method, of.kind, "global", k, k * attention_layers_};
    for (auto const& scores : of.draws) {
      auto const best = best_of_model(scores, k * attention_layers_);
      in_layers.policies.push_back(generating(score::fixed{in_memory(of.method, scores)} | select::top_k{k}));
      in_model.policies.push_back(generating(score::fixed{in_memory(of.method, best)} | select::threshold{0.5}));
      in_layers.keeps.push_back(best_of_layers(scores, k));
      std::string kept;
      for (auto const& layer : best.scores) {
        head_set of_layer;
        for (std::size_t head = 0; head < layer.size(); ++head)
          if (layer[head] > 0) of_layer.insert(head);
        if (!layer.empty()) kept += text_of(print(of_layer), ";");
      }
      in_model.keeps.push_back(std::move(kept));
    }
    made_.entries.push_back(std::move(in_layers));
    made_.entries.push_back(std::move(in_model));
  }

  ranking_ground from_;
  std::span<std::vector<calibration_text> const> draws_;
  bridge_plan const& plan_;
  std::vector<site> layers_;
  std::vector<any_scorer> scorers_{score::entropy{}};
  std::size_t attention_layers_ = 0;
  std::size_t heads_ = 0;
  bridge made_{};
};

}  // namespace detail

/// Every policy that is compared: runtime ones, rankings and predictors made anew from each draw of the calibration,
/// and controls. `from` needs no texts of its own. Predictors are left out where the engine does not show what its
/// attention blocks are given (a width of 0). Throws headcount::error for fewer than two draws, a k that does not fit
/// the model, and what rankings throw.
[[nodiscard]] inline bridge make_bridge(ranking_ground const& from,
                                        std::span<std::vector<calibration_text> const> draws, bridge_plan const& plan) {
  return detail::bridge_maker{from, draws, plan}.make();
}

}  // namespace headcount::v0::evaluate
