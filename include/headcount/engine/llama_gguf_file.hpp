#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ggml.h>
#include <gguf.h>
#include <sentencepiece_processor.h>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/engine/llama_tokenizer.hpp>
#include <headcount/file/mapped_file.hpp>
#include <headcount/file/write_file.hpp>
#include <headcount/reference/block/weights.hpp>
#include <headcount/reference/checkpoint/checkpoint.hpp>
#include <headcount/reference/checkpoint/load_snapshot.hpp>
#include <headcount/reference/model/config.hpp>

namespace headcount::v0::evaluate {

/// A GGUF file in the making, through ggml's own functions. Matrices are of one type, what llama.cpp reads as float32
/// only is float32.
class gguf_file {
 public:
  explicit gguf_file(std::string architecture, ggml_type matrices = GGML_TYPE_F32)
      : architecture_{std::move(architecture)}, matrices_{matrices} {
    gguf_set_val_str(file_.get(), "general.architecture", architecture_.c_str());
    auto const type = matrices == GGML_TYPE_F16 ? 1u : matrices == GGML_TYPE_BF16 ? 32u : 0u;  // llama_ftype
    gguf_set_val_u32(file_.get(), "general.file_type", type);
  }

  /// A number under the architecture's name.
  void set(std::string const& key, std::size_t value) {
    gguf_set_val_u32(file_.get(), key_of(key).c_str(), static_cast<std::uint32_t>(value));
  }
  void set(std::string const& key, float value) { gguf_set_val_f32(file_.get(), key_of(key).c_str(), value); }
  void set(std::string const& key, std::vector<std::uint32_t> const& values) {
    gguf_set_arr_data(file_.get(), key_of(key).c_str(), GGUF_TYPE_UINT32, values.data(), values.size());
  }

  void set(std::string const& key, bool value) { gguf_set_val_bool(file_.get(), key_of(key).c_str(), value); }
  void set(std::string const& key, std::vector<bool> const& values) {
    std::vector<std::int8_t> const bytes(values.begin(), values.end());
    gguf_set_arr_data(file_.get(), key_of(key).c_str(), GGUF_TYPE_BOOL, bytes.data(), bytes.size());
  }

  /// A tensor, `shape` slowest axis first, as safetensors say it.
  void add(std::string const& name, std::span<float const> values, std::vector<std::size_t> const& shape) {
    std::vector<std::int64_t> extents;
    for (auto axis = shape.size(); axis-- > 0;) extents.push_back(static_cast<std::int64_t>(shape[axis]));
    contexts_.emplace_back(ggml_init({.mem_size = ggml_tensor_overhead(), .mem_buffer = nullptr, .no_alloc = true}));
    auto* const tensor = ggml_new_tensor(contexts_.back().get(), type_of(name, extents.size()),
                                         static_cast<int>(extents.size()), extents.data());
    ggml_set_name(tensor, name.c_str());
    auto& bytes = values_.emplace_back(ggml_nbytes(tensor));
    if (tensor->type == GGML_TYPE_F16)
      ggml_fp32_to_fp16_row(values.data(), reinterpret_cast<ggml_fp16_t*>(bytes.data()), ggml_nelements(tensor));
    else if (tensor->type == GGML_TYPE_BF16)
      ggml_fp32_to_bf16_row(values.data(), reinterpret_cast<ggml_bf16_t*>(bytes.data()), ggml_nelements(tensor));
    else std::memcpy(bytes.data(), values.data(), bytes.size());
    tensor->data = bytes.data();
    gguf_add_tensor(file_.get(), tensor);
  }

