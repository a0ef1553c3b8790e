#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <headcount/core/phase.hpp>
#include <headcount/evaluate/statistics/paired.hpp>
#include <headcount/evaluate/task/facts.hpp>
#include <headcount/evaluate/task/needle.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/reference/model/fork.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/reference/model/generate.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/parallel.hpp>

namespace headcount::inline v0::evaluate {

/// Prompts that are worked on together. It does not change with the number of threads, so results do not either.
inline constexpr std::size_t prompts_at_once = 105;

/// Cuts prompts into parts and calls `work(part, first)` for each, on several threads; `first` is the index of the
/// part's first prompt.
template <class Prompt, class Work>
void for_each_part(std::span<Prompt const> prompts, Work const& work) {
  reference::for_each_index((prompts.size() + prompts_at_once - 1) / prompts_at_once, [&](std::size_t part) {
    auto const first = part * prompts_at_once;
    work(prompts.subspan(first, std::min(prompts_at_once, prompts.size() - first)), first);
  });
}

/// Reads prompts densely and stands ready to answer them. Prompts that follow each other with the same context share
/// its prefill, each continuing a copy. Prompt i gets row `first_row` + i.
[[nodiscard]] inline std::vector<reference::sequence> read_prompts(reference::model const& model,
                                                                   std::span<needle_prompt const> prompts,
                                                                   std::size_t first_row) {
  std::vector<std::size_t> context_of(prompts.size());
  std::vector<sentence_tokens> contexts;
  std::vector<sentence_tokens> questions;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    if (i == 0 || prompts[i].context != prompts[i - 1].context) contexts.push_back(prompts[i].context);
    context_of[i] = contexts.size() - 1;
    questions.push_back(prompts[i].question);
  }
  auto const read = reference::prefill(model, contexts, {}, dense, first_row);
  std::vector<reference::sequence> sequences;
  for (std::size_t i = 0; i < prompts.size(); ++i)
    sequences.push_back({.state = read[context_of[i]].state, .row = first_row + i});
  reference::pass const how{.phase = phase::prefill};
  reference::fork_texts(model, std::span<reference::sequence const>{sequences}, questions, how, std::span{&dense, 1},
                        [&](std::size_t, std::size_t i, reference::matrix const& logits, reference::sequence&& after) {
                          sequences[i] = std::move(after);
                          sequences[i].next = reference::best_token(reference::row_of(logits, 0));
                        });
  return sequences;
}

/// Reads prompts under policies that sparsify prefill too: `[policy][prompt]`.
[[nodiscard]] inline std::vector<std::vector<reference::sequence>> read_prompts_under(
    reference::model const& model, std::span<needle_prompt const> prompts, std::span<any_policy const> policies,
    std::size_t first_row) {
  std::vector<sentence_tokens> texts;
  for (auto const& prompt : prompts) texts.push_back(prompt.prompt());
  auto const start = reference::start_sequences(model, prompts.size(), first_row);
  std::vector<std::vector<reference::sequence>> read(policies.size(), std::vector<reference::sequence>(prompts.size()));
  reference::pass const how{.phase = phase::prefill};
  reference::fork_texts(
      model, std::span{start}, texts, how, policies,
      [&](std::size_t p, std::size_t i, reference::matrix const& logits, reference::sequence&& after) {
        read[p][i] = std::move(after);
        read[p][i].next = reference::best_token(reference::row_of(logits, 0));
      });
  return read;
}

