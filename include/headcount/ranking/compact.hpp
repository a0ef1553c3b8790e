#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <deque>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/file/safetensors.hpp>
#include <headcount/file/write_file.hpp>
#include <headcount/file/write_safetensors.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/ranking/compact_layout.hpp>
#include <headcount/reference/checkpoint/snapshot.hpp>
#include <headcount/version.hpp>

namespace headcount::v0::reference {

namespace detail {

/// A matrix `[row, column]` or a vector of numbers of any format, whose rows or columns belong to heads.
struct rows_of_heads {
  stored_tensor const& from;
  std::size_t head_dim = 1;  ///< rows, or columns, of one head

  [[nodiscard]] std::size_t width() const noexcept { return from.shape.size() > 1 ? from.shape[1] : 1; }
  [[nodiscard]] std::size_t number_bytes() const noexcept { return from.bytes.size() / (from.shape[0] * width()); }

  /// The numbers of these heads alone.
  [[nodiscard]] std::vector<std::byte> keep(head_set const& kept, bool along_columns) const {
    std::vector<std::byte> bytes;
    auto const row_bytes = width() * number_bytes();
    for (std::size_t row = 0; row < from.shape[0]; ++row) {
      auto const whole = from.bytes.subspan(row * row_bytes, row_bytes);
      if (!along_columns && kept.contains(row / head_dim)) bytes.insert(bytes.end(), whole.begin(), whole.end());
      if (!along_columns) continue;
      for (auto const head : kept) {
        auto const part = whole.subspan(head * head_dim * number_bytes(), head_dim * number_bytes());
        bytes.insert(bytes.end(), part.begin(), part.end());
      }
    }
    return bytes;
  }
};

/// Block-diagonal gates, `[block, in, out]`, as fewer and larger blocks with zeros between the old ones: the same map.
[[nodiscard]] inline std::vector<std::byte> merge_blocks(stored_tensor const& from, std::size_t into) {
  auto const side = from.shape[1];
  auto const number = from.bytes.size() / (from.shape[0] * side * side);
  auto const merged = from.shape[0] / into;
  std::vector<std::byte> bytes(from.bytes.size() * merged);  // zeros of every format are zero bytes
  for (std::size_t block = 0; block < from.shape[0]; ++block)
    for (std::size_t row = 0; row < side; ++row) {
      auto const to = (block * side + row) * merged * side + block % merged * side;
      std::memcpy(bytes.data() + to * number, from.bytes.data() + (block * side + row) * side * number, side * number);
    }
  return bytes;
}

}  // namespace detail

/// A checkpoint's tensors without the heads that a layout drops; those that change are in `made`, the others where they
/// were.
struct compact_tensors {
  std::vector<tensor_to_write> all{};
  std::deque<std::vector<std::byte>> made{};
};

/// Cuts the dropped heads out: their rows of the query projection and of their gates, their columns of the output
/// projection, and of keys and values the rows of groups that keep none. RG-LRU gates, which have as many blocks as
/// attention has heads, get that many. Throws headcount::error when a layer's projections have names that are not
/// known.
[[nodiscard]] inline compact_tensors cut_heads(snapshot const& from, compact_layout const& layout) {
  compact_tensors result;
  std::map<std::size_t, std::size_t> weights_cut;  // of each layer
  auto const left_out = [&](std::string const& name) {
    return std::ranges::any_of(from.model.left_out, [&](std::string const& begin) { return name.starts_with(begin); });
  };
  for (auto const& [name, tensor] : from.files.tensors()) {
    tensor_to_write next{name, tensor.dtype, tensor.shape, tensor.bytes};
    auto const change = [&](std::vector<std::byte> bytes, std::size_t axis, std::size_t extent) {
      next.bytes = result.made.emplace_back(std::move(bytes));
      next.shape[axis] = extent;
    };
    auto const ends = [&](std::string_view end) { return std::string_view{name}.ends_with(end); };
    for (auto const& layer : layout.layers) {
      if (name.find(text_of(".layers.", layer.index, ".")) == name.npos || left_out(name)) continue;
      detail::rows_of_heads const rows{tensor, layout.head_dim};
      bool const is_query = ends(".q_proj.weight") || ends(".q_proj.bias");
      bool const is_key_or_value =
          ends(".k_proj.weight") || ends(".k_proj.bias") || ends(".v_proj.weight") || ends(".v_proj.bias");
      bool const is_output = ends(".o_proj.weight") || ends(".self_attn.out_proj.weight");
      // Where heads have gates, their rows lie with those of the query, head by head.
      auto const query_rows = tensor.shape[0] / from.model.attention_at(layer.index)->heads;
      if (is_query)
        change(detail::rows_of_heads{tensor, query_rows}.keep(layer.heads, false), 0, layout.heads * query_rows);
      else if (is_key_or_value) change(rows.keep(layer.groups, false), 0, layout.groups * layout.head_dim);
      else if (is_output) change(rows.keep(layer.heads, true), 1, layout.heads * layout.head_dim);
      if ((is_query || is_key_or_value || is_output) && ends(".weight")) ++weights_cut[layer.index];
    }
    if (ends("gate_bias") && name.find(".rg_lru.") != name.npos) {
      next.shape = {layout.heads, tensor.shape[0] * tensor.shape[1] / layout.heads};
    } else if (ends("gate_weight") && name.find(".rg_lru.") != name.npos) {
      auto const side = tensor.shape[0] * tensor.shape[1] / layout.heads;
      change(detail::merge_blocks(tensor, layout.heads), 0, layout.heads);
      next.shape = {layout.heads, side, side};
    }
    result.all.push_back(std::move(next));
  }
  for (auto const& layer : layout.layers)
    if (weights_cut[layer.index] != 4)
      throw error{text_of("layer ", layer.index), "its projections of attention were not found under their usual names",
                  "q_proj, k_proj, v_proj, o_proj"};
  std::ranges::sort(result.all, [](auto const& a, auto const& b) {
    auto const bytes_of = [](auto const& tensor) { return safetensors_dtype_bytes(tensor.dtype).value_or(0); };
    return bytes_of(a) != bytes_of(b) ? bytes_of(a) > bytes_of(b) : a.name < b.name;
  });
  return result;
}

/// Writes a model folder without the heads that a static policy drops: `config.json`, `model.safetensors` and the
/// tokenizer's files. Loaded again, dense, it computes what the model computes under the policy. `source` is the folder
/// of `from`; `output` must not exist, and is written whole or not at all. Throws headcount::error as compact_layout_of
/// does, and when a file cannot be read or written.
inline void write_compact(snapshot const& from, std::filesystem::path const& source, any_policy const& policy,
                          compact_layout const& layout, std::filesystem::path output) {
  if (!output.has_filename()) output = output.parent_path();  // "folder/"
  auto config = read_config_json(source / "config.json");
  auto& sizes = config.contains("text_config") ? config["text_config"] : config;
  sizes["num_attention_heads"] = layout.heads;
  sizes["num_key_value_heads"] = layout.groups;
  sizes["head_dim"] = layout.head_dim;
  auto kept = nlohmann::json::object();
  for (auto const& layer : layout.layers)
    kept[text_of(layer.index)] = std::vector<std::size_t>(layer.heads.begin(), layer.heads.end());
  config["headcount"] = {{"compacted_from", from.name},
                         {"model_identity", from.identity()},
                         {"policy", print(policy)},
                         {"kept_heads", std::move(kept)},
                         {"version", std::string{version}}};

  auto const part = temporary_beside(output);
  std::error_code problem;
  if (std::filesystem::exists(std::filesystem::symlink_status(output, problem)))
    throw error{output.string(), "it is there already", "a folder that does not exist"};
  if (!std::filesystem::create_directory(part, problem))
    throw error{output.string(), text_of("cannot be made: ", problem.message())};
  try {
    write_safetensors(part / "model.safetensors", cut_heads(from, layout).all, {{"format", "pt"}});
    write_text(part / "config.json", config.dump(2) + "\n");
    for (std::string_view const name : files_of_identity)
      if (name != "config.json" && std::filesystem::exists(source / name))
        std::filesystem::copy_file(source / name, part / name);
    std::filesystem::rename(part, output);
  } catch (std::filesystem::filesystem_error const& failure) {
    std::filesystem::remove_all(part, problem);
    throw error{output.string(), text_of("cannot be written: ", failure.code().message())};
  } catch (...) {
    std::filesystem::remove_all(part, problem);
    throw;
  }
}

}  // namespace headcount::v0::reference
