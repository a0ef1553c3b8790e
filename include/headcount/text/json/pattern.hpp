#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <oniguruma.h>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/text/json/fields.hpp>

namespace headcount::v0::reference {

/// A stretch of a text, in bytes, and whether it is a match.
struct text_span {
  std::size_t begin;
  std::size_t end;
  bool is_match;
};

/// What a tokenizer looks for in texts: a text itself, or a regular expression as Oniguruma, the engine of Hugging
/// Face's tokenizers, reads it. Copies share it; searching is safe from several threads.
class text_pattern {
 public:
  /// The text itself. Throws headcount::error when it is empty.
  [[nodiscard]] static text_pattern of_text(std::string text, std::string const& where) {
    if (text.empty()) throw error{where, "it is empty", "a text to look for"};
    text_pattern made;
    made.text_ = std::move(text);
    return made;
  }
  /// A regular expression. Throws headcount::error with the engine's reason when it is none.
  [[nodiscard]] static text_pattern of_expression(std::string_view expression, std::string const& where) {
    static bool const ready = [] {
      OnigEncoding encodings[]{ONIG_ENCODING_UTF8};
      return onig_initialize(encodings, 1) == ONIG_NORMAL;
    }();
    auto const* const begin = reinterpret_cast<OnigUChar const*>(expression.data());
    regex_t* made = nullptr;
    OnigErrorInfo info{};
    auto const status = onig_new(&made, begin, begin + expression.size(), ONIG_OPTION_NONE, ONIG_ENCODING_UTF8,
                                 ONIG_SYNTAX_DEFAULT, &info);
    if (!ready || status != ONIG_NORMAL)
      throw error{where, text_of(in_quotes(std::string{expression}), ": ", said(status, &info))};
    text_pattern result;
    result.expression_ = {made, &onig_free};
    return result;
  }
  /// {"String": text} or {"Regex": expression}, as a field of a tokenizer.json.
  [[nodiscard]] static text_pattern read(json_fields& from, std::string const& key) {
    auto const& value = from.at(key);
    if (value.is_object() && value.size() == 1 && value.begin()->is_string()) {
      auto const content = value.begin()->get<std::string>();
      if (value.begin().key() == "String") return of_text(content, from.where(key));
      if (value.begin().key() == "Regex") return of_expression(content, from.where(key));
    }
    from.fail(key, R"({"String": text}, {"Regex": expression})");
  }

  /// The whole of a valid text as matches and what stands between them, in order. An empty match directly behind
  /// another match does not count. Throws headcount::error when the engine gives up. Linear in the text for patterns
  /// that match most of it.
  [[nodiscard]] std::vector<text_span> spans(std::string_view text) const {
    std::vector<text_span> all;
    std::size_t before = 0;
    auto const add = [&](std::size_t begin, std::size_t end) {
      if (before != begin) all.push_back({before, begin, false});
      all.push_back({begin, end, true});
      before = end;
    };
    if (expression_) find(text, add);
    else
      for (auto at = text.find(text_); at != text.npos; at = text.find(text_, at + text_.size()))
        add(at, at + text_.size());
    if (before != text.size()) all.push_back({before, text.size(), false});
    return all;
  }

  /// A valid text with every match replaced.
  [[nodiscard]] std::string replaced(std::string_view text, std::string_view content) const {
    std::string made;
    for (auto const& span : spans(text))
      made.append(span.is_match ? content : text.substr(span.begin, span.end - span.begin));
    return made;
  }

  /// Whether a match begins a text. Throws headcount::error when the engine gives up.
  [[nodiscard]] bool begins(std::string_view text) const {
    if (!expression_) return text.starts_with(text_);
    auto const* const begin = reinterpret_cast<OnigUChar const*>(text.data());
    auto const* const end = begin + text.size();
    return is_match(onig_match(expression_.get(), begin, end, begin, nullptr, ONIG_OPTION_NONE));
  }

 private:
  text_pattern() = default;

  template <class Add>
  void find(std::string_view text, Add const& add) const {
    std::unique_ptr<OnigRegion, void (*)(OnigRegion*)> const region{onig_region_new(),
                                                                    [](OnigRegion* one) { onig_region_free(one, 1); }};
    auto const* const begin = reinterpret_cast<OnigUChar const*>(text.data());
    auto const* const end = begin + text.size();
    std::size_t from = 0;
    std::size_t last_end = text.npos;
    while (from <= text.size()) {
      auto const at = onig_search(expression_.get(), begin, end, begin + from, end, region.get(), ONIG_OPTION_NONE);
      if (!is_match(at)) return;
      auto const first = static_cast<std::size_t>(region->beg[0]);
      auto const last = static_cast<std::size_t>(region->end[0]);
      if (first == last && first == last_end) {
        ++from;
        while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xc0u) == 0x80u) ++from;
        continue;
      }
      add(first, last);
      from = last_end = last;
    }
  }

  /// What the engine gave: Oniguruma stops after so many steps back, and then nobody knows.
  [[nodiscard]] static bool is_match(int at) {
    if (at < 0 && at != ONIG_MISMATCH)
      throw error{"text", text_of("the tokenizer's pattern gives up: ", said(at, nullptr))};
    return at >= 0;
  }

  [[nodiscard]] static std::string said(int status, OnigErrorInfo* info) {
    OnigUChar message[ONIG_MAX_ERROR_MESSAGE_LEN];
    auto const length =
        info != nullptr ? onig_error_code_to_str(message, status, info) : onig_error_code_to_str(message, status);
    return {reinterpret_cast<char const*>(message), static_cast<std::size_t>(length)};
  }

  std::string text_{};
  std::shared_ptr<regex_t> expression_{};
};

}  // namespace headcount::v0::reference
