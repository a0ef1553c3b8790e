#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/text/json/fields.hpp>
#include <headcount/text/json/unicode.hpp>

namespace headcount::v0::reference {

/// Byte-pair encoding: a word's letters are joined pair by pair, the earliest merge of the list first and the leftmost
/// of equals, until none applies. n log n in a word's n letters. Source: tokenizers, `models::bpe`.
class byte_pairs {
 public:
  /// Reads the model of a tokenizer.json. Throws headcount::error that names the type or field that is not implemented,
  /// a piece without an id, or a merge of pieces that are not there.
  explicit byte_pairs(json_fields from) {
    if (!from.optional("type").is_null() && from.text("type") != "BPE")
      throw error{from.where(), text_of("the type ", in_quotes(from.text("type")), " is not implemented"), "BPE"};
    read_vocabulary(from);
    read_merges(from);
    for (auto const* key : {"continuing_subword_prefix", "end_of_word_suffix"})
      if (auto const& value = from.optional(key); !value.is_null() && value != "") from.fail(key, R"(null, "")");
    if (auto const& dropout = from.optional("dropout"); !dropout.is_null() && dropout != 0)
      from.fail("dropout", "null");
    if (!from.optional("unk_token").is_null()) {
      unknown_ = id_of(from.text("unk_token"));
      if (!unknown_) from.fail("unk_token", "null, a piece of the vocabulary");
    }
    fuses_unknown_ = from.flag("fuse_unk", false);
    ignores_merges_ = from.flag("ignore_merges", false);
    if (from.flag("byte_fallback", false)) find_bytes();
    from.finish();
  }

  /// Pieces in the vocabulary, without added tokens.
  [[nodiscard]] std::size_t size() const noexcept { return ids_.size(); }
  [[nodiscard]] std::optional<token> id_of(std::string_view piece) const {
    auto const found = ids_.find(piece);
    return found == ids_.end() ? std::nullopt : std::optional{found->second};
  }
  /// The piece of an id; null when there is none.
  [[nodiscard]] std::string const* piece_of(token id) const {
    auto const found = pieces_.find(id);
    return found == pieces_.end() ? nullptr : &found->second;
  }

  /// Adds the tokens of a word, which is valid UTF-8. Letters that the vocabulary does not know become tokens of their
  /// bytes, or the unknown token, or nothing, as the file says.
  void encode(std::string_view word, std::vector<token>& into) const {
    if (ignores_merges_)
      if (auto const whole = id_of(word)) return into.push_back(*whole);
    auto letters = letters_of(word);
    join(letters);
    for (auto const& one : letters)
      if (one.is_there) into.push_back(one.id);
  }

 private:
  struct text_hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  struct merge {
    std::uint32_t rank;
    token made;
  };
  struct letter {
    token id;
    std::size_t previous;
    std::size_t next;
    bool is_there = true;
  };
  static constexpr auto none = (std::numeric_limits<std::size_t>::max)();

  [[nodiscard]] static std::uint64_t pair_of(token left, token right) noexcept {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32u | static_cast<std::uint32_t>(right);
  }

  void read_vocabulary(json_fields& from) {
    auto const& vocabulary = from.at("vocab");
    if (!vocabulary.is_object()) throw error{from.where("vocab"), "it is no object", R"({"PIECE": ID, ...})"};
    for (auto const& [piece, value] : vocabulary.items()) {
      if (!value.is_number_unsigned() || value >= 1u << 24u)
        throw error{from.where("vocab"), text_of("the piece ", in_quotes(piece), " has no id"), "0 to 2^24 - 1"};
      auto const id = value.get<token>();
      ids_.emplace(piece, id);
      pieces_.emplace(id, piece);  // of two that share an id, as a sign and its byte, the first in code order
    }
  }

