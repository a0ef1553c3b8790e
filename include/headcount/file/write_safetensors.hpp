#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/file/write_file.hpp>

namespace headcount::v0::reference {

/// A tensor to be written; the values belong to the caller.
struct tensor_to_write {
  std::string name;
  std::string dtype;  ///< as safetensors names it
  std::vector<std::size_t> shape;
  std::span<std::byte const> bytes;
};

/// Numbers with a name and a shape, row-major. Float, int64 and uint8 numbers are known.
template <class Number>
  requires(std::is_same_v<Number, float> || std::is_same_v<Number, std::int64_t> ||
           std::is_same_v<Number, std::uint8_t>)
[[nodiscard]] tensor_to_write to_write(std::string name, std::vector<Number> const& values,
                                       std::vector<std::size_t> shape) {
  auto const* const dtype = std::is_same_v<Number, float> ? "F32" : std::is_same_v<Number, std::int64_t> ? "I64" : "U8";
  return {std::move(name), dtype, std::move(shape), std::as_bytes(std::span{values})};
}

/// Writes a safetensors file, all of it or nothing. Tensors should come widest numbers first, so that each is aligned.
/// `about` is what the file says of itself, under `__metadata__`. Throws headcount::error when the file cannot be
/// written.
inline void write_safetensors(std::filesystem::path const& path, std::span<tensor_to_write const> tensors,
                              std::map<std::string, std::string> const& about = {}) {
  auto header = nlohmann::ordered_json::object();
  if (!about.empty()) header["__metadata__"] = about;
  std::size_t offset = 0;
  for (auto const& tensor : tensors) {
    header[tensor.name] = {
        {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
  }
  auto text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::string length;
  for (std::size_t byte = 0; byte < 8; ++byte) length.push_back(static_cast<char>(text.size() >> (8 * byte) & 0xff));
  write_file(path, [&](auto const& write) {
    write(std::as_bytes(std::span{length}));
    write(std::as_bytes(std::span{text}));
    for (auto const& tensor : tensors) write(tensor.bytes);
  });
}

}  // namespace headcount::v0::reference
