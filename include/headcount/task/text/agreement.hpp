#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/engine/logits.hpp>
#include <headcount/file/digest.hpp>
#include <headcount/measure/teacher_force.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/statistics/metric.hpp>
#include <headcount/task/request.hpp>
#include <headcount/task/task.hpp>
#include <headcount/task/task_options.hpp>
#include <headcount/task/text/documents.hpp>
#include <headcount/text/pair_texts.hpp>

namespace headcount::v0::evaluate {

inline constexpr std::array agreement_metrics{
    metric{.name = "kl", .unit = "nats a token", .better = direction::lower, .values = at_least(0)},
    metric{.name = "top1", .unit = "share of tokens", .better = direction::higher, .values = between(0, 1)},
    metric{.name = "rank", .unit = "place", .better = direction::lower, .values = at_least(0)}};

/// How far a policy's next-token distribution is from the dense one.
struct token_agreement {
  double kl = 0;         ///< KL(dense || policy), nats; 0 when they are equal
  bool top1 = true;      ///< whether the likeliest token is the same
  std::size_t rank = 1;  ///< place of the dense model's likeliest token in the policy's order; of equals the first id
};

/// Compares two lists of logits, `[vocabulary]`. In float64; O(vocabulary).
[[nodiscard]] inline token_agreement compare_logits(std::span<float const> dense_logits,
                                                    std::span<float const> logits) noexcept {
  auto const dense_sum = log_sum(dense_logits);
  auto const sum = log_sum(logits);
  token_agreement found;
  for (std::size_t id = 0; id < logits.size(); ++id) {
    auto const log_p = static_cast<double>(dense_logits[id]) - dense_sum;
    found.kl += std::exp(log_p) * (log_p - (static_cast<double>(logits[id]) - sum));
  }
  auto const best = static_cast<std::size_t>(best_token(dense_logits));
  for (std::size_t id = 0; id < logits.size(); ++id)
    if (logits[id] > logits[best] || (logits[id] == logits[best] && id < best)) ++found.rank;
  found.top1 = found.rank == 1;
  return found;
}

/// How far policies stray from the dense model on documents, position by position: "agreement/prefill" where a text is
/// read in one pass, "agreement/generation" where, after such a prefill, its tokens are read one by one as generation
/// would, whatever the model itself would say. Options: `prefill` and `generation`, tokens of each. A row is the mean
/// over positions; `positions` beside it has the value at each, from position `first` on. Logits of one document are
/// kept: vocabulary x positions floats.
[[nodiscard]] inline std::vector<task> make_agreement(model_under_test const& asked, std::string_view name,
                                                      task_options& options) {
  auto const path = options.take_data(R"(a text, a folder of texts, or JSON lines {"text": text})");
  auto const prefill = options.take<std::size_t>("prefill", 128);
  auto const generation = options.take<std::size_t>("generation", 32);
  auto const limit = options.take_limit();
  if (prefill < 2 || generation == 0)
    throw error{text_of("task ", name), text_of("prefill = ", prefill, ", generation = ", generation),
                "at least 2 and 1 tokens"};
  options.add_to_setting(text_of("data=", path.filename().string()));
  auto documents = read_documents(path);
  documents.resize(std::min(limit, documents.size()));
  std::vector<std::vector<token>> texts;
  for (auto const& one : documents) {
    texts.push_back(encode_with_bos(asked.tokenizer_for(name), one.text));
    if (texts.back().size() < prefill + 2)
      throw error{one.what, text_of("it has ", texts.back().size(), " tokens"),
                  text_of("more than ", prefill + 1, ", a prefill and what is generated after it")};
    texts.back().resize(std::min(texts.back().size(), prefill + 1 + generation));
  }

  std::vector<task> tasks;
  for (auto const when : {phase::prefill, phase::generation}) {
    auto const full_name = text_of("agreement/", name_of(when));
    if (full_name != name && name.find('/') != name.npos && !name.ends_with('/')) continue;
    task made{.name = full_name,
              .setting = options.setting(),
              .metrics = {agreement_metrics.begin(), agreement_metrics.end()}};
    std::vector<loglikelihood_request> questions;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      made.prompts.push_back(documents[i].name);
      made.tokens.push_back(when == phase::prefill ? prefill : texts[i].size());
      // In prefill the first token is the prompt and those up to the generation follow it. In generation the first
      // token that follows is still predicted by the prefill, and is left out below.
      auto const begin = texts[i].begin() + static_cast<std::ptrdiff_t>(when == phase::prefill ? 1 : prefill);
      auto const end =
          when == phase::prefill ? texts[i].begin() + static_cast<std::ptrdiff_t>(prefill) + 1 : texts[i].end();
      questions.push_back({.prompt = {.tokens = {texts[i].begin(), begin}, .sequence_id = hash_of(documents[i].name)},
                           .continuations = {{begin, end}}});
    }
    made.ask = [questions = std::move(questions), when](any_model const& model, std::span<std::size_t const> which,
                                                        std::span<any_policy const> policies, work& done,
                                                        answer_user const& use) {
      std::size_t const left_out = when == phase::prefill ? 0 : 1;
      for (auto const i : which) {
        std::span const one{&questions[i], 1};
        auto const positions = one.front().continuations.front().size() - left_out;
        std::vector<std::vector<float>> expected(positions);
        any_policy const dense_policy{dense};
        teacher_force(model, one, when, std::span{&dense_policy, 1}, done,
                      [&](forced_token at, std::span<float const> logits) {
                        if (at.token >= left_out) expected[at.token - left_out].assign(logits.begin(), logits.end());
                      });
        std::vector<std::vector<token_agreement>> found(policies.size(), std::vector<token_agreement>(positions));
        teacher_force(model, one, when, policies, done, [&](forced_token at, std::span<float const> logits) {
          if (at.token >= left_out)
            found[at.policy][at.token - left_out] = compare_logits(expected[at.token - left_out], logits);
        });
        for (std::size_t p = 0; p < policies.size(); ++p) {
          auto const say = [&](char const* metric, auto const& value_of) {
            double sum = 0;
            auto values = nlohmann::ordered_json::array();
            for (auto const& at : found[p]) {
              values.push_back(value_of(at));
              sum += static_cast<double>(value_of(at));
            }
            use({.policy = p,
                 .prompt = i,
                 .metric = metric,
                 .value = sum / static_cast<double>(positions),
                 .more = {{"first", one.front().prompt.tokens.size() - 1 + left_out}, {"positions", values}}});
          };
          say("kl", [](token_agreement const& at) { return at.kl; });
          say("top1", [](token_agreement const& at) { return at.top1 ? 1 : 0; });
          say("rank", [](token_agreement const& at) { return at.rank; });
        }
      }
    };
    tasks.push_back(std::move(made));
  }
  if (tasks.empty())
    throw error{text_of("task ", name), "there is no such phase", "agreement/prefill, agreement/generation"};
  return tasks;
}

}  // namespace headcount::v0::evaluate
