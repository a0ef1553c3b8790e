#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/random_stream.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/engine/model_under_test.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/policy_file/policy_identity.hpp>
#include <headcount/ranking/budget.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/ranking/ranking_method.hpp>
#include <headcount/ranking/registry.hpp>
#include <headcount/ranking/runtime_budget.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/result/head_count.hpp>
#include <headcount/result/journal.hpp>
#include <headcount/result/missing.hpp>
#include <headcount/result/row.hpp>
#include <headcount/result/total.hpp>
#include <headcount/score/any_scorer.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/gate.hpp>
#include <headcount/score/random.hpp>
#include <headcount/select/threshold.hpp>
#include <headcount/select/top_k.hpp>
#include <headcount/statistics/cluster.hpp>
#include <headcount/statistics/fewest.hpp>
#include <headcount/task/task.hpp>

namespace headcount::v0::evaluate {

namespace detail {

/// A way to choose heads, and what its budgets found so far.
struct heads_candidate {
  std::size_t all = 0;                                               ///< heads of a layer, or of the model
  std::size_t step = 1;                                              ///< budgets that are asked at once
  std::function<std::vector<any_policy>(std::size_t heads)> keep{};  ///< a policy for each draw, or one
  std::vector<budget_values> found{};
  bool is_done = false;
};

class head_counter {
 public:
  head_counter(ranking_ground const& from, model_under_test const& asked, task const& asking,
               std::span<std::vector<calibration_text> const> draws, head_count_plan const& plan, journal* file)
      : from_{from},
        asked_{asked},
        asking_{asking},
        draws_{draws},
        plan_{plan},
        file_{file},
        layers_{from.model.layers()} {
    for (auto const& layer : layers_) {
      in_layer_ = (std::max)(in_layer_, layer.heads);
      in_model_ += layer.heads;
    }
    if (in_model_ == 0) throw error{asked.name, "it has no attention", "a model with heads"};
  }

  [[nodiscard]] head_count count() {
    head_count made;
    ask({dense, none.during(phase::generation)});
    made.dense = totals_.at(policy_identity(dense));
    made.none = totals_.at(policy_identity(none.during(phase::generation)));
    add_ways(made);
    auto const& full = values_.at(policy_identity(dense));
    while (ask_more(mean(full))) {
    }
    auto const groups = clusters_of_needles();
    for (std::size_t way = 0; way < made.ways.size(); ++way) {
      auto const fewest = [&](heads_candidate const& one) {
        return fewest_for(plan_.part, full, one.found, one.all, groups, random_stream{plan_.seed});
      };
      made.ways[way].of_layer = fewest(candidates_[2 * way]);
      made.ways[way].of_model = fewest(candidates_[2 * way + 1]);
    }
    return made;
  }

 private:
  static double mean(std::span<double const> values) {
    double sum = 0;
    for (auto const value : values) sum += value;
    return sum / static_cast<double>(values.size());
  }

  void add_ways(head_count& made) {
    add_scorer(made, "entropy", score::entropy{}, score::entropy{.normalised = true});
    if (from_.weights != nullptr && from_.weights->has_gates()) add_scorer(made, "gate", score::gate{}, score::gate{});
    for (auto const& method : plan_.methods) add_ranking(made, method);
    score::random const chance{plan_.seed};
    made.ways.push_back({.method = "random", .kind = "random"});
    add(in_layer_, [chance](std::size_t k) { return std::vector{generating(chance | select::top_k{k})}; });
    add(in_model_, [chance, all = in_model_](std::size_t n) {  // scores are uniform in [0, 1)
      auto const least = 1 - static_cast<double>(n) / static_cast<double>(all);
      return std::vector{generating(chance | select::threshold{least})};
    });
  }

  static any_policy generating(any_policy policy) { return policy.during(phase::generation); }

  void add(std::size_t all, std::function<std::vector<any_policy>(std::size_t)> keep) {
    candidates_.push_back({.all = all, .step = all == in_layer_ ? 2u : 4u, .keep = std::move(keep)});
  }

  /// A scorer at run time: the best heads of every layer; and by a threshold, calibrated on each draw, which layers
  /// share, of the model.
  void add_scorer(head_count& made, std::string kind, any_scorer const& scorer, any_scorer const& comparable) {
    made.ways.push_back({.method = print(scorer), .kind = std::move(kind)});
    add(in_layer_, [scorer](std::size_t k) { return std::vector{generating({scorer, select::top_k{k}})}; });
    std::vector<answer_scores> scores;
    for (auto const& texts : draws_) scores.push_back(scores_of_answers(from_.model, texts, comparable));
    add(in_model_, [comparable, scores = std::move(scores)](std::size_t n) {
      std::vector<any_policy> policies;
      for (auto const& of_draw : scores)
        policies.push_back(generating({comparable, select::threshold{of_draw.threshold(n)}}));
      return policies;
    });
  }

