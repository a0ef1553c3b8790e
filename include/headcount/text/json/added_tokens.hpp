#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <headcount/core/token.hpp>
#include <headcount/text/json/pattern.hpp>
#include <headcount/text/json/unicode.hpp>

namespace headcount::v0::reference {

/// A token that stands in texts by its own name, as "<start_of_turn>" does, whatever the vocabulary makes of it.
struct added_token {
  std::string content{};
  token id = 0;
  bool single_word = false;  ///< not inside a word
  bool lstrip = false;       ///< takes in the white space before it
  bool rstrip = false;       ///< takes in the white space behind it
  bool normalized = false;   ///< looked for in the normalised text, by its normalised name
  bool special = false;      ///< no part of the text that is said: left out when tokens become text
};

/// Finds added tokens in texts, the leftmost and of these the longest. At most as many steps a byte as the longest name
/// has bytes. Source: tokenizers, `AddedVocabulary::find_matches`.
class added_token_finder {
 public:
  void add(added_token one) {
    if (one.content.empty()) return;
    std::uint32_t node = 0;
    for (char const byte : one.content) {
      auto const [next, is_new] = edges_.emplace(edge(node, byte), static_cast<std::uint32_t>(found_.size()));
      if (is_new) found_.push_back(none);
      node = next->second;
    }
    if (found_[node] == none) {
      found_[node] = tokens_.size();
      tokens_.push_back(std::move(one));
    } else {
      tokens_[found_[node]] = std::move(one);
    }
  }

  /// Calls `plain(text, place)` for what stands between tokens and `known(id)` for each token, in order.
  template <class Plain, class Known>
  void split(std::string_view text, Plain const& plain, Known const& known) const {
    std::size_t done = 0;
    for (std::size_t at = 0; at < text.size() && !tokens_.empty();) {
      auto const [one, bytes] = longest_at(text.substr(at));
      if (one == nullptr) {
        ++at;
        continue;
      }
      auto begin = at;
      auto end = at += bytes;
      if (one->single_word && touches_word(text, begin, end)) continue;
      if (one->lstrip) begin = (std::max)(without_trailing_space(text.substr(0, begin)).size(), done);
      if (one->rstrip) end = text.size() - without_leading_space(text.substr(end)).size();
      if (done < begin) plain(text.substr(done, begin - done), done);
      known(one->id);
      done = end;
    }
    if (done < text.size()) plain(text.substr(done), done);
  }

 private:
  static constexpr auto none = static_cast<std::size_t>(-1);

  [[nodiscard]] static std::uint64_t edge(std::uint32_t node, char byte) noexcept {
    return std::uint64_t{node} << 8u | static_cast<unsigned char>(byte);
  }

  [[nodiscard]] std::pair<added_token const*, std::size_t> longest_at(std::string_view text) const {
    std::pair<added_token const*, std::size_t> longest{};
    std::uint32_t node = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      auto const next = edges_.find(edge(node, text[i]));
      if (next == edges_.end()) break;
      node = next->second;
      if (found_[node] != none) longest = {&tokens_[found_[node]], i + 1};
    }
    return longest;
  }

  /// Whether a letter, mark, digit, connector or joiner stands directly before or behind.
  [[nodiscard]] static bool touches_word(std::string_view text, std::size_t begin, std::size_t end) {
    static auto const word =
        text_pattern::of_expression(R"([\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}])", "single_word");
    if (end < text.size() && word.begins(text.substr(end))) return true;
    if (begin == 0) return false;
    auto last = begin - 1;
    while (last > 0 && (static_cast<unsigned char>(text[last]) & 0xc0u) == 0x80u) --last;
    return word.begins(text.substr(last));
  }

  std::unordered_map<std::uint64_t, std::uint32_t> edges_{};
  std::vector<std::size_t> found_{none};  ///< the token that ends at each node
  std::vector<added_token> tokens_{};
};

}  // namespace headcount::v0::reference
