#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/text/json/byte_letters.hpp>
#include <headcount/text/json/fields.hpp>
#include <headcount/text/json/pattern.hpp>
#include <headcount/text/json/split.hpp>
#include <headcount/text/json/unicode.hpp>

namespace headcount::v0::reference {

/// A piece of a text on its way to the vocabulary.
struct text_word {
  std::string text{};
  bool begins_text = false;  ///< it stands at the beginning of the whole text
};

/// Cuts a text into the words that are encoded each by itself. Linear in the text, as far as its patterns are.
/// Source: tokenizers, `pre_tokenizers`.
class pre_tokenizer {
 public:
  pre_tokenizer() = default;
  /// Reads the pre_tokenizer of a tokenizer.json. Throws headcount::error that names a type or field not implemented.
  explicit pre_tokenizer(json_fields from) { add(from); }

  [[nodiscard]] std::vector<text_word> operator()(text_word whole) const {
    words found;
    found.push_back(std::move(whole));
    for (auto const& apply : steps_) {
      words next;
      next.reserve(found.size());
      for (auto& word : found) apply(std::move(word), next);
      found = std::move(next);
    }
    return found;
  }

  /// Whether words are made of the letters of bytes.
  [[nodiscard]] bool is_byte_level() const noexcept { return is_byte_level_; }

 private:
  using words = std::vector<text_word>;

  static void cut(text_word const& word, std::vector<text_span> const& spans, split_behavior behavior, words& into) {
    for (auto const& one : split_at(spans, behavior))
      into.push_back({word.text.substr(one.begin, one.end - one.begin), word.begins_text && one.begin == 0});
  }

  void add(json_fields& from) {
    auto const type = from.text("type");
    if (type == "Sequence") {
      for (auto& one : from.list("pretokenizers")) add(one);
    } else if (type == "Split") {
      add_split(text_pattern::read(from, "pattern"), read_behavior(from, "behavior"), from.flag("invert"));
    } else if (type == "ByteLevel") {
      add_byte_level(from);
    } else if (type == "Metaspace") {
      add_metaspace(from);
    } else if (type == "Digits") {
      add_split(text_pattern::of_expression(R"(\p{N})", type),
                from.flag("individual_digits") ? split_behavior::isolated : split_behavior::contiguous);
    } else if (type == "Punctuation") {
      add_split(punctuation(),
                from.optional("behavior").is_null() ? split_behavior::isolated : read_behavior(from, "behavior"));
    } else {
      throw error{from.where(), text_of("the type ", in_quotes(type), " is not implemented"),
                  "Sequence, Split, ByteLevel, Metaspace, Digits, Punctuation"};
    }
    from.finish();
  }

  /// ASCII's signs, and what Unicode 8 calls punctuation: \p{P} of later versions less what they added or changed.
  [[nodiscard]] static text_pattern punctuation() {
    return text_pattern::of_expression(
        R"([!-/:-@\[-`{-~\x{166D}\x{111C9}]|[\p{P}&&[^\x{61D}\x{9FD}\x{A76}\x{C77}\x{C84}\x{1B7D}-\x{1B7E}\x{2E43}-\x{2E4F})"
        R"(\x{2E52}-\x{2E5D}\x{10EAD}\x{10F55}-\x{10F59}\x{10F86}-\x{10F89}\x{1144B}-\x{1144F}\x{1145A}-\x{1145B})"
        R"(\x{1145D}\x{11660}-\x{1166C}\x{116B9}\x{1183B}\x{11944}-\x{11946}\x{119E2}\x{11A3F}-\x{11A46})"
        R"(\x{11A9A}-\x{11A9C}\x{11A9E}-\x{11AA2}\x{11C41}-\x{11C45}\x{11C70}-\x{11C71}\x{11EF7}-\x{11EF8}\x{11FFF})"
        R"(\x{12FF1}-\x{12FF2}\x{16E97}-\x{16E9A}\x{16FE2}\x{1E95E}-\x{1E95F}]])",
        "Punctuation");
  }

  void add_split(text_pattern pattern, split_behavior behavior, bool invert = false) {
    steps_.emplace_back([pattern = std::move(pattern), behavior, invert](text_word const& word, words& into) {
      auto spans = pattern.spans(word.text);
      if (invert)
        for (auto& one : spans) one.is_match = !one.is_match;
      cut(word, spans, behavior, into);
    });
  }

  void add_byte_level(json_fields& from) {
    bool const adds_space = from.flag("add_prefix_space");
    bool const cuts = from.flag("use_regex", true);
    from.pass_over({"trim_offsets"});
    is_byte_level_ = true;
    // Source: GPT-2's encoder.py.
    static auto const gpt2 = text_pattern::of_expression(
        R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", "ByteLevel");
    steps_.emplace_back([adds_space, cuts](text_word word, words& into) {
      if (adds_space && !word.text.starts_with(' ')) word.text.insert(0, " ");
      auto const first = into.size();
      if (cuts) cut(word, gpt2.spans(word.text), split_behavior::isolated, into);
      else into.push_back(std::move(word));
      for (auto i = first; i < into.size(); ++i) into[i].text = as_byte_letters(into[i].text);
    });
  }

  /// Spaces become a sign that words are cut before.
  void add_metaspace(json_fields& from) {
    auto const sign = from.text("replacement");
    if (sign.empty() || first_code_point(sign).bytes != sign.size()) from.fail("replacement", "one sign");
    auto const scheme = from.optional("prepend_scheme").is_null() ? "always" : from.text("prepend_scheme");
    if (scheme != "always" && scheme != "first" && scheme != "never")
      from.fail("prepend_scheme", "always, first, never");
    if (!from.flag("add_prefix_space", true) && scheme != "never")
      from.fail("add_prefix_space", R"(true, or "prepend_scheme": "never" beside it)");
    bool const cuts = from.flag("split", true);
    from.pass_over({"str_rep"});
    steps_.emplace_back([sign, scheme, cuts, space = text_pattern::of_text(" ", "Metaspace"),
                         mark = text_pattern::of_text(sign, "Metaspace")](text_word word, words& into) {
      word.text = space.replaced(word.text, sign);
      bool const may_begin = scheme == "always" || (scheme == "first" && word.begins_text);
      if (may_begin && !word.text.starts_with(sign)) word.text.insert(0, sign);
      if (cuts) cut(word, mark.spans(word.text), split_behavior::merged_with_next, into);
      else into.push_back(std::move(word));
    });
  }

  std::vector<std::function<void(text_word, words&)>> steps_{};
  bool is_byte_level_ = false;
};

}  // namespace headcount::v0::reference
