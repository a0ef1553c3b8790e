#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/safetensors.hpp>
#include <headcount/policy_file/trace_file.hpp>

namespace headcount::v0::reference {

/// How often a recorded run kept each head: a ranking for each phase that the recording has sites of, prefill first.
///
///     score = sites of the layer at which the head was kept / sites of the layer, in [0, 1]
///
/// A layer that was not recorded has no head. The file says nothing of the model, and so does the ranking.
/// Throws headcount::error when the file is no recording.
[[nodiscard]] inline std::vector<ranking> keep_frequencies(std::filesystem::path const& path) {
  auto const trace = read_trace(path);
  auto const sites = open_safetensors(path);
  auto const& numbers = sites.tensors.at("sites");
  std::vector<ranking> found;
  for (auto const when : {phase::prefill, phase::generation}) {
    ranking of{
        .source = {.method = text_of("keep_frequency of ", path.string(), ", ", name_of(when)), .data = path.string()}};
    std::vector<double> counts;
    for (std::size_t i = 0; i < trace.decisions.size(); ++i) {
      std::int64_t site[5];
      std::memcpy(site, numbers.bytes.data() + i * sizeof site, sizeof site);
      if ((site[3] == 1) != (when == phase::generation)) continue;
      auto const& made = trace.decisions[i];
      if (made.layer >= of.scores.size()) {
        of.scores.resize(made.layer + 1);
        counts.resize(made.layer + 1);
      }
      auto& scores = of.scores[made.layer];
      if (!scores.empty() && scores.size() != made.heads)
        throw error{text_of(path.string(), ", site ", i),
                    text_of("layer ", made.layer, " has ", made.heads, " heads, and had ", scores.size()),
                    "one number of heads a layer"};
      scores.resize(made.heads);
      for (auto const head : made.kept) scores[head] += 1;
      counts[made.layer] += 1;
    }
    for (std::size_t layer = 0; layer < counts.size(); ++layer)
      for (auto& score : of.scores[layer]) score /= counts[layer];
    if (of.heads() > 0) found.push_back(of);
  }
  return found;
}

}  // namespace headcount::v0::reference
