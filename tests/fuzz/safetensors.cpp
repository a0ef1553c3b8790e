// safetensors: tensors that are read lie in the file, fill its data without overlap, and are as large as their shapes.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/file/safetensors.hpp>

#include "target.hpp"

namespace {

constexpr std::size_t length_bytes = 8;

void check(std::string_view file) {
  using namespace headcount::reference;
  auto const bytes = std::as_bytes(std::span{file});
  auto const tensors = fuzz::read_or_refuse([&] { return parse_safetensors("f.safetensors", bytes); });
  if (!tensors) return;

  std::vector<std::pair<std::byte const*, std::byte const*>> places;
  for (auto const& [name, tensor] : *tensors) {
    std::size_t numbers = 1;
    for (auto const extent : tensor.shape) numbers *= extent;
    fuzz::require(tensor.bytes.size() == numbers * safetensors_dtype_bytes(tensor.dtype).value(),
                  "a tensor that is not as large as its shape");
    places.emplace_back(tensor.bytes.data(), tensor.bytes.data() + tensor.bytes.size());
  }
  std::size_t header = 0;
  for (std::size_t i = length_bytes; i-- > 0;) header = header << 8 | std::to_integer<std::size_t>(bytes[i]);
  auto const* at = bytes.data() + length_bytes + header;
  std::ranges::sort(places);
  for (auto const& [begin, end] : places) {
    fuzz::require(begin == at, "tensors that overlap or leave a hole");
    at = end;
  }
  fuzz::require(at == bytes.data() + bytes.size(), "data that no tensor holds");
}

/// The file with a length that fits its header, taken to end at the last "}": so that changes get beyond the length.
std::string with_length_of_header(std::string_view file) {
  std::string fitted{file};
  auto const last = file.rfind('}');
  if (last == file.npos || last < length_bytes) return fitted;
  for (std::size_t i = 0; i < length_bytes; ++i)
    fitted[i] = static_cast<char>((last + 1 - length_bytes) >> (8 * i) & 0xff);
  return fitted;
}

}  // namespace

int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const file = fuzz::text_of(data, size);
  check(file);
  check(with_length_of_header(file));
  return 0;
}
