#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/text.hpp>
#include <headcount/report/figure.hpp>
#include <headcount/report/results.hpp>
#include <headcount/result/pairing.hpp>
#include <headcount/result/verdict.hpp>

namespace headcount::v0::report {

/// Pairs of every policy's rows with those of a baseline, for all that was measured on a model.
struct policy_pairs {
  std::vector<std::string> policies{};  ///< of each pair
  std::vector<evaluate::paired_values> values{};
};

/// Pairs two results by the prompts that both policies answered; nothing when there is none.
[[nodiscard]] inline std::optional<evaluate::paired_values> pair_results(result const& a, result const& b) {
  std::vector<evaluate::row_pair> met;
  for (std::size_t i = 0, other = 0; i < a.rows.size(); ++i) {
    while (other < b.rows.size() && b.places[other] < a.places[i]) ++other;
    if (other == b.rows.size() || b.places[other] != a.places[i]) continue;
    met.emplace_back(a.rows[i], b.rows[other]);
  }
  if (met.empty()) return {};
  auto values = evaluate::pair_values(met, a.how);
  values.only_a = a.rows.size() - met.size();
  values.only_b = b.rows.size() - met.size();
  return values;
}

/// Pairs each result with that of a baseline; those without a common prompt have no pair.
[[nodiscard]] inline policy_pairs pair_with(std::string const& baseline, std::string const& model,
                                            std::span<result const> results) {
  policy_pairs pairs;
  for (auto const* one : results_on(model, results)) {
    if (one->policy == baseline) continue;
    for (auto const* other : results_on(model, results)) {
      if (other->policy != baseline || other->of != one->of) continue;
      if (auto values = pair_results(*one, *other)) {
        pairs.policies.push_back(one->policy);
        pairs.values.push_back(std::move(*values));
      }
    }
  }
  return pairs;
}

/// How every policy compares with a baseline on the same prompts: the difference with its interval, and a verdict at 5%
/// over all comparisons of the model. Without a pair the figure has no data.
[[nodiscard]] inline figure comparison_figure(std::string const& baseline, std::string const& model,
                                              std::span<result const> results) {
  using json = nlohmann::ordered_json;
  auto pairs = pair_with(baseline, model, results);
  auto const verdicts = evaluate::judge(std::move(pairs.values));
  auto data = json::array();
  std::size_t not_finite = 0;
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    auto const& values = verdicts[i].values;
    auto const& found = verdicts[i].found;
    measured const of{values.model, values.model_identity, values.task, values.setting, values.metric};
    auto const number = [](double value) { return std::isfinite(value) ? json(value) : json{}; };
    not_finite += values.not_finite_pairs;
    data.push_back({{"panel", panel_title(of)},
                    {"policy", pairs.policies[i]},
                    {"mean", number(found.mean_a)},
                    {"baseline", number(found.mean_b)},
                    {"difference", number(found.difference)},
                    {"low", number(found.range.low)},
                    {"high", number(found.range.high)},
                    {"p", verdicts[i].corrected},
                    {"verdict", !verdicts[i].is_sure()         ? "not shown"
                                : !verdicts[i].has_direction() ? "differs"
                                : verdicts[i].a_leads()        ? "better"
                                                               : "worse"},
                    {"detectable", number(found.smallest_detectable)},
                    {"test", found.test},
                    {"pairs", found.pairs},
                    {"prompts", values.prompts},
                    {"clusters", found.clusters},
                    {"not_finite", values.not_finite_pairs}});
  }
  figure made{.name = name_from(text_of("compared ", model, " ", baseline)),
              .title = text_of("Compared with \"", baseline, "\": ", model),
              .caption = text_of(
                  "Total of the policy less that of the baseline on the same prompts, with 95% intervals "
                  "over prompts, or over what they share where that is wider (clusters); p is Holm-corrected for ",
                  verdicts.size(),
                  " comparisons, and \"not shown\" "
                  "means p > 0.05. The smallest difference is what this sample shows with 80% power."),
              .columns = {{"panel", "measured"},
                          {"policy", "policy"},
                          {"mean", "total"},
                          {"baseline", "baseline"},
                          {"difference", "difference"},
                          {"low", "95% from"},
                          {"high", "to"},
                          {"p", "p"},
                          {"verdict", "verdict"},
                          {"detectable", "smallest difference"},
                          {"test", "test"},
                          {"pairs", "pairs"},
                          {"prompts", "prompts"},
                          {"clusters", "clusters"}}};
  if (not_finite > 0) {
    made.columns.push_back({"not_finite", "not finite"});
    made.caption +=
        " Pairs with a value that is not finite are left out, and a policy that has such values is not called better.";
  }
  auto const panels = values_under(data, "panel");
  auto const policies = values_under(data, "policy");
  made.spec = make_spec(
      text_of("Dot plot of the differences of ", policies.size(), " policies from \"", baseline, "\" on ", model,
              ", with 95% intervals and verdicts, in ", panels.size(), " panels. The table has its numbers."),
      std::move(data), R"({
    "facet": {"field": "panel", "type": "nominal", "title": null},
    "columns": 2,
    "spec": {
      "width": 300,
      "height": {"step": 18},
      "encoding": {
        "y": {"field": "policy", "type": "nominal", "title": null},
        "color": {"field": "verdict", "type": "nominal", "title": "verdict", "legend": {"orient": "bottom"},
                  "scale": {"domain": ["better", "worse", "differs", "not shown"], "range": ["#0a8a6e", "#d1541f", "#3b6fb6", "#8a8f98"]}},
        "tooltip": [
          {"field": "policy"}, {"field": "difference", "format": ".4~g"}, {"field": "low", "format": ".4~g"},
          {"field": "high", "format": ".4~g"}, {"field": "p", "format": ".2~g"}, {"field": "verdict"}
        ]
      },
      "layer": [
        {"transform": [{"aggregate": [], "groupby": ["panel"]}], "mark": {"type": "rule", "strokeDash": [3, 3]}, "encoding": {"x": {"datum": 0}, "y": null, "color": null, "tooltip": null}},
        {"mark": {"type": "rule", "strokeWidth": 2},
         "encoding": {"x": {"field": "low", "type": "quantitative", "title": "difference"}, "x2": {"field": "high"}}},
        {"mark": {"type": "point", "filled": true, "size": 60, "opacity": 1},
         "encoding": {"x": {"field": "difference", "type": "quantitative"},
                      "shape": {"field": "verdict", "type": "nominal", "title": "verdict",
                                "scale": {"domain": ["better", "worse", "differs", "not shown"], "range": ["triangle-up", "triangle-down", "diamond", "circle"]}}}}
      ]
    }
  })");
  auto& spec = made.spec;
  spec["facet"]["sort"] = panels;
  spec["spec"]["encoding"]["y"]["sort"] = policies;
  static constexpr char const* keys[]{"mean", "baseline"};
  if (!are_shares(made.data(), keys)) spec["resolve"] = {{"scale", {{"x", "independent"}}}};
  return made;
}

}  // namespace headcount::v0::report