  /// The words of a SentencePiece model, padded to the embedding's ids; none where the folder has no tokenizer.model.
  /// The model goes in as it is, too: llama.cpp reads texts by scores alone, and none without tokens of single bytes.
  void add_words(std::filesystem::path const& folder, reference::common_config const& config) {
    auto const path = folder / "tokenizer.model";
    if (!std::filesystem::exists(path)) {
      gguf_set_val_str(file_.get(), "tokenizer.ggml.model", "no_vocab");
      return set("vocab_size", config.vocabulary);
    }
    sentencepiece::SentencePieceProcessor words;
    if (!words.Load(path.string()).ok()) fail(path.string(), "it is no SentencePiece model");
    reference::mapped_file const bytes{path};
    gguf_set_arr_data(file_.get(), own_tokenizer_key, GGUF_TYPE_UINT8, bytes.bytes().data(), bytes.bytes().size());
    auto const known = static_cast<std::size_t>(words.GetPieceSize());
    std::vector<std::string> pieces;
    std::vector<float> scores;
    std::vector<std::int32_t> types;
    for (std::size_t i = 0; i < config.vocabulary; ++i) {
      auto const id = static_cast<int>(i);
      bool const padding = i >= known;
      pieces.push_back(padding ? text_of("[PAD", i, "]") : words.IdToPiece(id));
      scores.push_back(padding ? -1e4f : words.GetScore(id));
      types.push_back(padding || words.IsUnused(id) ? 5
                      : words.IsUnknown(id)         ? 2
                      : words.IsControl(id)         ? 3
                      : words.IsByte(id)            ? 6
                                                    : 1);
    }
    std::vector<char const*> texts;
    for (auto const& piece : pieces) texts.push_back(piece.c_str());
    gguf_set_val_str(file_.get(), "tokenizer.ggml.model", "llama");
    gguf_set_arr_str(file_.get(), "tokenizer.ggml.tokens", texts.data(), texts.size());
    gguf_set_arr_data(file_.get(), "tokenizer.ggml.scores", GGUF_TYPE_FLOAT32, scores.data(), scores.size());
    gguf_set_arr_data(file_.get(), "tokenizer.ggml.token_type", GGUF_TYPE_INT32, types.data(), types.size());
    auto const id = [&](char const* key, int value) {
      if (value >= 0) gguf_set_val_u32(file_.get(), key, static_cast<std::uint32_t>(value));
    };
    id("tokenizer.ggml.bos_token_id", words.bos_id());
    auto const ends = reference::read_end_tokens(folder, config);
    id("tokenizer.ggml.eos_token_id", ends.empty() ? words.eos_id() : ends.front());
    if (ends.size() > 1) id("tokenizer.ggml.eot_token_id", ends[1]);
    id("tokenizer.ggml.unknown_token_id", words.unk_id());
    gguf_set_val_bool(file_.get(), "tokenizer.ggml.add_bos_token", words.bos_id() >= 0);
  }

  /// Writes it, all of it or nothing. Throws headcount::error when it cannot be written.
  void write(std::filesystem::path const& path) const {
    auto const* const all = file_.get();
    reference::write_file(path, [&](auto const& write) {
      std::vector<std::byte> bytes(gguf_get_meta_size(all));
      gguf_get_meta_data(all, bytes.data());
      write(std::span<std::byte const>{bytes});
      std::size_t at = 0;
      for (std::size_t i = 0; i <= values_.size(); ++i) {
        auto const alignment = gguf_get_alignment(all);
        auto const begin = (at + alignment - 1) / alignment * alignment;  // where gguf says that the tensor begins
        bytes.assign(begin - at, std::byte{0});
        write(std::span<std::byte const>{bytes});
        at = begin;
        if (i == values_.size()) break;
        write(std::span<std::byte const>{values_[i]});
        at += values_[i].size();
      }
    });
  }

 private:
  struct free_it {
    void operator()(gguf_context* file) const { gguf_free(file); }
    void operator()(ggml_context* context) const { ggml_free(context); }
  };
  [[nodiscard]] std::string key_of(std::string const& key) const { return text_of(architecture_, ".", key); }
  [[nodiscard]] ggml_type type_of(std::string_view name, std::size_t axes) const noexcept {
    bool const is_matrix = axes > 1 && name.ends_with(".weight") && !name.ends_with("conv.weight") &&
                           name.find("conv1d") == name.npos && name.find("_norm.") == name.npos &&
                           name.find("ffn_gate_inp") == name.npos;
    return is_matrix ? matrices_ : GGML_TYPE_F32;
  }

  std::string architecture_;
  ggml_type matrices_;
  std::unique_ptr<gguf_context, free_it> file_{gguf_init_empty()};
  std::deque<std::vector<std::byte>> values_;
  std::deque<std::unique_ptr<ggml_context, free_it>> contexts_;
};

/// Writes tensors of a model folder under their names in a GGUF file.
class gguf_tensors {
 public:
  gguf_tensors(reference::checkpoint& from, gguf_file& to) : from_{&from}, to_{&to} {}

