// How is an engine of one's own evaluated? Here it is one layer of attention that recalls by looking for the current
// token earlier in the text; everything the evaluators ask of it is below, before main.

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

using namespace headcount;
using namespace headcount::evaluate;

// [toy]
class toy_model {
 public:
  using state = std::vector<token>;  // what was read so far; any value that can be copied

  std::size_t vocabulary() const { return 256; }
  state start() const { return {}; }

  void run(std::span<step<state> const> steps, pass const& how, any_policy const& policy,
           logits_user const& use) const {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      for (std::size_t t = 0; t < steps[i].tokens.size(); ++t) {
        steps[i].state->push_back(steps[i].tokens[t]);
        auto const logits = attend(*steps[i].state, steps[i], how.phase, policy);
        if (how.every_token || t + 1 == steps[i].tokens.size()) use(i, t, logits);
      }
    }
  }

 private:
  static constexpr std::size_t heads = 3;

  // Head 0 looks at what followed the current token before, head 1 at all tokens, head 2 at the first.
  std::vector<float> attend(state const& text, step<state> const& from, phase when, any_policy const& policy) const {
    auto const keys = text.size();
    std::vector<float> memory(heads * keys, 0.0f);
    strided_view<float, 2> const weights{memory.data(), {heads, keys}};
    for (std::size_t key = 0; key < keys; ++key) weights(1, key) = 1.0f / static_cast<float>(keys);
    weights(2, 0) = 1;
    std::size_t found = 0;
    for (std::size_t key = 1; key + 1 < keys; ++key)
      if (text[key - 1] == text.back()) found = key;
    weights(0, found) = 1;

    site const where{.layer = 0, .phase = when, .sequence_id = from.sequence_id, .position = keys - 1, .heads = heads};
    auto const kept = decide(policy, where, [&](std::size_t head) -> row_view { return weights[head]; });
    for (auto const& edit : from.edits)
      if (edit.edits_weights(where)) edit(weights, head_set::first(heads), {.first = 0, .phase = when});
    std::vector<float> logits(vocabulary(), 0.0f);
    for (auto const head : kept)
      for (std::size_t key = 0; key < keys; ++key)
        logits[static_cast<std::size_t>(text[key])] += (head == 0 ? 2.0f : 1.0f) * weights(head, key);
    return logits;
  }
};
// [toy]

int main() {
  // Pairs of a key and its value, and after them, as generation, each key once again: what follows?
  random_stream random{1};
  std::vector<token> words(255);
  std::iota(words.begin(), words.end(), 1);
  std::vector<loglikelihood_request> questions;
  for (std::size_t i = 0; i < 20; ++i) {
    auto const pairs = random.some_of(words, 12);
    questions.push_back({.prompt = {.tokens = pairs, .sequence_id = i}});
    for (std::size_t key = 0; key < pairs.size(); key += 2)
      questions.back().continuations.push_back({pairs[key], pairs[key + 1]});
  }
  std::vector<any_policy> const policies{dense, (score::entropy{} | select::top_k{1}).during(phase::generation),
                                         none.during(phase::generation)};
  std::vector<int> right(policies.size());
  work done;
  teacher_force(toy_model{}, questions, phase::generation, policies, done, [&](forced_token at, auto logits) {
    auto const& pair = questions[at.request].continuations[at.continuation];
    if (at.token == 1 && best_token(logits) == pair[1]) ++right[at.policy];
  });
  for (std::size_t p = 0; p < policies.size(); ++p)
    std::printf("%s: %d of 120 values recalled\n", print(policies[p]).c_str(), right[p]);
  std::printf("%zu tokens computed, %zu one by one\n", done.computed.load(), done.tokens_without_sharing.load());
}
