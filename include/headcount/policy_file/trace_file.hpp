#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <headcount/core/decision_trace.hpp>
#include <headcount/core/error.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/safetensors.hpp>
#include <headcount/file/write_safetensors.hpp>
#include <headcount/record/recording.hpp>

namespace headcount::v0::reference {

// A recording's file is safetensors:
//
//     sites    int64 [site, 5]     sequence, layer, position, phase (0 prefill, 1 generation), heads of the layer;
//                                  in the order of the first three, each once
//     kept     uint8 [site, most]  1 for a kept head; `most` is the largest number of heads
//     scores   float32, the same   NaN where no score was recorded
//     rows     int64 [row, 3]      site, head, number of keys; the last key is the query's own position
//     weights  float32 [sum]       the rows' weights one after the other
//
// A trace needs the first two.

/// Writes a recording, all of it or nothing. `about` is what the file says of itself. Throws headcount::error when the
/// file cannot be written.
inline void write_recording(std::filesystem::path const& path, record::recording const& of,
                            std::map<std::string, std::string> const& about = {}) {
  std::size_t most = 0;
  for (auto const& one : of.sites) most = (std::max)(most, one.where.heads);
  std::vector<std::int64_t> sites;
  std::vector<std::uint8_t> kept;
  std::vector<float> scores;
  std::vector<std::int64_t> rows;
  std::vector<float> weights;
  for (std::size_t i = 0; i < of.sites.size(); ++i) {
    auto const& one = of.sites[i];
    for (auto const number : {one.where.sequence_id, one.where.layer, one.where.position,
                              std::size_t{one.where.phase == phase::generation}, one.where.heads})
      sites.push_back(static_cast<std::int64_t>(number));
    for (std::size_t head = 0; head < most; ++head) {
      kept.push_back(head < one.where.heads && one.kept.contains(head) ? 1 : 0);
      scores.push_back(head < one.scores.size() ? static_cast<float>(one.scores[head])
                                                : std::numeric_limits<float>::quiet_NaN());
    }
    for (auto const& row : one.rows) {
      for (auto const number : {i, row.head, row.weights.size()}) rows.push_back(static_cast<std::int64_t>(number));
      weights.insert(weights.end(), row.weights.begin(), row.weights.end());
    }
  }
  auto const count = of.sites.size();
  std::vector<tensor_to_write> const tensors{
      to_write("sites", sites, {count, 5}), to_write("rows", rows, {rows.size() / 3, 3}),
      to_write("scores", scores, {count, most}), to_write("weights", weights, {weights.size()}),
      to_write("kept", kept, {count, most})};
  write_safetensors(path, tensors, about);
}

/// Reads the decisions of a recording's file. Throws headcount::error that names the file and what is wrong in it.
[[nodiscard]] inline decision_trace read_trace(std::filesystem::path const& path) {
  auto const file = open_safetensors(path);
  auto const find = [&](char const* name, char const* dtype) -> stored_tensor const& {
    auto const found = file.tensors.find(name);
    if (found == file.tensors.end() || found->second.dtype != dtype || found->second.shape.size() != 2)
      throw error{path.string(), text_of("it has no ", dtype, " matrix \"", name, "\", so it is no recording"),
                  "a file that `headcount record` wrote"};
    return found->second;
  };
  auto const& sites = find("sites", "I64");
  auto const& kept = find("kept", "U8");
  auto const most = kept.shape[1];
  if (sites.shape[1] != 5 || sites.shape[0] != kept.shape[0] || most > head_set::capacity())
    throw error{path.string(),
                text_of("sites are ", print_shape(sites.shape), " and kept is ", print_shape(kept.shape)),
                text_of("[site, 5] and [site, heads], at most ", head_set::capacity(), " heads")};
  decision_trace trace;
  for (std::size_t i = 0; i < sites.shape[0]; ++i) {
    std::int64_t numbers[5];
    std::memcpy(numbers, sites.bytes.data() + i * sizeof numbers, sizeof numbers);
    auto const what = text_of(path.string(), ", site ", i);
    if (std::ranges::any_of(numbers, [](auto const number) { return number < 0; }) ||
        static_cast<std::size_t>(numbers[4]) > most)
      throw error{what, text_of("it has ", numbers[4], " heads at layer ", numbers[1], ", position ", numbers[2]),
                  text_of("numbers from 0, and at most ", most, " heads")};
    decision one{.sequence_id = static_cast<std::size_t>(numbers[0]),
                 .layer = static_cast<std::size_t>(numbers[1]),
                 .position = static_cast<std::size_t>(numbers[2]),
                 .heads = static_cast<std::size_t>(numbers[4])};
    for (std::size_t head = 0; head < one.heads; ++head)
      if (kept.bytes[i * most + head] != std::byte{0}) one.kept.insert(head);
    trace.decisions.push_back(one);
    if (i > 0 && !decision_trace::comes_before(trace.decisions[i - 1], one))
      throw error{what, "it does not come after the one before it", "sites in order of sequence, layer and position"};
  }
  return trace;
}

}  // namespace headcount::v0::reference