/// Which prompts each policy would answer right, token for token, by greedy generation from `sequences`: calls
/// `found(policy, prompt, right)`. Instead of generating, the right answer is read in one generation pass, and every
/// token must be the greedy choice after those before it: the same outcome, since generation goes astray exactly where
/// a choice differs.
template <class Found>
void verify_answers(reference::model const& model, std::span<needle_prompt const> prompts,
                    std::span<reference::sequence const> sequences, std::span<any_policy const> policies,
                    Found const& found) {
  std::vector<sentence_tokens> answers;
  for (auto const& prompt : prompts) answers.emplace_back(prompt.answer.begin(), prompt.answer.end() - 1);
  reference::pass const how{.phase = phase::generation, .logits_of = reference::wanted::all_tokens};
  reference::fork_texts(model, sequences, answers, how, policies,
                        [&](std::size_t p, std::size_t i, reference::matrix const& logits, reference::sequence&&) {
                          auto const& right = prompts[i].answer;
                          bool all = sequences[i].next == right.front();
                          for (std::size_t token = 1; token < right.size(); ++token)
                            all = all && reference::best_token(reference::row_of(logits, token - 1)) == right[token];
                          found(p, i, all);
                        });
}

/// Whether a policy leaves prefill as it is, so that a dense prefill serves it.
[[nodiscard]] inline bool leaves_prefill_dense(any_policy const& policy) {
  return policy.where.during == phase::generation || print(policy) == print(any_policy{dense});
}

/// Which needles each policy finds: `[policy][prompt]`. Policies that leave prefill dense share one.
[[nodiscard]] inline std::vector<outcomes> recall_needles(reference::model const& model,
                                                          std::span<needle_prompt const> prompts,
                                                          std::span<any_policy const> policies) {
  std::vector<any_policy> after_dense;
  std::vector<any_policy> everywhere;
  std::vector<std::size_t> index_after_dense;
  std::vector<std::size_t> index_everywhere;
  for (std::size_t which = 0; which < policies.size(); ++which) {
    bool const shares = leaves_prefill_dense(policies[which]);
    (shares ? after_dense : everywhere).push_back(policies[which]);
    (shares ? index_after_dense : index_everywhere).push_back(which);
  }
  std::vector<std::vector<char>> found(policies.size(),
                                       std::vector<char>(prompts.size()));  // written by several threads
  for_each_part(prompts, [&](std::span<needle_prompt const> mine, std::size_t first) {
    if (!after_dense.empty())
      verify_answers(model, mine, read_prompts(model, mine, first), after_dense,
                     [&](std::size_t p, std::size_t i, bool right) { found[index_after_dense[p]][first + i] = right; });
    if (everywhere.empty()) return;
    auto const read = read_prompts_under(model, mine, everywhere, first);
    for (std::size_t which = 0; which < everywhere.size(); ++which)
      verify_answers(
          model, mine, read[which], std::span{everywhere}.subspan(which, 1),
          [&](std::size_t, std::size_t i, bool right) { found[index_everywhere[which]][first + i] = right; });
  });
  std::vector<outcomes> result;
  for (auto const& one : found) result.emplace_back(one.begin(), one.end());
  return result;
}

/// Which facts each policy knows: of the choices, the right one is the likeliest next token, the first of equals
/// winning. The prompt is one prefill pass. `[policy][prompt]`.
[[nodiscard]] inline std::vector<outcomes> recall_facts(reference::model const& model,
                                                        std::span<fact_prompt const> prompts,
                                                        std::span<any_policy const> policies) {
  std::vector<std::vector<char>> known(policies.size(),
                                       std::vector<char>(prompts.size()));  // written by several threads
  for_each_part(prompts, [&](std::span<fact_prompt const> mine, std::size_t first) {
    std::vector<sentence_tokens> texts;
    for (auto const& one : mine) texts.push_back(one.prompt);
    auto const start = reference::start_sequences(model, mine.size(), first);
    reference::pass const how{.phase = phase::prefill};
    reference::fork_texts(model, std::span{start}, texts, how, policies,
                          [&](std::size_t p, std::size_t i, reference::matrix const& logits, reference::sequence&&) {
                            auto const score = [&](token choice) { return logits(0, choice); };
                            auto const best =
                                std::ranges::max_element(mine[i].choices, {}, score) - mine[i].choices.begin();
                            known[p][first + i] = static_cast<std::size_t>(best) == mine[i].gold;
                          });
  });
  std::vector<outcomes> result;
  for (auto const& one : known) result.emplace_back(one.begin(), one.end());
  return result;
}

}  // namespace headcount::inline v0::evaluate
