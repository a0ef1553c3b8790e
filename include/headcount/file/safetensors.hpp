#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/mapped_file.hpp>

namespace headcount::v0::reference {

/// One tensor of a safetensors file, where it lies.
struct stored_tensor {
  std::string dtype;  ///< as the file names it, e.g. "BF16"
  std::vector<std::size_t> shape;
  std::span<std::byte const> bytes;  ///< row-major, little-endian
};

/// Bytes of one number of a safetensors dtype; nullopt for a dtype that is not known or not made of whole bytes.
[[nodiscard]] inline std::optional<std::size_t> safetensors_dtype_bytes(std::string_view dtype) {
  if (dtype.find(' ') != std::string_view::npos) return std::nullopt;
  for (auto const& [bytes, names] :
       {std::pair{std::size_t{1}, std::string_view{" BOOL U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ "}},
        {2, " I16 U16 F16 BF16 "},
        {4, " I32 U32 F32 "},
        {8, " C64 F64 I64 U64 "}})
    if (names.find(text_of(" ", dtype, " ")) != std::string_view::npos) return bytes;
  return std::nullopt;
}

/// Prints a shape as "[2, 3]".
[[nodiscard]] inline std::string print_shape(std::span<std::size_t const> shape) {
  std::string text;
  for (auto const extent : shape) add_to_list(text, text_of(extent));
  return text_of("[", text, "]");
}

/// A safetensors file: every tensor by its name. The bytes belong to the memory it was read from.
/// Format: https://github.com/huggingface/safetensors, checked as its reference implementation does, and stricter: a
/// header starts with "{" and names no tensor twice.
using safetensors = std::map<std::string, stored_tensor, std::less<>>;

namespace detail {

/// A whole number of JSON that fits a size; nullopt otherwise.
[[nodiscard]] inline std::optional<std::size_t> json_size(nlohmann::json const& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  return value.get<std::size_t>();
}

/// Bytes that a shape of a dtype takes; nullopt when it overflows.
[[nodiscard]] inline std::optional<std::size_t> bytes_of_shape(std::span<std::size_t const> shape,
                                                               std::size_t element) {
  std::size_t bytes = element;
  for (auto const extent : shape) {
    if (extent != 0 && bytes > (std::numeric_limits<std::size_t>::max)() / extent) return std::nullopt;
    bytes *= extent;
  }
  return bytes;
}

/// One header entry. `data` is everything after the header.
[[nodiscard]] inline stored_tensor read_tensor_entry(std::string const& where, nlohmann::json const& entry,
                                                     std::span<std::byte const> data) {
  auto const is_list = [&](char const* key) { return entry.contains(key) && entry[key].is_array(); };
  if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") || !entry["dtype"].is_string() ||
      !is_list("shape") || !is_list("data_offsets") || entry["data_offsets"].size() != 2)
    throw error{where, "malformed header entry", R"({"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]})"};
  stored_tensor tensor{.dtype = entry["dtype"].get<std::string>(), .shape = {}, .bytes = {}};
  for (auto const& extent : entry["shape"]) {
    auto const size = json_size(extent);
    if (!size) throw error{where, text_of("extent ", in_short(extent), " in its shape"), "whole numbers"};
    tensor.shape.push_back(*size);
  }
  auto const element = safetensors_dtype_bytes(tensor.dtype);
  if (!element)
    throw error{where, text_of("unknown dtype ", in_quotes(tensor.dtype)),
                "safetensors' dtypes of whole bytes, e.g. F32, BF16, F16, I64, U8"};
  auto const begin = json_size(entry["data_offsets"][0]);
  auto const end = json_size(entry["data_offsets"][1]);
  if (!begin || !end || *end < *begin)
    throw error{where, text_of("data_offsets ", in_short(entry["data_offsets"]), " are no range"),
                "[begin, end] with begin <= end"};
  auto const needed = bytes_of_shape(tensor.shape, *element);
  if (!needed || *needed != *end - *begin)
    throw error{where,
                text_of(tensor.dtype, " ", print_shape(tensor.shape), " needs ", needed ? text_of(*needed) : "too many",
                        " bytes, its data_offsets hold ", *end - *begin)};
  if (*end > data.size())
    throw error{where, text_of("truncated: it ends at byte ", *end, " of the data, the file holds ", data.size())};
  tensor.bytes = data.subspan(*begin, *end - *begin);
  return tensor;
}

}  // namespace detail

