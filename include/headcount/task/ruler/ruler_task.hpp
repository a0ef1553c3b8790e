#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/random.hpp>
#include <headcount/core/random_stream.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/engine/model_under_test.hpp>
#include <headcount/file/digest.hpp>
#include <headcount/statistics/metric.hpp>
#include <headcount/task/answer.hpp>
#include <headcount/task/needle/haystack_folder.hpp>
#include <headcount/task/request.hpp>
#include <headcount/task/ruler/ruler.hpp>
#include <headcount/task/task.hpp>
#include <headcount/task/task_options.hpp>
#include <headcount/text/pair_texts.hpp>

namespace headcount::v0::evaluate {

inline constexpr std::array ruler_metrics{
    metric{.name = "match", .unit = "share of answers", .better = direction::higher, .values = between(0, 1)}};

namespace detail {

[[nodiscard]] inline task make_one_ruler(model_under_test const& asked, std::string_view name,
                                         task_options const& common, std::size_t length, std::size_t count,
                                         haystack const& hay, std::uint64_t seed) {
  auto const& tokenizer = asked.tokenizer_for(text_of("ruler/", name));
  task made{.name = text_of("ruler/", name),
            .setting = common.setting(),
            .seed = seed,
            .metrics = {ruler_metrics.begin(), ruler_metrics.end()}};
  std::vector<std::vector<std::string>> answers;
  for (std::size_t i = 0; i < count; ++i) {
    auto prompt = text_of(length, "/", i);
    random_stream const random{mix_bits(seed) ^ hash_of(text_of(name, "/", prompt))};
    auto sample = ruler::make(name, tokenizer, hay.sentences, length, random);
    generation_request request{.prompt = {.tokens = encode_with_bos(tokenizer, sample.prompt)},
                               .max_new_tokens = sample.max_new_tokens,
                               .stop = asked.end};
    auto const tokens = request.prompt.tokens.size();
    made.prompts.push_back({.name = std::move(prompt), .request = std::move(request), .tokens = tokens});
    answers.push_back(std::move(sample.answers));
  }
  made.judge = [tokenizer, length, answers = std::move(answers)](std::size_t i,
                                                                 answer const& found) -> std::vector<judgement> {
    auto const text = tokenizer.decode(found.tokens);
    return {{.metric = "match",
             .value = ruler::match_all(answers[i], text),
             .more = {{"length", length}, {"completion", text}}}};
  };
  return made;
}

}  // namespace detail

/// The RULER tasks, one or all: the share of the answers that a completion has. Options: `length` of a prompt with its
/// answer, `prompts`, and `data`, the essays of some tasks. A prompt is named LENGTH/INDEX.
[[nodiscard]] inline std::vector<task> make_ruler_tasks(model_under_test const& asked, std::string_view name,
                                                        task_options& options) {
  auto const seed = options.take_seed();
  auto const length = options.take<std::size_t>("length", 4096, option_role::selects);
  auto const most = options.take<std::size_t>("prompts", 100, option_role::selects);
  auto const count = (std::min)(most, options.take_limit());
  auto const folder = take_haystack(asked, name, options, false);
  constexpr std::string_view family = "ruler/";
  std::vector<task> tasks;
  for (auto const one : ruler::names)
    if (!name.starts_with(family) || name.substr(family.size()) == one)
      tasks.push_back(detail::make_one_ruler(asked, one, options, length, count, folder.hay, seed));
  if (tasks.empty())
    (void)ruler::make(name.substr(family.size()), asked.tokenizer_for(name), {}, length, random_stream{0});
  return tasks;
}

}  // namespace headcount::v0::evaluate
