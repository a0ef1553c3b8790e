#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/safetensors.hpp>
#include <headcount/reference/block/weights.hpp>

namespace headcount::v0::reference {

/// All tensors of a model folder: one safetensors file, or the shards that an index names. A weight_source that knows
/// which tensors were taken.
class checkpoint {
 public:
  /// Opens `model.safetensors`, or the files of `model.safetensors.index.json`, in a folder.
  /// Throws headcount::error when neither is there, or one is malformed.
  explicit checkpoint(std::filesystem::path const& folder)
      : folder_{folder.string()}, kept_{std::make_shared<storage>()} {
    auto const single = folder / "model.safetensors";
    auto const index = folder / "model.safetensors.index.json";
    auto const is_there = [](std::filesystem::path const& path) {  // or a link to nothing, which opening it names
      std::error_code missing;
      return std::filesystem::exists(std::filesystem::symlink_status(path, missing));
    };
    if (is_there(single)) {
      add(single);
    } else if (is_there(index)) {
      add_shards(folder, index);
    } else {
      auto const* const other =
          is_there(folder / "pytorch_model.bin") || is_there(folder / "pytorch_model.bin.index.json")
              ? "its weights are PyTorch's, which are not read"
          : is_there(folder / "adapter_model.safetensors") ? "it is an adapter, not yet merged into its model"
                                                           : "no weights found";
      throw error{folder_, other, "model.safetensors, or model.safetensors.index.json with its shards"};
    }
  }

  /// A tensor by name, in float32, bfloat16 or float16. Throws headcount::error when it is missing, its dtype is
  /// another, or its shape is not the one asked for.
  [[nodiscard]] weights take(std::string const& name, std::vector<std::size_t> const& shape) {
    auto const found = tensors_.find(name);
    if (found == tensors_.end()) throw error{folder_, text_of("the tensor ", in_quotes(name), " is missing")};
    auto const& tensor = found->second;
    auto const where = text_of(folder_, ", tensor ", in_quotes(name));
    if (tensor.shape != shape)
      throw error{where, text_of("its shape is ", print_shape(tensor.shape), ", the configuration asks for ",
                                 print_shape(shape))};
    taken_.insert(name);
    weights result{.type = dtype_of(where, tensor.dtype), .data = tensor.bytes.data(), .shape = shape};
    if (reinterpret_cast<std::uintptr_t>(result.data) % bytes_of(result.type) != 0) {
      kept_->aligned_copies.emplace_back(tensor.bytes.begin(), tensor.bytes.end());
      result.data = kept_->aligned_copies.back().data();
    }
    return result;
  }

  /// The shape of a tensor; nothing when there is none.
  [[nodiscard]] std::vector<std::size_t> shape_of(std::string const& name) const {
    auto const found = tensors_.find(name);
    return found == tensors_.end() ? std::vector<std::size_t>{} : found->second.shape;
  }

  /// Throws headcount::error that names the tensors nobody took: the file holds something that is not this model.
  /// Those are let pass whose names begin as `left_out` says, and the rotary frequencies of older versions.
  void require_all_taken(std::span<std::string const> left_out = {}) const {
    auto const is_left_out = [&](std::string const& name) {
      return std::ranges::any_of(left_out, [&](auto const& begin) { return name.starts_with(begin); });
    };
    std::string unknown;
    std::size_t count = 0;
    for (auto const& [name, tensor] : tensors_) {
      if (taken_.contains(name) || name.ends_with("rotary_emb.inv_freq") || is_left_out(name)) continue;
      if (++count <= 5) add_to_list(unknown, in_quotes(name));
    }
    if (count > 5) unknown += text_of(" and ", count - 5, " more");
    if (count > 0) throw error{folder_, text_of("unknown tensors: ", unknown), "the tensors of this architecture"};
  }

  /// How many tensors have names that begin so.
  [[nodiscard]] std::size_t count(std::string_view begin) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(tensors_, [&](auto const& named) { return named.first.starts_with(begin); }));
  }

  [[nodiscard]] safetensors const& tensors() const noexcept { return tensors_; }
  [[nodiscard]] std::filesystem::path folder() const { return folder_; }

  /// What must stay alive for as long as weights that were taken are used.
  [[nodiscard]] std::shared_ptr<void const> kept() const noexcept { return kept_; }

 private:
  struct storage {
    std::vector<std::shared_ptr<mapped_file const>> files;
    std::vector<std::vector<std::byte>> aligned_copies;
  };

  [[nodiscard]] static dtype dtype_of(std::string const& where, std::string const& name) {
    if (name == "F32") return dtype::float32;
    if (name == "BF16") return dtype::bfloat16;
    if (name == "F16") return dtype::float16;
    throw error{where, text_of("weights of dtype ", name, " cannot be run"), "F32, BF16, F16"};
  }

  /// Takes in a file, which must have these tensors among its own.
  void add(std::filesystem::path const& path, std::vector<std::string> const& named = {}) {
    auto file = open_safetensors(path);
    for (auto const& name : named)
      if (!file.tensors.contains(name))
        throw error{path.string(), text_of("the tensor ", in_quotes(name), " is not in it, as the index says")};
    kept_->files.push_back(std::move(file.storage));
    for (auto& [name, tensor] : file.tensors)
      if (!tensors_.emplace(name, std::move(tensor)).second)
        throw error{path.string(), text_of("the tensor ", in_quotes(name), " is in another shard too")};
  }

  void add_shards(std::filesystem::path const& folder, std::filesystem::path const& index) {
    auto const json = read_json(index);
    if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object() ||
        json["weight_map"].empty())
      throw error{index.string(), "it has no weight_map", R"({"weight_map": {"TENSOR": "FILE.safetensors", ...}})"};
    std::map<std::string, std::vector<std::string>> names_in;
    for (auto const& [name, file] : json["weight_map"].items()) {
      if (!file.is_string() || file.get<std::string>().find('/') != std::string::npos ||
          file.get<std::string>().starts_with('.'))
        throw error{index.string(), text_of("tensor ", in_quotes(name), " is in ", in_short(file)),
                    "the name of a file in the same folder"};
      names_in[file.get<std::string>()].push_back(name);
    }
    for (auto const& [file, names] : names_in) add(folder / file, names);
  }

  std::string folder_;
  std::shared_ptr<storage> kept_;
  safetensors tensors_;
  std::set<std::string, std::less<>> taken_;
};

}  // namespace headcount::v0::reference
