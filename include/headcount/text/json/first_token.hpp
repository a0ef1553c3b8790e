#pragma once

#include <optional>
#include <string>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/text/json/fields.hpp>

namespace headcount::v0::reference {

/// The token that a tokenizer.json's post_processor puts before a text; nothing when it puts none. Throws
/// headcount::error that names a type or field not implemented: more than one token before a text, or one behind it.
/// Source: tokenizers, `processors`.
[[nodiscard]] inline std::optional<token> first_token(json_fields from) {
  auto const type = from.text("type");
  std::optional<token> first;
  if (type == "Sequence") {
    for (auto const& one : from.list("processors")) {
      auto const next = first_token(one);
      if (first && next) throw error{from.where("processors"), "they put more than one token before a text"};
      if (next) first = next;
    }
  } else if (type == "TemplateProcessing") {
    auto const& ids = from.at("special_tokens");
    bool has_text = false;
    for (auto& one : from.list("single")) {
      if (!one.optional("Sequence").is_null()) {
        if (has_text) throw error{one.where(), "the text comes twice"};
        has_text = true;
      } else {
        if (first || has_text)
          throw error{one.where(), has_text ? "a token behind the text" : "a second token before the text",
                      "one before it"};
        json_fields mark{one.where("SpecialToken"), one.at("SpecialToken")};
        auto const name = mark.text("id");
        if (!ids.is_object() || !ids.contains(name))
          throw error{from.where("special_tokens"), text_of("it has no ", in_quotes(name))};
        json_fields known{text_of(from.where("special_tokens"), ".", name), ids[name]};
        auto const& list = known.at("ids");
        if (!list.is_array() || list.size() != 1 || !list[0].is_number_unsigned() || list[0] >= 1u << 24u)
          known.fail("ids", "a list of one token id");
        first = list[0].get<token>();
      }
      one.finish();
    }
    from.pass_over({"pair"});
  } else if (type == "ByteLevel") {
    from.pass_over({"add_prefix_space", "trim_offsets", "use_regex"});
  } else {
    throw error{from.where(), text_of("the type ", in_quotes(type), " is not implemented"),
                "Sequence, TemplateProcessing, ByteLevel"};
  }
  from.finish();
  return first;
}

}  // namespace headcount::v0::reference
