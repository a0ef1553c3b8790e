#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include <headcount/version.hpp>

namespace headcount::v0::reference {

/// Writes the wire format of protocol buffers, as much of it as a SentencePiece model needs: numbers, float32, texts
/// and messages, which are texts too. Source: the encoding chapter of the Protocol Buffers documentation.
class protobuf_writer {
 public:
  void add_number(unsigned field, std::uint64_t value) {
    add_varint(field << 3u);
    add_varint(value);
  }
  void add_float(unsigned field, float value) {
    add_varint(field << 3u | 5u);
    auto const bits = std::bit_cast<std::uint32_t>(value);
    for (unsigned shift = 0; shift < 32; shift += 8) bytes_ += static_cast<char>(bits >> shift & 0xffu);
  }
  void add_text(unsigned field, std::string_view value) {
    add_varint(field << 3u | 2u);
    add_varint(value.size());
    bytes_ += value;
  }

  [[nodiscard]] std::string const& bytes() const noexcept { return bytes_; }

 private:
  void add_varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7u) bytes_ += static_cast<char>(value | 0x80u);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

}  // namespace headcount::v0::reference
