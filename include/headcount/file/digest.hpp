#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <headcount/file/mapped_file.hpp>

namespace headcount::v0 {

/// 64 bits of XXH3 over a text, the same on every machine. Not cryptographic.
[[nodiscard]] inline std::uint64_t hash_of(std::string_view text) noexcept {
  return XXH3_64bits(text.data(), text.size());
}

/// `digits` hexadecimal digits of a number, the most significant first.
[[nodiscard]] inline std::string hexadecimal(std::uint64_t number, int digits = 16) {
  std::string text;
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) text.push_back("0123456789abcdef"[number >> shift & 15]);
  return text;
}

/// The identity of content: XXH3-128 over what is added, in that order. The same on every machine. Not cryptographic.
/// O(bytes).
class digest {
 public:
  digest() noexcept { XXH3_128bits_reset(&state_); }

  /// Adds bytes; where they end does not count.
  digest& add(std::span<std::byte const> bytes) noexcept {
    XXH3_128bits_update(&state_, bytes.data(), bytes.size());
    return *this;
  }

  /// Adds a text and how long it is, so that "ab" and "c" are not "a" and "bc".
  digest& add(std::string_view text) noexcept {
    std::array<std::byte, 8> size{};
    for (std::size_t i = 0; i < 8; ++i) size[i] = static_cast<std::byte>(std::uint64_t{text.size()} >> 8 * i & 0xff);
    return add(size).add(std::as_bytes(std::span{text}));
  }

  /// Adds the bytes of a file, whatever it is called, as a text. Throws headcount::error when it cannot be read.
  digest& add_file(std::filesystem::path const& path) {
    reference::mapped_file const file{path};
    return add({reinterpret_cast<char const*>(file.bytes().data()), file.bytes().size()});
  }

  /// Of all that was added so far, 32 hexadecimal digits.
  [[nodiscard]] std::string text() const {
    auto const sum = XXH3_128bits_digest(&state_);
    return hexadecimal(sum.high64) + hexadecimal(sum.low64);
  }

 private:
  XXH3_state_t state_;
};

/// The digest of a file's bytes. Throws headcount::error when it cannot be read.
[[nodiscard]] inline std::string digest_of_file(std::filesystem::path const& path) {
  return digest{}.add_file(path).text();
}

}  // namespace headcount::v0