  /// Static rankings by a method, one of each draw where it reads texts.
  void add_ranking(head_count& made, std::string const& method) {
    plan_.progress(text_of("ranking heads by ", method));
    std::vector<ranking> rankings;
    auto const calibrated = find_ranking(method).method->level == ranking_level::observed;
    for (auto const& texts : draws_.first(calibrated ? draws_.size() : 1)) {
      auto from = from_;
      from.texts = texts;
      rankings.push_back({.scores = score_all_heads(from, method), .source = {.method = method}});
    }
    made.ways.push_back({.method = method, .kind = "static"});
    add(in_layer_, [rankings](std::size_t k) {
      std::vector<any_policy> policies;
      for (auto const& of_draw : rankings) {
        auto kept = of_draw.scores;
        for (auto& layer : kept) {
          auto const best = layer.empty() ? head_set{} : select::top_k{(std::min)(k, layer.size())}(layer);
          for (std::size_t head = 0; head < layer.size(); ++head) layer[head] = best.contains(head) ? 1 : 0;
        }
        policies.push_back(keep_named_heads(std::move(kept)));
      }
      return policies;
    });
    add(in_model_, [rankings](std::size_t n) {
      std::vector<any_policy> policies;
      for (auto const& of_draw : rankings) policies.push_back(keep_named_heads(best_of_model(of_draw, n).scores));
      return policies;
    });
  }

  /// The next budgets of all that have not found nearly what all heads do, asked together; whether there were any.
  bool ask_more(double full) {
    std::vector<any_policy> policies;
    std::vector<std::pair<heads_candidate*, std::vector<std::vector<any_policy>>>> more;
    for (auto& one : candidates_) {
      if (one.is_done) continue;
      auto& budgets = more.emplace_back(&one, std::vector<std::vector<any_policy>>{}).second;
      for (auto heads = one.found.size() + 1; heads < one.all && budgets.size() < one.step; ++heads) {
        budgets.push_back(one.keep(heads));
        policies.insert(policies.end(), budgets.back().begin(), budgets.back().end());
      }
    }
    if (more.empty()) return false;
    ask(policies);
    // Nearly: beyond it no resampled prompts are likely to need more heads.
    auto const nearly = (plan_.part + 0.7 * (1 - plan_.part)) * full;
    for (auto& [one, budgets] : more) {
      for (auto const& of_draws : budgets) {
        auto& made = one->found.emplace_back(budget_values{.heads = one->found.size() + 1, .values = {}});
        double sum = 0;
        for (auto const& policy : of_draws) {
          made.values.push_back(values_.at(policy_identity(policy)));
          sum += mean(made.values.back());
        }
        one->is_done = one->is_done || sum / static_cast<double>(of_draws.size()) >= nearly;
      }
      one->is_done = one->is_done || one->found.size() + 1 >= one->all;
    }
    return true;
  }

  /// Asks the policies that were not asked yet.
  void ask(std::vector<any_policy> const& policies) {
    std::vector<any_policy> fresh;
    for (auto const& policy : policies)
      if (values_.try_emplace(policy_identity(policy), asking_.prompts.size()).second) fresh.push_back(policy);
    if (fresh.empty()) return;
    std::map<std::string, std::size_t> place;
    for (auto const& one : asking_.prompts) place.emplace(one.name, place.size());
    work done;
    auto const rows = ask_missing(asked_, asking_, fresh, file_, done, [&](std::size_t missing) {
      plan_.progress(text_of("asking ", missing, " prompts under ", fresh.size(), " policies"));
    });
    std::map<std::string, std::vector<row const*>> of_policy;
    auto const& counted = asking_.metrics.front();
    for (auto const& one : rows)
      if (one.metric == counted.name) {
        values_.at(one.policy_identity)[place.at(one.prompt)] = one.value;
        of_policy[one.policy_identity].push_back(&one);
      }
    for (auto const& [identity, own] : of_policy) totals_[identity] = estimate_of(own, counted);
  }

  [[nodiscard]] clusters clusters_of_needles() const {
    std::vector<std::string> names;
    for (auto const& prompt : asking_.prompts) {
      auto const shared = std::ranges::find(prompt.factors, "needle", &factor::name);
      names.push_back(shared == prompt.factors.end() ? prompt.name : shared->value);
    }
    return cluster_by_name(names);
  }

  ranking_ground from_;
  model_under_test const& asked_;
  task const& asking_;
  std::span<std::vector<calibration_text> const> draws_;
  head_count_plan const& plan_;
  journal* file_;
  std::vector<site> layers_;
  std::size_t in_layer_ = 0;
  std::size_t in_model_ = 0;
  std::vector<heads_candidate> candidates_{};  ///< two a way: of a layer, of the model
  std::map<std::string, std::vector<double>> values_{};
  std::map<std::string, estimate> totals_{};
};

}  // namespace detail

/// How many heads a model needs to do a task, by its first metric, which must be of right and wrong answers. `from` is
/// the same model, and needs no texts of its own; `draws` are the texts that rankings and thresholds are calibrated on,
/// none of them a prompt of the task. Rows go to a file where there is one, and those that it holds are not asked for
/// again. Throws headcount::error for a model without attention, and what rankings and the engine throw.
[[nodiscard]] inline head_count count_heads(ranking_ground const& from, model_under_test const& asked,
                                            task const& asking, std::span<std::vector<calibration_text> const> draws,
                                            head_count_plan const& plan, journal* file) {
  return detail::head_counter{from, asked, asking, draws, plan, file}.count();
}

}  // namespace headcount::v0::evaluate
