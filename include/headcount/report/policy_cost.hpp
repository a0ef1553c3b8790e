#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include <headcount/core/error.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/text.hpp>
#include <headcount/cost/model_cost.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy_file/sentence_files.hpp>
#include <headcount/reference/model/config.hpp>
#include <headcount/report/results.hpp>
#include <headcount/result/row.hpp>
#include <headcount/sentence/parse.hpp>

namespace headcount::v0::report {

/// The configurations of models, by the models' names.
using known_models = std::map<std::string, reference::model_config>;

/// A number of heads of the whole model, kept at a token while the policy acts.
struct kept_share {
  double kept = 0;
  double of = 0;

  [[nodiscard]] double value() const noexcept { return kept / of; }
};

/// What a policy does to a model, as far as it is known beforehand.
struct policy_cost {
  std::optional<kept_share> heads{};  ///< none when scores decide how many are kept
  evaluate::pass_cost pass{};         ///< of one generated token
  evaluate::pass_cost full{};         ///< the same with every head
};

/// Computes what a policy costs a model that generates a token after `context` - 1 others. Nothing when the sentence
/// cannot be read here, as when it names a file that is elsewhere. Throws headcount::error when the policy does not
/// fit the model.
[[nodiscard]] inline std::optional<policy_cost> cost_of_policy(std::string const& sentence,
                                                               reference::model_config const& config,
                                                               std::size_t context) {
  any_policy policy{dense};
  try {
    policy = parse_policy(sentence, reference::sentence_files{});
  } catch (error const&) {
    return {};
  }
  policy_cost cost{.pass = evaluate::cost_of(config, policy, phase::generation, context),
                   .full = evaluate::cost_of(config, dense, phase::generation, context)};
  // A policy that acts on prefill alone keeps all heads of a generated token; what it keeps is asked where it acts.
  auto const acting =
      policy.where.during == phase::prefill ? evaluate::cost_of(config, policy, phase::prefill, 1) : cost.pass;
  kept_share heads;
  for (std::size_t i = 0; i < acting.blocks.size(); ++i) {
    auto const& kept = acting.blocks[i].kept;
    if (!kept) continue;
    if (kept->least != kept->most) return cost;
    heads.kept += static_cast<double>(kept->most);
    heads.of += static_cast<double>(cost.full.blocks[i].kept->most);
  }
  if (heads.of > 0) cost.heads = heads;
  return cost;
}

/// The mean of the heads that rows say were kept, their fields `heads_kept` and `heads`; nothing unless all say so.
[[nodiscard]] inline std::optional<kept_share> heads_in_rows(result const& of) {
  kept_share sum;
  for (auto const* one : of.rows) {
    auto const is_number = [&](char const* key) { return one->more.contains(key) && one->more[key].is_number(); };
    if (!is_number("heads_kept") || !is_number("heads")) return {};
    sum.kept += one->more["heads_kept"].get<double>();
    sum.of += one->more["heads"].get<double>();
  }
  auto const rows = static_cast<double>(of.rows.size());
  if (!(sum.of > 0)) return {};
  return kept_share{sum.kept / rows, sum.of / rows};
}

/// The heads that a result's policy kept: as its rows say, else as its sentence says of the model, if that is known.
[[nodiscard]] inline std::optional<kept_share> heads_of(result const& of, known_models const& models) {
  if (auto const measured = heads_in_rows(of)) return measured;
  auto const model = models.find(of.of.model);
  if (model == models.end()) return {};
  auto const cost = cost_of_policy(of.policy, model->second, 1);
  return cost ? cost->heads : std::nullopt;
}

}  // namespace headcount::v0::report