  void read_merges(json_fields& from) {
    auto const& list = from.at("merges");
    if (!list.is_array()) from.fail("merges", R"(["LEFT RIGHT", ...], [["LEFT", "RIGHT"], ...])");
    std::uint32_t rank = 0;
    for (auto const& one : list) {
      std::string left;
      std::string right;
      if (one.is_array() && one.size() == 2 && one[0].is_string() && one[1].is_string()) {
        left = one[0].get<std::string>();
        right = one[1].get<std::string>();
      } else if (one.is_string()) {
        auto const text = one.get<std::string>();
        if (text.starts_with("#version")) continue;
        auto const space = text.find(' ');
        if (space != text.npos && text.find(' ', space + 1) == text.npos) {
          left = text.substr(0, space);
          right = text.substr(space + 1);
        }
      }
      auto const where = text_of(from.where("merges"), "[", rank, "]");
      if (left.empty() || right.empty()) throw error{where, text_of(in_short(one), " is no pair")};
      auto const known = [&](std::string const& piece) {
        if (auto const id = id_of(piece)) return *id;
        throw error{where, text_of("the piece ", in_quotes(piece), " is not in the vocabulary")};
      };
      merges_.insert_or_assign(pair_of(known(left), known(right)), merge{rank, known(left + right)});
      ++rank;
    }
  }

  /// Where every byte is a piece "<0xNN>", bytes are what unknown letters fall back to; else those whose bytes all are.
  void find_bytes() {
    constexpr std::string_view digits = "0123456789ABCDEF";
    for (std::size_t byte = 0; byte < 256; ++byte)
      bytes_[byte] = id_of(std::string{"<0x"} + digits[byte / 16] + digits[byte % 16] + ">");
  }

  [[nodiscard]] std::vector<letter> letters_of(std::string_view word) const {
    std::vector<letter> letters;
    letters.reserve(word.size());
    auto const add = [&](token id) { letters.push_back({id, letters.size() - 1, letters.size() + 1}); };
    bool unknown = false;  // one that is not added yet, as it takes in what follows
    while (!word.empty()) {
      auto const text = word.substr(0, first_code_point(word).bytes);
      word.remove_prefix(text.size());
      if (auto const id = id_of(text)) {
        if (std::exchange(unknown, false)) add(*unknown_);
        add(*id);
      } else if (has_bytes(text)) {
        for (char const byte : text) add(*bytes_[static_cast<unsigned char>(byte)]);
      } else if (unknown_) {
        if (unknown && !fuses_unknown_) add(*unknown_);
        unknown = true;
      }
    }
    if (unknown) add(*unknown_);
    if (!letters.empty()) letters.back().next = none;
    return letters;
  }

  [[nodiscard]] bool has_bytes(std::string_view text) const {
    for (char const byte : text)
      if (!bytes_[static_cast<unsigned char>(byte)]) return false;
    return true;
  }

  void join(std::vector<letter>& letters) const {
    struct candidate {
      std::uint32_t rank;
      std::size_t place;
      token made;
      [[nodiscard]] bool operator>(candidate const& other) const noexcept {
        return rank != other.rank ? rank > other.rank : place > other.place;
      }
    };
    std::priority_queue<candidate, std::vector<candidate>, std::greater<>> queue;
    auto const merge_at = [&](std::size_t place) {
      auto const next = letters[place].next;
      return next == none ? merges_.end() : merges_.find(pair_of(letters[place].id, letters[next].id));
    };
    auto const consider = [&](std::size_t place) {
      if (auto const found = merge_at(place); found != merges_.end())
        queue.push({found->second.rank, place, found->second.made});
    };
    for (std::size_t place = 0; place < letters.size(); ++place) consider(place);
    while (!queue.empty()) {
      auto const best = queue.top();
      queue.pop();
      auto& left = letters[best.place];
      if (!left.is_there) continue;
      if (auto const found = merge_at(best.place); found == merges_.end() || found->second.made != best.made) continue;
      auto& right = letters[left.next];
      left.id = best.made;
      left.next = right.next;
      right.is_there = false;
      if (left.next != none) letters[left.next].previous = best.place;
      if (left.previous != none) consider(left.previous);
      consider(best.place);
    }
  }

  std::unordered_map<std::string, token, text_hash, std::equal_to<>> ids_{};
  std::unordered_map<token, std::string> pieces_{};
  std::unordered_map<std::uint64_t, merge> merges_{};
  std::array<std::optional<token>, 256> bytes_{};
  std::optional<token> unknown_{};
  bool fuses_unknown_ = false;
  bool ignores_merges_ = false;
};

}  // namespace headcount::v0::reference
