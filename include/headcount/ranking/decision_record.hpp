#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/score/any_scorer.hpp>
#include <headcount/score/attention_tensors.hpp>
#include <headcount/score/scorer.hpp>

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

/// Scores as another scorer does and writes down the block's input at each site, in place:
/// `seen[site::sequence_id][layer]` has room for every token from position `first[site::sequence_id]` on.
struct input_witness {
  static constexpr std::string_view name = "input_witness";

  any_scorer inner{};
  std::span<std::vector<layer_decisions>> seen{};
  std::span<std::size_t const> first{};

  [[nodiscard]] reading_set needs() const noexcept {
    auto all = inner.needs();
    all |= reading::input;
    return all;
  }
  [[nodiscard]] std::size_t state_size() const noexcept { return inner.state_size(); }

  void operator()(site const& where, attention_tensors const& tensors, std::span<double> scores) const noexcept {
    if (where.position >= first[where.sequence_id]) {
      auto& layer = seen[where.sequence_id][where.layer];
      auto const at = (where.position - first[where.sequence_id]) * layer.width;
      std::ranges::copy(tensors.input.values, layer.inputs.begin() + static_cast<std::ptrdiff_t>(at));
    }
    inner(where, tensors, scores);
  }
};

/// Runs a model under a policy on calibration texts, answers teacher-forced as generation, and records what it decides
/// at every query that chooses a token of an answer, `[text][layer]`; nothing in layers without attention or where the
/// policy's scope does not reach. O(tokens * width * layers) memory. Throws what `forward` throws.
[[nodiscard]] inline std::vector<std::vector<layer_decisions>> record_decisions(reference::model const& model,
                                                                                std::span<calibration_text const> texts,
                                                                                any_policy const& policy) {
  std::vector<std::vector<layer_decisions>> seen(texts.size());
  std::vector<std::size_t> first(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    first[i] = texts[i].prompt.size() - 1;
    seen[i].resize(model.layers.size());
    for (std::size_t layer = 0; layer < model.layers.size(); ++layer) {
      auto const* block = model.attention_at(layer);
      if (block == nullptr || !policy.where.covers({.layer = layer, .phase = phase::generation})) continue;
      seen[i][layer] = {.width = model.width(),
                        .inputs = std::vector<float>(texts[i].answer.size() * model.width()),
                        .kept = std::vector<head_set>(texts[i].answer.size())};
    }
  }
  any_policy const watched{input_witness{policy.score, seen, first}, policy.select, policy.mask, policy.where};
  watch_answers(model, texts, watched, [&](std::size_t i) {
    return attention_watcher{[](site const&, std::size_t, std::span<float const>) {},
                             [&of = seen[i], begin = first[i]](site const& where, head_set const& kept) {
                               if (auto& layer = of[where.layer]; !layer.kept.empty())
                                 layer.kept[where.position - begin] = kept;
                             }};
  });
  return seen;
}

}  // namespace headcount::v0::evaluate
