#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>

namespace headcount::v0 {

/// A sentence that cannot be understood, and where: for whoever can show the spot.
class sentence_error : public error {
 public:
  sentence_error(std::string_view what, std::string_view text, std::size_t position, std::string_view problem,
                 std::string_view allowed)
      : error{text_of(what, " \"", text, "\""), text_of("column ", position + 1, ": ", problem), allowed},
        caret_{text_of("  ", on_one_line(text), "\n  ", std::string(on_one_line(text.substr(0, position)).size(), ' '),
                       "^")} {}

  /// The sentence and, in a line below it, a caret under the spot.
  [[nodiscard]] std::string const& caret() const noexcept { return caret_; }

 private:
  std::string caret_;
};

/// Walks over a sentence and says where it broke: by throwing, or, where it is given a place for the first mistake, by
/// leaving it there. Who calls fail() returns.
class sentence_reader {
 public:
  /// `what` is what error messages call the text, e.g. "policy sentence"; `mistake` outlives the reader.
  sentence_reader(std::string_view what, std::string_view text,
                  std::optional<sentence_error>* mistake = nullptr) noexcept
      : what_{what}, text_{text}, end_{text.size()}, mistake_{mistake} {
    skip_space();
  }

  /// Whether a mistake was found; where that throws, there is none.
  [[nodiscard]] bool failed() const noexcept { return mistake_ != nullptr && *mistake_; }

  [[nodiscard]] bool at_end() const noexcept { return at_ == end_; }
  [[nodiscard]] std::size_t position() const noexcept { return at_; }

  /// Where a piece that was taken from this sentence stands in it.
  [[nodiscard]] std::size_t position_of(std::string_view piece) const noexcept {
    return static_cast<std::size_t>(piece.data() - text_.data());
  }

  /// A reader of one piece of the sentence, for parts inside a part; errors still speak of the whole sentence. Fails
  /// where parts stand so deep inside each other that no honest sentence does.
  [[nodiscard]] sentence_reader within(std::string_view piece) const {
    constexpr std::size_t deepest = 16;
    auto inner = *this;
    inner.at_ = position_of(piece);
    inner.end_ = inner.at_ + piece.size();
    if (++inner.depth_ > deepest) fail(inner.at_, text_of("parts are nested more than ", deepest, " deep"));
    return inner;
  }

  /// Steps over `sign` if it comes next.
  bool take(char sign) noexcept {
    if (at_end() || text_[at_] != sign) return false;
    ++at_;
    skip_space();
    return true;
  }

  /// Whether a comma comes next, and behind it a name with "=": the end of a list whose items have no names.
  [[nodiscard]] bool names_next() const noexcept {
    auto ahead = *this;
    return ahead.take(',') && !ahead.take_word().empty() && ahead.take('=');
  }

  /// A name: letters, digits and underscores; empty when something else comes next.
  [[nodiscard]] std::string_view take_word() noexcept {
    auto const begin = at_;
    while (!at_end() && is_word(text_[at_])) ++at_;
    return finish(begin);
  }

  /// Everything up to the next of `ends` that is not inside parentheses or quotes, trimmed.
  [[nodiscard]] std::string_view take_until(std::string_view ends) noexcept {
    auto const begin = at_;
    bool quoted = false;
    for (int depth = 0; !at_end(); ++at_) {
      char const sign = text_[at_];
      if (sign == '"') quoted = !quoted;
      if (quoted) continue;
      if (depth == 0 && ends.find(sign) != std::string_view::npos) break;
      if (sign == '(') ++depth;
      if (sign == ')') --depth;
    }
    return finish(begin);
  }

  /// A mistake at `position` (from 0; the message counts from 1): throws sentence_error, or keeps the first.
  void fail(std::size_t position, std::string_view problem, std::string_view allowed = {}) const {
    if (mistake_ == nullptr) raise(error_at(position, problem, allowed));
    if (!*mistake_) mistake_->emplace(error_at(position, problem, allowed));
  }
  [[nodiscard]] sentence_error error_at(std::size_t position, std::string_view problem,
                                        std::string_view allowed = {}) const {
    return {what_, text_, position, problem, allowed};
  }

  /// What stands at `position`, for error messages: `"word"`, or "the end".
  [[nodiscard]] std::string found(std::size_t position) const {
    if (position >= end_) return "the end";
    auto length = std::size_t{1};
    while (is_word(text_[position]) && position + length < end_ && is_word(text_[position + length])) ++length;
    return text_of("\"", text_.substr(position, length), "\"");
  }

 private:
  [[nodiscard]] static constexpr bool is_word(char sign) noexcept {
    return (sign >= 'a' && sign <= 'z') || (sign >= 'A' && sign <= 'Z') || (sign >= '0' && sign <= '9') || sign == '_';
  }
  [[nodiscard]] static constexpr bool is_space(char sign) noexcept { return sign == ' ' || sign == '\t'; }

  void skip_space() noexcept {
    while (!at_end() && is_space(text_[at_])) ++at_;
  }

  /// The text from `begin` to here without the spaces at its end; steps over those after it.
  [[nodiscard]] std::string_view finish(std::size_t begin) noexcept {
    auto end = at_;
    while (end > begin && is_space(text_[end - 1])) --end;
    skip_space();
    return text_.substr(begin, end - begin);
  }

  std::string_view what_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  std::size_t depth_ = 0;  ///< of the piece it reads, in parts inside parts
  std::optional<sentence_error>* mistake_ = nullptr;
};

}  // namespace headcount::v0
