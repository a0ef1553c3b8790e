#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <headcount/core/ranking.hpp>
#include <headcount/core/text.hpp>
#include <headcount/report/comparison_figure.hpp>
#include <headcount/report/cost_figure.hpp>
#include <headcount/report/figure.hpp>
#include <headcount/report/head_map_figure.hpp>
#include <headcount/report/heads_figure.hpp>
#include <headcount/report/needle_figure.hpp>
#include <headcount/report/policy_cost.hpp>
#include <headcount/report/results.hpp>
#include <headcount/report/results_figure.hpp>

namespace headcount::v0::report {

/// What a page is made from, besides rows.
struct page_plan {
  std::string what{};                    ///< names the rows
  std::string command{};                 ///< that makes the page
  std::vector<std::string> baselines{};  ///< policies that all others are compared with
  std::size_t context = 4096;  ///< tokens that a generated token sees, itself included, where cost is computed
  known_models models{};       ///< whose sizes are known
  std::vector<ranking> rankings{};
};

/// Figures that answer one question.
struct section {
  std::string title;
  std::string name;
  std::vector<figure> figures{};
  std::string missing{};  ///< what to say when there is none
};

/// The names of the models in results, each once.
[[nodiscard]] inline std::vector<std::string> models_in(std::span<result const> results) {
  std::vector<std::string> names;
  for (auto const& one : results)
    if (names.empty() || names.back() != one.of.model) names.push_back(one.of.model);
  return names;
}

/// All figures of a page, in its order.
[[nodiscard]] inline std::vector<section> sections_of(std::span<result const> results, page_plan const& plan) {
  section all{"Results", "results", {}, ""};
  section needles{"Retrieval by length and depth", "needles", {}, "No row has a length and a realised depth."};
  section heads{
      "Heads kept",
      "heads",
      {},
      "No number of heads is known: give the models' folders with --model, or rows with heads_kept and heads."};
  section costs{"Cost", "cost", {}, "No model's sizes are known: give the models' folders with --model."};
  section maps{
      "Which heads",
      "head-maps",
      {},
      "No ranking or recording was given: make one with headcount rank or record, and give it with --ranking or "
      "--trace."};
  section compared{"Compared on the same prompts", "compared", {}, "No policy has prompts in common with a baseline."};
  auto const add = [](section& to, figure made) {
    if (!made.data().empty()) to.figures.push_back(std::move(made));
  };
  for (auto const& model : models_in(results)) {
    add(all, results_figure(model, results));
    add(heads, heads_figure(model, results, plan.models));
    if (auto const known = plan.models.find(model); known != plan.models.end())
      add(costs, cost_figure(model, results, known->second, plan.context));
    for (auto const& baseline : plan.baselines) add(compared, comparison_figure(baseline, model, results));
  }
  for (std::size_t begin = 0; begin < results.size();) {
    auto end = begin + 1;
    while (end < results.size() && results[end].of == results[begin].of) ++end;
    add(needles, needle_figure(results.subspan(begin, end - begin)));
    begin = end;
  }
  std::map<std::string, std::vector<ranking>> rankings;
  for (auto const& one : plan.rankings) rankings[one.source.model].push_back(one);
  for (auto const& [model, of_model] : rankings)
    add(maps, head_map_figure(model.empty() ? "a model that its file does not name" : model, of_model));

  std::vector<section> sections{std::move(all),   std::move(needles), std::move(heads),
                                std::move(costs), std::move(maps),    std::move(compared)};
  std::set<std::string> names;
  for (auto& one : sections)
    for (auto& figure : one.figures) {
      auto const plain = figure.name;
      for (int copy = 2; !names.insert(figure.name).second; ++copy) figure.name = text_of(plain, "-", copy);
    }
  return sections;
}

}  // namespace headcount::v0::report
