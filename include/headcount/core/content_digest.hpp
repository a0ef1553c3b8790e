#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <headcount/version.hpp>

namespace headcount::v0 {

/// Tells what is in large values apart: 128 bits over all that is added, in order. A type that files of sentences may
/// hold says what of it counts in a member `void add_to(content_digest&) const`. Not cryptographic; the same on every
/// little-endian machine; O(bytes).
/// Source: Appleby 2011, MurmurHash3_x64_128, each addition seeded with what the one before left.
class content_digest {
 public:
  void add_bytes(void const* data, std::size_t size) noexcept {
    constexpr std::uint64_t first = 0x87c37b91114253d5;
    constexpr std::uint64_t second = 0x4cf5ad432745937f;
    auto const mix_high = [&](std::uint64_t block) { high_ ^= std::rotl(block * first, 31) * second; };
    auto const mix_low = [&](std::uint64_t block) { low_ ^= std::rotl(block * second, 33) * first; };
    auto const* at = static_cast<unsigned char const*>(data);
    auto left = size;
    for (; left >= 16; at += 16, left -= 16) {
      mix_high(read(at, 8));
      high_ = (std::rotl(high_, 27) + low_) * 5 + 0x52dce729;
      mix_low(read(at + 8, 8));
      low_ = (std::rotl(low_, 31) + high_) * 5 + 0x38495ab5;
    }
    if (left > 8) mix_low(read(at + 8, left - 8));
    if (left > 0) mix_high(read(at, left < 8 ? left : 8));
    high_ ^= size;
    low_ ^= size;
    high_ += low_;
    low_ += high_;
    high_ = scramble(high_);
    low_ = scramble(low_);
    high_ += low_;
    low_ += high_;
  }

  void add(std::string_view text) noexcept { add_bytes(text.data(), text.size()); }

  template <class Number>
    requires std::is_arithmetic_v<Number>
  void add(Number number) noexcept {
    add_bytes(&number, sizeof(number));
  }

  /// A list, and how long it is.
  template <class Item>
  void add(std::vector<Item> const& items) noexcept {
    if constexpr (std::is_arithmetic_v<Item>) {
      add_bytes(items.data(), items.size() * sizeof(Item));
    } else {
      add(items.size());
      for (auto const& item : items) add(item);
    }
  }

  template <class Content>
    requires requires(Content const& content, content_digest& to) { content.add_to(to); }
  void add(Content const& content) noexcept {
    content.add_to(*this);
  }

  /// 32 hexadecimal digits.
  [[nodiscard]] std::string text() const {
    std::string digits;
    for (auto const number : {high_, low_})
      for (int shift = 60; shift >= 0; shift -= 4) digits.push_back("0123456789abcdef"[number >> shift & 15]);
    return digits;
  }

  [[nodiscard]] friend bool operator==(content_digest const&, content_digest const&) = default;

 private:
  /// Up to 8 bytes as a number, the first the lowest.
  [[nodiscard]] static std::uint64_t read(unsigned char const* bytes, std::size_t count) noexcept {
    std::uint64_t number = 0;
    std::memcpy(&number, bytes, count);
    return number;
  }
  [[nodiscard]] static std::uint64_t scramble(std::uint64_t number) noexcept {
    number = (number ^ number >> 33) * 0xff51afd7ed558ccd;
    number = (number ^ number >> 33) * 0xc4ceb9fe1a85ec53;
    return number ^ number >> 33;
  }

  std::uint64_t high_ = 0;
  std::uint64_t low_ = 0;
};

/// The digest of a value's content.
template <class Content>
[[nodiscard]] content_digest digest_of(Content const& content) noexcept {
  content_digest digest;
  digest.add(content);
  return digest;
}

}  // namespace headcount::v0
