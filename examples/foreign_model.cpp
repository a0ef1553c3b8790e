// How is an engine of one's own evaluated, and its heads ranked: are heads chosen once as good as heads chosen at every
// token? The engine is in foreign_model.hpp.

#include <cstddef>
#include <cstdio>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include <headcount/core/random_stream.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/engine/logits.hpp>
#include <headcount/headcount.hpp>
#include <headcount/measure/teacher_force.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/ranking/source_attention.hpp>

#include "foreign_model.hpp"

using namespace headcount;
using namespace headcount::evaluate;

int main() {
  // Pairs of a key and its value, and after them, as generation, each key once again: what follows?
  random_stream random{1};
  std::vector<token> words(255);
  std::iota(words.begin(), words.end(), 1);
  std::vector<loglikelihood_request> requests;
  for (std::size_t i = 0; i < 20; ++i) {
    auto const pairs = random.some_of(words, 12);
    requests.push_back({.prompt = {.tokens = pairs, .sequence_id = i}, .read_as = phase::generation});
    for (std::size_t key = 0; key < pairs.size(); key += 2)
      requests.back().continuations.push_back({pairs[key], pairs[key + 1]});
  }

  // [static] Which head attends to where the answer stands? Ranked once, on other pairs than those asked.
  std::vector<calibration_text> texts;
  for (std::size_t i = 0; i < 20; ++i) {
    auto text = random.some_of(words, 12);
    text.push_back(text[2]);
    texts.push_back({.prompt = text, .answer = {text[3]}, .source = {{3, 3}}});
  }
  auto const scores = needle_attention(toy_model{}, texts);
  score::fixed const ranked{in_memory("needle_attention", ranking{.scores = scores})};
  std::vector<any_policy> const policies{dense, (score::entropy{} | select::top_k{1}).during(phase::generation),
                                         (ranked | select::top_k{1}).during(phase::generation),
                                         none.during(phase::generation)};
  // [static]

  std::vector<int> right(policies.size());
  work done;
  teacher_force(toy_model{}, requests, policies, done, [&](forced_token at, auto logits) {
    auto const& pair = requests[at.request].continuations[at.continuation];
    if (at.token == 1 && best_token(logits) == pair[1]) ++right[at.policy];
  });
  for (std::size_t p = 0; p < policies.size(); ++p)
    std::printf("%s: %d of 120 values recalled\n", print(policies[p]).c_str(), right[p]);
  for (auto const score : scores.front()) std::printf("%.2f of attention on the answer\n", score);
  std::printf("%zu tokens computed, %zu one by one\n", done.computed.load(), done.tokens_without_sharing.load());
}