/// Reads a safetensors file that lies in memory; `what` names it in error messages. `about` gets what it says of
/// itself. Throws headcount::error that names the tensor and both numbers where something does not fit. O(header).
[[nodiscard]] inline safetensors parse_safetensors(std::string const& what, std::span<std::byte const> file,
                                                   std::map<std::string, std::string>* about = nullptr) {
  constexpr std::size_t length_bytes = 8;
  constexpr std::size_t largest_header = 100'000'000;
  if (file.size() < length_bytes)
    throw error{what, text_of("not a safetensors file: ", file.size(), " bytes, at least 8 are needed")};
  std::uint64_t length = 0;
  for (std::size_t i = length_bytes; i-- > 0;) length = length << 8 | std::to_integer<std::uint64_t>(file[i]);
  if (length > largest_header)
    throw error{what, text_of("not a safetensors file: a header of ", length, " bytes"), "at most 100000000"};
  if (length > file.size() - length_bytes)
    throw error{what, text_of("truncated: a header of ", length, " bytes in a file of ", file.size())};
  std::string_view const header{reinterpret_cast<char const*>(file.data()) + length_bytes, length};
  if (!header.starts_with('{')) throw error{what, "not a safetensors file: its header does not start with \"{\""};
  auto const json = parse_json(text_of(what, ", header"), header);
  auto const data = file.subspan(length_bytes + length);

  safetensors tensors;
  std::multimap<std::pair<std::size_t, std::size_t>, std::string> by_offset;  // of [begin, end) in the data
  for (auto const& [name, entry] : json.items()) {
    if (name == "__metadata__") {
      if (entry.is_null()) continue;  // as the reference reads it: nothing is said
      bool const strings = std::ranges::all_of(entry, [](auto const& value) { return value.is_string(); });
      if (!entry.is_object() || !strings) throw error{what, "__metadata__ holds more than strings", "a map of strings"};
      if (about != nullptr) entry.get_to(*about);
      continue;
    }
    auto tensor = detail::read_tensor_entry(text_of(what, ", tensor ", in_quotes(name)), entry, data);
    auto const begin = static_cast<std::size_t>(tensor.bytes.data() - data.data());
    by_offset.emplace(std::pair{begin, begin + tensor.bytes.size()}, name);
    tensors.emplace(name, std::move(tensor));
  }
  std::size_t covered = 0;
  for (auto const& [range, name] : by_offset) {
    if (range.first != covered)
      throw error{text_of(what, ", tensor ", in_quotes(name)),
                  text_of("its data begins at byte ", range.first, ", the data before it ends at ", covered)};
    covered = range.second;
  }
  if (covered != data.size()) throw error{what, text_of(data.size(), " bytes of data, its tensors fill ", covered)};
  return tensors;
}

/// A safetensors file on disk, mapped into memory.
struct safetensors_file {
  std::shared_ptr<mapped_file const> storage;
  safetensors tensors;
  std::map<std::string, std::string> about{};  ///< what it says of itself, under `__metadata__`
};

/// Opens a safetensors file. Throws headcount::error when it cannot be read or is malformed.
[[nodiscard]] inline safetensors_file open_safetensors(std::filesystem::path const& path) {
  auto storage = std::make_shared<mapped_file const>(path);
  std::map<std::string, std::string> about;
  auto tensors = parse_safetensors(path.string(), storage->bytes(), &about);
  return {std::move(storage), std::move(tensors), std::move(about)};
}

}  // namespace headcount::v0::reference
