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
#include <headcount/engine/any_model.hpp>
#include <headcount/engine/observed.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/ranking/calibration.hpp>

namespace headcount::v0::evaluate {

/// What attention heads put out at every query that chooses a token of an answer, the model being dense: the mean over
/// those queries, and as many of them as `samples` says, drawn without repetition; all where there are no more. What
/// mask::mean and mask::resample put in the place of a dropped head's output. Every query weighs the same.
///
/// Throws what the engine throws.
[[nodiscard]] inline head_outputs calibrate_outputs(any_model const& model, std::span<calibration_text const> texts,
                                                    std::size_t samples, std::uint64_t seed) {
  std::vector<std::size_t> first_query{0};  // of each text, and after the last
  for (auto const& text : texts) first_query.push_back(first_query.back() + text.answer.size());
  auto const queries = first_query.back();

  auto const layers = model.layers();
  std::vector<std::vector<float>> all;  // [query, head, dim]
  for (auto const& layer : layers) all.emplace_back(queries * layer.heads * layer.head_dim);
  watch_answers(model, texts, dense, [&](std::size_t i) {
    // The query that the site of position `begin` is, among those of all texts.
    return observer{.output = [&all, query = first_query[i], begin = texts[i].prompt.size() - 1](
                                  site const& where, std::size_t head, std::span<float const> values) {
      auto const at = query + where.position - begin;
      std::ranges::copy(
          values, all[where.layer].begin() + static_cast<std::ptrdiff_t>((at * where.heads + head) * values.size()));
    }};
  });

  std::vector<std::size_t> drawn(queries);
  std::iota(drawn.begin(), drawn.end(), std::size_t{0});
  drawn = random_stream{seed}.some_of(std::move(drawn), samples);
  head_outputs outputs{.layers = std::vector<head_outputs::layer>(layers.size()), .samples = drawn.size()};
  for (std::size_t layer = 0; layer < all.size(); ++layer) {
    auto const& [heads, dim] = std::pair{layers[layer].heads, layers[layer].head_dim};
    if (heads == 0) continue;
    auto const size = heads * dim;
    auto const at = [&](std::size_t query) { return std::span{all[layer]}.subspan(query * size, size); };
    std::vector<double> sum(size);
    for (std::size_t query = 0; query < queries; ++query)
      for (std::size_t i = 0; i < size; ++i) sum[i] += static_cast<double>(at(query)[i]);
    auto& known = outputs.layers[layer] = {.heads = heads, .dim = dim};
    for (double const one : sum) known.mean.push_back(static_cast<float>(one / static_cast<double>(queries)));
    for (auto const query : drawn) known.samples.insert(known.samples.end(), at(query).begin(), at(query).end());
  }
  return outputs;
}

}  // namespace headcount::v0::evaluate
