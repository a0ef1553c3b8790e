// Needles of the small language, held out from every calibration: llama.cpp generates what the reference engine does.

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/ranking.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/engine/llama.hpp>
#include <headcount/engine/llama_gguf.hpp>
#include <headcount/engine/logits.hpp>
#include <headcount/engine/reference_model.hpp>
#include <headcount/headcount.hpp>
#include <headcount/measure/prove_off.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/ranking/mean_score.hpp>
#include <headcount/reference/checkpoint/load_snapshot.hpp>
#include <headcount/task/language/mixed_needles.hpp>
#include <headcount/task/language/small_language.hpp>

using namespace headcount;
using namespace headcount::evaluate;

TEST_CASE("llama: 200 needles under six policies get the reference engine's tokens") {
  std::filesystem::path const folder = HEADCOUNT_MODELS "/tiny-jamba";
  auto const file = std::filesystem::temp_directory_path() / "headcount-needles.gguf";
  write_gguf(folder, file);
  auto const snapshot = reference::load_snapshot(folder);
  any_model const expected{reference_model{snapshot.model}};
  any_model const asked{llama{file, {.threads = 1}}};
  small_language const language{HEADCOUNT_MODELS "/language.json"};
  std::vector<calibration_text> texts;
  auto const needles = draw_needles(language, 1, 8, 200, 1);
  for (auto const& one : needles.calibration.front()) texts.push_back(as_calibration(one));
  auto const ranking = mean_scores(expected, texts, score::entropy{});
  std::vector<any_policy> policies{
      dense,
      none,
      score::entropy{} | select::top_k{2},
      score::entropy{} | select::top_k{5},
      score::fixed{in_memory("here", headcount::ranking{.scores = ranking})} | select::top_k{5},
      score::random{.seed = 1} | select::top_k{5}};
  for (auto& policy : policies) policy = policy.during(phase::generation);

  constexpr std::size_t most = 8;
  std::size_t prompts = 0, tokens = 0, other = 0;
  double furthest = 0;
  for (auto const& needle : needles.held_out) {
    auto const prompt = as_calibration(needle).prompt;
    // One prefill serves every policy; each engine is then given the reference's own tokens.
    std::vector<any_model::state> read;
    std::vector<std::vector<float>> first;
    for (auto const* model : {&expected, &asked}) {
      auto& state = read.emplace_back(model->start());
      std::vector<step<any_model::state>> const steps{{prompt, &state, prompts}};
      model->run(steps, {}, dense,
                 [&](auto, auto, std::span<float const> v) { first.emplace_back(v.begin(), v.end()); });
    }
    for (auto const& policy : policies) {
      auto states = read;
      auto logits = first;
      for (std::size_t made = 0; made < most; ++made) {
        furthest = std::max(furthest, evaluate::detail::furthest_change(logits[0], logits[1]));
        std::vector<token> const next{best_token(logits[0])};
        other += best_token(logits[1]) == next.front() ? 0u : 1u;
        ++tokens;
        if (std::ranges::find(snapshot.config.eos, next.front()) != snapshot.config.eos.end()) break;
        for (std::size_t engine = 0; engine < 2; ++engine) {
          std::vector<step<any_model::state>> const steps{{next, &states[engine], prompts}};
          (engine == 0 ? expected : asked)
              .run(steps, {.phase = phase::generation}, policy,
                   [&](auto, auto, std::span<float const> v) { logits[engine].assign(v.begin(), v.end()); });
        }
      }
    }
    ++prompts;
  }
  std::filesystem::remove(file);
  MESSAGE(prompts, " prompts, ", policies.size(), " policies, ", tokens, " tokens, ", other, " others; logits within ",
          furthest);
  CHECK(prompts == 200);
  CHECK(other == 0);
  CHECK(furthest < 2e-3);
}
