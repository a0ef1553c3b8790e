#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/core/text.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy_file/published_rankings.hpp>
#include <headcount/policy_file/sentence_files.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/ranking/importance.hpp>
#include <headcount/ranking/keep_frequency.hpp>
#include <headcount/ranking/mean_score.hpp>
#include <headcount/ranking/position_circuit.hpp>
#include <headcount/ranking/qr_head.hpp>
#include <headcount/ranking/ranking_method.hpp>
#include <headcount/ranking/source_attention.hpp>
#include <headcount/ranking/weight_circuit.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/sentence/parse.hpp>

namespace headcount::v0::evaluate {

inline constexpr std::array published_formats{
    published_format{"retrieval_head", "{\"L-H\": [score, ...]} of Wu et al. 2024", reference::read_retrieval_head,
                     [](ranking const& of, std::size_t) { return reference::write_retrieval_head(of); }},
    published_format{"duo_attention", "a table of full_attention_heads of Xiao et al. 2024, a line a layer",
                     reference::read_duo_attention, reference::write_duo_attention},
    published_format{"qr_head_list", "\"L-H,L-H,...\", a configuration or a JSON list of Zhang et al. 2025",
                     reference::read_qr_head,
                     [](ranking const& of, std::size_t) { return reference::write_qr_head(of); }},
    published_format{"minference", "the search result of Jiang et al. 2024, an object a layer",
                     reference::read_minference,
                     [](ranking const& of, std::size_t) { return reference::write_minference(of); }}};

namespace detail {

template <std::size_t Format>
head_table read_published(ranking_ground const& from, std::string const& file) {
  return published_formats[Format].read(file, ranked_heads_of(from.model.layers()));
}

template <std::size_t Format>
inline constexpr ranking_method published{published_formats[Format].name, "FILE", published_formats[Format].about,
                                          ranking_level::file, read_published<Format>};

}  // namespace detail

/// Every way to rank heads. A new one is a line here, a header of its own and a test.
inline constexpr std::array ranking_methods{
    ranking_method{"mean", "SCORER", "what a runtime scorer makes of the head, mean over the answers' queries",
                   ranking_level::observed,
                   [](ranking_ground const& from, std::string const& scorer) {
                     return mean_scores(from.model, from.texts, parse_scorer(scorer, reference::sentence_files{}));
                   }},
    ranking_method{"keep_frequency", "POLICY",
                   "share of the answers' queries at which a runtime policy keeps the head, the model running under it",
                   ranking_level::observed,
                   [](ranking_ground const& from, std::string const& policy) {
                     return keep_frequency(from.model, from.texts, parse_policy(policy, reference::sentence_files{}));
                   }},
    ranking_method{
        "needle_attention", "", "attention to where the prompt holds the answer, mean over its queries",
        ranking_level::observed,
        [](ranking_ground const& from, std::string const&) { return needle_attention(from.model, from.texts); }},
    ranking_method{
        "retrieval", "", "tokens of the source that the head copies, each once / tokens of the source",
        ranking_level::observed,
        [](ranking_ground const& from, std::string const&) { return retrieval_score(from.model, from.texts); }},
    ranking_method{"retrieval_counted", "", "the same, each copy counted, as the published code does",
                   ranking_level::observed,
                   [](ranking_ground const& from, std::string const&) {
                     return retrieval_score(from.model, from.texts, copies::as_counted);
                   }},
    ranking_method{
        "qr_head", "", "attention from the question to the source, beyond that of a question about nothing",
        ranking_level::observed,
        [](ranking_ground const& from, std::string const&) { return qr_head_score(from.model, from.texts); }},
    ranking_method{"leave_one_out", "",
                   "log-likelihood of the answer with all heads less that without this one, nats a token; or any task",
                   ranking_level::observed,
                   [](ranking_ground const& from, std::string const&) {
                     return leave_one_out(from.model, answer_loglik{from.model, from.texts});
                   },
                   [](any_model const& model, any_policy_measure const& measure, std::optional<phase> during) {
                     return leave_one_out(model, measure, during);
                   }},
    ranking_method{
        "all_but_one", "",
        "log-likelihood with this head alone in its layer less that with none there, nats a token; or any task",
        ranking_level::observed,
        [](ranking_ground const& from, std::string const&) {
          return all_but_one(from.model, answer_loglik{from.model, from.texts});
        },
        [](any_model const& model, any_policy_measure const& measure, std::optional<phase> during) {
          return all_but_one(model, measure, during);
        }},
    ranking_method{"greedy", "", "the order in which forward selection by log-likelihood, or any task, adds heads",
                   ranking_level::observed,
                   [](ranking_ground const& from, std::string const&) {
                     return greedy_selection(from.model, answer_loglik{from.model, from.texts});
                   },
                   [](any_model const& model, any_policy_measure const& measure, std::optional<phase> during) {
                     return greedy_selection(model, measure, during);
                   }},
    ranking_method{"ov_copying", "", "whether attending to a token raises its own logit: eigenvalues of the OV circuit",
                   ranking_level::weights,
                   [](ranking_ground const& from, std::string const&) { return ov_copying(*from.weights); }},
    ranking_method{"ov_own_token", "", "share of tokens whose own logit is among the 5 largest of the OV circuit",
                   ranking_level::weights,
                   [](ranking_ground const& from, std::string const&) { return ov_own_token(*from.weights); }},
    ranking_method{"ov_norm", "", "Frobenius norm of the OV circuit", ranking_level::weights,
                   [](ranking_ground const& from, std::string const&) { return ov_norm(*from.weights); }},
    ranking_method{"qk_previous_token", "", "attention to the token before, from the QK circuit",
                   ranking_level::weights,
                   [](ranking_ground const& from, std::string const&) { return qk_previous_token(*from.weights); }},
    ranking_method{"qk_induction", "", "whether keys tell of the token before, through what recurrent blocks write",
                   ranking_level::weights,
                   [](ranking_ground const& from, std::string const&) { return qk_induction(*from.weights); }},
    ranking_method{"recurrent_composition", "",
                   "how much the QK circuit reads of what recurrent blocks before it write", ranking_level::weights,
                   [](ranking_ground const& from, std::string const&) { return recurrent_composition(*from.weights); }},
    detail::published<0>,
    detail::published<1>,
    detail::published<2>,
    detail::published<3>};

/// Every method as it is written, joined by ", ": for help and error messages.
[[nodiscard]] inline std::string list_ranking_methods() {
  std::string all;
  for (auto const& method : ranking_methods) add_to_list(all, method.form());
  return all;
}

/// Finds a method by what a command line says, e.g. "mean(entropy)". Throws headcount::error for an unknown one.
[[nodiscard]] inline chosen_ranking find_ranking(std::string_view text) {
  for (auto const& method : ranking_methods) {
    if (method.argument.empty()) {
      if (text == method.name) return {&method, {}};
    } else if (text.starts_with(text_of(method.name, "(")) && text.ends_with(")")) {
      return {&method, std::string{text.substr(method.name.size() + 1, text.size() - method.name.size() - 2)}};
    }
  }
  throw error{text_of("ranking ", text), "no ranking has this name", list_ranking_methods()};
}

/// Scores every head of a model by a method, e.g. "mean(entropy)". Throws headcount::error when there is no such
/// method, it asks for what is not there, or it cannot work with this model or these texts.
[[nodiscard]] inline head_table score_all_heads(ranking_ground const& from, std::string_view text) {
  auto const [method, argument] = find_ranking(text);
  if (method->level == ranking_level::weights && from.weights == nullptr)
    throw error{text_of("ranking ", text), "it reads weights (level 3), and the engine has none to read",
                "methods that ask the engine (level 2)"};
  if (method->level == ranking_level::observed && from.texts.empty())
    throw error{text_of("ranking ", text), "there is no text to calibrate it on", "one text or more"};
  return method->make(from, argument);
}

}  // namespace headcount::v0::evaluate
