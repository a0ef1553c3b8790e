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
#include <headcount/engine/model_under_test.hpp>
#include <headcount/statistics/metric.hpp>
#include <headcount/task/answer.hpp>
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
  options.add_content(path);
  documents.resize((std::min)(limit, documents.size()));
  std::vector<std::vector<token>> texts;
  for (auto const& one : documents) {
    texts.push_back(encode_with_bos(asked.tokenizer_for(name), one.text));
    if (texts.back().size() < prefill + 2)
      throw error{one.what, text_of("it has ", texts.back().size(), " tokens"),
                  text_of("more than ", prefill + 1, ", a prefill and what is generated after it")};
    texts.back().resize((std::min)(texts.back().size(), prefill + 1 + generation));
  }

  std::vector<task> tasks;
  for (auto const when : {phase::prefill, phase::generation}) {
    auto const full_name = text_of("agreement/", name_of(when));
    if (full_name != name && name.find('/') != name.npos && !name.ends_with('/')) continue;
    task made{.name = full_name,
              .setting = options.setting(),
              .metrics = {agreement_metrics.begin(), agreement_metrics.end()}};
    std::size_t const skip = when == phase::prefill ? 0 : 1;
    std::vector<std::size_t> firsts;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      // In prefill the first token is the prompt and those up to the generation follow it. In generation the first
      // token that follows is still predicted by the prefill, and is left out.
      auto const begin = texts[i].begin() + static_cast<std::ptrdiff_t>(when == phase::prefill ? 1 : prefill);
      auto const end =
          when == phase::prefill ? texts[i].begin() + static_cast<std::ptrdiff_t>(prefill) + 1 : texts[i].end();
      loglikelihood_request text{
          .prompt = {.tokens = {texts[i].begin(), begin}}, .continuations = {{begin, end}}, .read_as = when};
      firsts.push_back(text.prompt.tokens.size() - 1 + skip);
      made.prompts.push_back({.name = documents[i].name,
                              .request = comparison_request{.text = std::move(text), .skip = skip},
                              .tokens = when == phase::prefill ? prefill : texts[i].size()});
    }
    made.judge = [firsts = std::move(firsts)](std::size_t i, answer const& found) {
      std::vector<judgement> judged;
      auto const add = [&](char const* metric, auto const& value_of) {
        double sum = 0;
        auto values = nlohmann::ordered_json::array();
        for (auto const& at : found.agreements) {
          values.push_back(value_of(at));
          sum += static_cast<double>(value_of(at));
        }
        judged.push_back({.metric = metric,
                          .value = sum / static_cast<double>(found.agreements.size()),
                          .more = {{"first", firsts[i]}, {"positions", values}}});
      };
      add("kl", [](token_agreement const& at) { return at.kl; });
      add("top1", [](token_agreement const& at) { return at.top1 ? 1 : 0; });
      add("rank", [](token_agreement const& at) { return at.rank; });
      return judged;
    };
    tasks.push_back(std::move(made));
  }
  if (tasks.empty())
    throw error{text_of("task ", name), "there is no such phase", "agreement/prefill, agreement/generation"};
  return tasks;
}

}  // namespace headcount::v0::evaluate
