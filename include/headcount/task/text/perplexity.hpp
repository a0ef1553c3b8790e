#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>
#include <string>
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

namespace headcount::v0::evaluate {

/// Cuts a text into windows that a model can read, so that every token is predicted once: the first after `start`,
/// those of a later window after the token before them, and those of the last, shorter window after as many as fit.
/// Source: lm-evaluation-harness, `get_rolling_token_windows` with context_len 1 and `make_disjoint_window`.
[[nodiscard]] inline std::vector<loglikelihood_request> rolling_windows(std::span<token const> text, token start,
                                                                        std::size_t longest, phase read_as) {
  std::vector<loglikelihood_request> windows;
  for (std::size_t done = 0; done < text.size();) {
    auto const count = (std::min)(longest, text.size() - done);
    auto const end = done + count;
    loglikelihood_request window{.continuations = {{text.begin() + static_cast<std::ptrdiff_t>(done),
                                                    text.begin() + static_cast<std::ptrdiff_t>(end)}},
                                 .read_as = read_as};
    if (done == 0) {
      window.prompt.tokens = {start};
    } else {
      auto const first = text.begin() + static_cast<std::ptrdiff_t>(end - longest - 1);
      window.prompt.tokens.assign(first, text.begin() + static_cast<std::ptrdiff_t>(done));
    }
    windows.push_back(std::move(window));
    done = end;
  }
  return windows;
}

/// How many words a text has: pieces between white space, one at its start or end included, as `re.split(r"\s+", text)`
/// counts them.
/// Source: lm-evaluation-harness, wikitext.
[[nodiscard]] inline std::size_t count_words(std::string_view text) noexcept {
  auto const is_space = [](char sign) { return std::string_view{" \t\n\v\f\r"}.find(sign) != std::string_view::npos; };
  std::size_t words = 1;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (is_space(text[i]) && (i == 0 || !is_space(text[i - 1]))) ++words;
  return words;
}

inline constexpr std::array perplexity_metrics{metric{.name = "word_perplexity",
                                                      .unit = "per word",
                                                      .better = direction::lower,
                                                      .values = at_least(1),
                                                      .total = perplexity_per("words")},
                                               metric{.name = "byte_perplexity",
                                                      .unit = "per byte",
                                                      .better = direction::lower,
                                                      .values = at_least(1),
                                                      .total = perplexity_per("bytes")},
                                               metric{.name = "bits_per_byte",
                                                      .unit = "bits a byte",
                                                      .better = direction::lower,
                                                      .values = at_least(0),
                                                      .total = bits_per("bytes")},
                                               metric{.name = "perplexity",
                                                      .unit = "per token",
                                                      .better = direction::lower,
                                                      .values = at_least(1),
                                                      .total = perplexity_per("tokens")}};

/// Perplexity of documents, rolling: each token once, after what precedes it. Metrics are per word, per UTF-8 byte and
/// per token; over several documents they come from the sums, as published. Options: `window`, tokens read at once;
/// `phase`.
[[nodiscard]] inline std::vector<task> make_perplexity(model_under_test const& asked, std::string_view name,
                                                       task_options& options) {
  auto const path = options.take_data(R"(a text, a folder of texts, or JSON lines {"text": text})");
  auto const window = options.take("window", asked.longest);
  auto const when = options.take_phase();
  auto const limit = options.take_limit();
  if (window == 0) throw error{text_of("task ", name), "window = 0", "1 token or more"};
  options.add_to_setting(text_of("data=", path.filename().string()));
  auto const& tokenizer = asked.tokenizer_for(name);
  auto const start = tokenizer.bos();
  if (!start) throw error{text_of("task ", name), "the tokenizer has no BOS to begin a text with"};

  struct size {
    std::size_t words = 0;
    std::size_t bytes = 0;
    std::size_t tokens = 0;
  };
  task made{.name = std::string{name},
            .setting = options.setting(),
            .metrics = {perplexity_metrics.begin(), perplexity_metrics.end()}};
  std::vector<size> sizes;
  auto documents = read_documents(path);
  options.add_content(path);
  documents.resize((std::min)(limit, documents.size()));
  for (auto const& one : documents) {
    auto const tokens = tokenizer.encode(one.text);
    if (tokens.empty()) throw error{one.what, "it has no token", "a text that is not empty"};
    sizes.push_back({.words = count_words(one.text), .bytes = one.text.size(), .tokens = tokens.size()});
    made.prompts.push_back(
        {.name = one.name, .request = rolling_windows(tokens, *start, window, when), .tokens = tokens.size()});
  }
  made.judge = [sizes = std::move(sizes)](std::size_t i, answer const& found) -> std::vector<judgement> {
    double nats = 0;
    for (auto const& one : found.likelihoods) nats += one.nats;
    nlohmann::ordered_json const more{
        {"loglik", nats}, {"words", sizes[i].words}, {"bytes", sizes[i].bytes}, {"tokens", sizes[i].tokens}};
    auto const per = [&](std::size_t count) { return -nats / static_cast<double>(count); };
    return {{.metric = "word_perplexity", .value = std::exp(per(sizes[i].words)), .more = more},
            {.metric = "byte_perplexity", .value = std::exp(per(sizes[i].bytes)), .more = more},
            {.metric = "bits_per_byte", .value = per(sizes[i].bytes) / std::numbers::ln2, .more = more},
            {.metric = "perplexity", .value = std::exp(per(sizes[i].tokens)), .more = more}};
  };
  return {std::move(made)};
}

}  // namespace headcount::v0::evaluate
