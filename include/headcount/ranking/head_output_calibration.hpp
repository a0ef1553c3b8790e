#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <headcount/core/head_outputs.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/random_stream.hpp>
#include <headcount/core/site.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/reference/model/model.hpp>

namespace headcount::v0::evaluate {

/// What attention heads put out at every query that chooses a token of an answer, the model being dense: the mean over
/// those queries, and as many of them as `samples` says, drawn without repetition; all where there are no more. What
/// mask::mean and mask::resample put in the place of a dropped head's output. Every query weighs the same.
///
/// Throws what `forward` throws.
[[nodiscard]] inline head_outputs calibrate_outputs(reference::model const& model,
                                                    std::span<calibration_text const> texts, std::size_t samples,
                                                    std::uint64_t seed) {
  std::vector<std::size_t> first_query{0};  // of each text, and after the last
  for (auto const& text : texts) first_query.push_back(first_query.back() + text.answer.size());
  auto const queries = first_query.back();

  std::vector<std::vector<float>> all(model.layers.size());  // [query, head, dim]
  for (std::size_t layer = 0; layer < all.size(); ++layer)
    if (auto const* const block = model.attention_at(layer); block != nullptr)
      all[layer].resize(queries * block->heads * block->head_dim);

  struct watcher {
    std::vector<std::vector<float>>& all;
    std::size_t query;  // that the site of position `begin` is
    std::size_t begin;

    void row(site const&, std::size_t, std::span<float const>) const noexcept {}
    void kept(site const&, head_set const&) const noexcept {}
    void output(site const& where, std::size_t head, std::span<float const> values) const {
      auto const at = query + where.position - begin;
      std::ranges::copy(
          values, all[where.layer].begin() + static_cast<std::ptrdiff_t>((at * where.heads + head) * values.size()));
    }
  };
  watch_answers(model, texts, dense,
                [&](std::size_t i) { return watcher{all, first_query[i], texts[i].prompt.size() - 1}; });

  std::vector<std::size_t> drawn(queries);
  std::iota(drawn.begin(), drawn.end(), std::size_t{0});
  drawn = random_stream{seed}.some_of(std::move(drawn), samples);
  head_outputs outputs{.layers = std::vector<head_outputs::layer>(model.layers.size()), .samples = drawn.size()};
  for (std::size_t layer = 0; layer < all.size(); ++layer) {
    auto const* const block = model.attention_at(layer);
    if (block == nullptr) continue;
    auto const size = block->heads * block->head_dim;
    auto const at = [&](std::size_t query) { return std::span{all[layer]}.subspan(query * size, size); };
    std::vector<double> sum(size);
    for (std::size_t query = 0; query < queries; ++query)
      for (std::size_t i = 0; i < size; ++i) sum[i] += static_cast<double>(at(query)[i]);
    auto& known = outputs.layers[layer] = {.heads = block->heads, .dim = block->head_dim};
    for (double const one : sum) known.mean.push_back(static_cast<float>(one / static_cast<double>(queries)));
    for (auto const query : drawn) known.samples.insert(known.samples.end(), at(query).begin(), at(query).end());
  }
  return outputs;
}

}  // namespace headcount::v0::evaluate
