#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/engine/observed.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/ranking/calibration.hpp>

namespace headcount::v0::evaluate {

/// What a policy decided in one layer while one text's answer was read, token by token.
struct layer_decisions {
  std::size_t width = 0;
  std::vector<float> inputs{};   ///< `[token, width]`: what the attention block was given
  std::vector<head_set> kept{};  ///< `[token]`

  [[nodiscard]] std::span<float const> input(std::size_t token) const noexcept {
    return std::span{inputs}.subspan(token * width, width);
  }
};

/// Runs a model under a policy on calibration texts, answers teacher-forced as generation, and records what it decides
/// at every query that chooses a token of an answer, `[text][layer]`; nothing in layers without attention or where the
/// policy's scope does not reach. O(tokens * width * layers) memory. Throws what the engine throws.
[[nodiscard]] inline std::vector<std::vector<layer_decisions>> record_decisions(any_model const& model,
                                                                                std::span<calibration_text const> texts,
                                                                                any_policy const& policy) {
  auto const layers = model.layers();
  std::vector<std::vector<layer_decisions>> seen(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    seen[i].resize(layers.size());
    for (auto const& layer : layers)
      if (layer.heads > 0 && policy.where.covers({.layer = layer.layer, .phase = phase::generation}))
        seen[i][layer.layer] = {.width = layer.width,
                                .inputs = std::vector<float>(texts[i].answer.size() * layer.width),
                                .kept = std::vector<head_set>(texts[i].answer.size())};
  }
  watch_answers(model, texts, policy, [&](std::size_t i) {
    auto const begin = texts[i].prompt.size() - 1;
    return observer{.kept =
                        [&of = seen[i], begin](site const& where, head_set const& kept) {
                          if (auto& layer = of[where.layer]; !layer.kept.empty())
                            layer.kept[where.position - begin] = kept;
                        },
                    .input =
                        [&of = seen[i], begin](site const& where, std::span<float const> values) {
                          auto& layer = of[where.layer];
                          if (layer.kept.empty()) return;
                          auto const at = (where.position - begin) * layer.width;
                          std::ranges::copy(values, layer.inputs.begin() + static_cast<std::ptrdiff_t>(at));
                        }};
  });
  return seen;
}

}  // namespace headcount::v0::evaluate
