#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/text/json/fields.hpp>
#include <headcount/text/json/normal_form.hpp>
#include <headcount/text/json/pattern.hpp>
#include <headcount/text/json/unicode.hpp>

namespace headcount::v0::reference {

/// A text's form before it is cut: normal forms, replacements, what is put before it, one after the other. Linear in
/// the text. Source: tokenizers, `normalizers`.
class text_normalizer {
 public:
  text_normalizer() = default;
  /// Reads the normalizer of a tokenizer.json. Throws headcount::error that names a type or field not implemented.
  explicit text_normalizer(json_fields from) { add(from); }

  [[nodiscard]] std::string operator()(std::string_view text) const {
    std::string form{text};
    for (auto const& apply : steps_) form = apply(std::move(form));
    return form;
  }

 private:
  void add(json_fields& from) {
    auto const type = from.text("type");
    if (type == "Sequence") {
      for (auto& one : from.list("normalizers")) add(one);
    } else if (type == "Prepend") {
      steps_.emplace_back(
          [begin = from.text("prepend")](std::string text) { return text.empty() ? text : begin + text; });
    } else if (type == "Replace") {
      steps_.emplace_back([pattern = text_pattern::read(from, "pattern"), content = from.text("content")](
                              std::string const& text) { return pattern.replaced(text, content); });
    } else if (type == "Strip") {
      steps_.emplace_back([left = from.flag("strip_left"), right = from.flag("strip_right")](std::string const& text) {
        std::string_view rest = text;
        if (left) rest = without_leading_space(rest);
        if (right) rest = without_trailing_space(rest);
        return std::string{rest};
      });
    } else if (type == "NFC" || type == "NFD" || type == "NFKC" || type == "NFKD") {
      auto const form = type == "NFC"    ? normal_form::nfc
                        : type == "NFD"  ? normal_form::nfd
                        : type == "NFKC" ? normal_form::nfkc
                                         : normal_form::nfkd;
      steps_.emplace_back([form](std::string const& text) { return in_normal_form(text, form); });
    } else {
      throw error{from.where(), text_of("the type ", in_quotes(type), " is not implemented"),
                  "Sequence, NFC, NFD, NFKC, NFKD, Prepend, Replace, Strip"};
    }
    from.finish();
  }

  std::vector<std::function<std::string(std::string)>> steps_{};
};

}  // namespace headcount::v0::reference