  /// A tensor as it is, but for axes of one element.
  void copy(std::string const& from, std::string const& to) {
    auto shape = from_->shape_of(from);
    auto values = take(from);
    if (shape.size() > 2) std::erase(shape, std::size_t{1});
    to_->add(to, values, shape);
  }
  /// A tensor that is not there in every model.
  void copy_if_there(std::string const& from, std::string const& to) {
    if (!from_->shape_of(from).empty()) copy(from, to);
  }
  /// The decay of a recurrence, -exp(A_log), in its own shape or another.
  void copy_decay(std::string const& from, std::string const& to, std::vector<std::size_t> shape = {}) {
    auto values = take(from);
    for (auto& value : values) value = -std::exp(value);
    to_->add(to, values, shape.empty() ? from_->shape_of(from) : shape);
  }
  /// The same of some heads, in a new order.
  void copy_decay_of(std::string const& from, std::string const& to, std::span<std::size_t const> heads) {
    auto const values = take(from);
    std::vector<float> own;
    for (auto const at : heads) own.push_back(-std::exp(values[at]));
    to_->add(to, own, {own.size()});
  }
  /// Tensors of one shape behind each other, along an axis of their own.
  void stack(std::vector<std::string> const& from, std::string const& to) {
    auto shape = from_->shape_of(from.front());
    std::vector<float> all;
    for (auto const& name : from) {
      auto const values = take(name);
      all.insert(all.end(), values.begin(), values.end());
    }
    shape.insert(shape.begin(), from.size());
    to_->add(to, all, shape);
  }

  /// A tensor whose rows, slowest axis, are multiplied in parts: `[(rows, factor)]`, the last factor to the end.
  void copy_scaled(std::string const& from, std::string const& to,
                   std::vector<std::pair<std::size_t, float>> const& parts) {
    auto const shape = from_->shape_of(from);
    auto values = take(from);
    auto const row = values.size() / shape.front();
    std::size_t at = 0;
    for (std::size_t part = 0; part < parts.size(); ++part) {
      auto const end =
          part + 1 == parts.size() ? values.size() : (std::min)(values.size(), at + parts[part].first * row);
      for (; at < end; ++at) values[at] *= parts[part].second;
    }
    to_->add(to, values, shape);
  }
  /// A tensor's numbers in another shape.
  void copy_as(std::string const& from, std::string const& to, std::vector<std::size_t> const& shape) {
    to_->add(to, take(from), shape);
  }
  /// Some rows, slowest axis, of a tensor, in a new order.
  void copy_rows(std::string const& from, std::string const& to, std::span<std::size_t const> rows) {
    auto shape = from_->shape_of(from);
    auto const values = take(from);
    auto const row = values.size() / shape.front();
    shape.front() = rows.size();
    if (shape.size() > 2) std::erase(shape, std::size_t{1});
    std::vector<float> own;
    for (auto const at : rows)
      own.insert(own.end(), values.begin() + static_cast<std::ptrdiff_t>(at * row),
                 values.begin() + static_cast<std::ptrdiff_t>((at + 1) * row));
    to_->add(to, own, shape);
  }
  /// All columns of a matrix, in a new order.
  void copy_columns(std::string const& from, std::string const& to, std::span<std::size_t const> columns) {
    auto const shape = from_->shape_of(from);
    auto const values = take(from);
    std::vector<float> own;
    for (std::size_t row = 0; row < shape.front(); ++row)
      for (auto const at : columns) own.push_back(values[row * columns.size() + at]);
    to_->add(to, own, shape);
  }
  /// A norm's weights that say how far they are from 1.
  void copy_from_one(std::string const& from, std::string const& to) {
    auto values = take(from);
    for (auto& value : values) value += 1;
    to_->add(to, values, from_->shape_of(from));
  }
  /// Two tensors that lie behind each other along the last axis but one.
  void copy_halves(std::string const& from, std::string const& first, std::string const& second) {
    auto shape = from_->shape_of(from);
    auto const values = take(from);
    auto& rows = shape[shape.size() - 2];
    rows /= 2;
    auto const half = rows * shape.back();
    for (std::size_t which = 0; which < 2; ++which) {
      std::vector<float> own;
      for (auto at = which * half; at < values.size(); at += 2 * half)
        own.insert(own.end(), values.begin() + static_cast<std::ptrdiff_t>(at),
                   values.begin() + static_cast<std::ptrdiff_t>(at + half));
      to_->add(which == 0 ? first : second, own, shape);
    }
  }
  /// A projection to `heads` queries or keys, whose rotated pairs lie apart by half a head, with each pair side by
  /// side.
  void copy_rotated(std::string const& from, std::string const& to, std::size_t heads) {
    auto const shape = from_->shape_of(from);
    auto const values = take(from);
    auto const width = shape[1], dim = shape[0] / heads;
    std::vector<float> turned(values.size());
    for (std::size_t row = 0; row < shape[0]; ++row) {
      auto const within = row % dim;
      auto const source = row - within + within / 2 + within % 2 * (dim / 2);
      std::copy_n(values.data() + source * width, width, turned.data() + row * width);
    }
    to_->add(to, turned, shape);
  }

 private:
  [[nodiscard]] std::vector<float> take(std::string const& name) {
    return reference::widen_all(from_->take(name, from_->shape_of(name)));
  }
  reference::checkpoint* from_;
  gguf_file* to_;
};

}  // namespace headcount::v0::evaluate
