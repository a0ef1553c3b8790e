#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/utf8.hpp>
#include <headcount/text/json/byte_letters.hpp>
#include <headcount/text/json/fields.hpp>
#include <headcount/text/json/pattern.hpp>

namespace headcount::v0::reference {

/// Makes text of the pieces of tokens. Source: tokenizers, `decoders`.
class token_decoder {
 public:
  token_decoder() = default;
  /// Reads the decoder of a tokenizer.json. Throws headcount::error that names a type or field not implemented.
  explicit token_decoder(json_fields from) { add(from); }

  /// Without a decoder, the pieces with spaces between them.
  [[nodiscard]] std::string operator()(std::vector<std::string> all) const {
    for (auto const& apply : steps_) apply(all);
    std::string text;
    for (std::size_t i = 0; i < all.size(); ++i) text.append(steps_.empty() && i > 0 ? " " : "").append(all[i]);
    return text;
  }

 private:
  using pieces = std::vector<std::string>;

  void add(json_fields& from) {
    auto const type = from.text("type");
    if (type == "Sequence") {
      for (auto& one : from.list("decoders")) add(one);
    } else if (type == "ByteLevel") {
      from.pass_over({"add_prefix_space", "trim_offsets", "use_regex"});
      steps_.emplace_back(&join_letters);
    } else if (type == "ByteFallback") {
      steps_.emplace_back(&join_bytes);
    } else if (type == "Fuse") {
      steps_.emplace_back([](pieces& all) { all = {joined(all)}; });
    } else if (type == "Replace") {
      steps_.emplace_back([pattern = text_pattern::read(from, "pattern"), content = from.text("content")](pieces& all) {
        for (auto& one : all) one = pattern.replaced(one, content);
      });
    } else if (type == "Strip") {
      steps_.emplace_back(
          [sign = from.text("content"), start = from.count("start"), stop = from.count("stop")](pieces& all) {
            for (auto& one : all) strip(one, sign, start, stop);
          });
    } else if (type == "Metaspace") {
      add_metaspace(from);
    } else {
      throw error{from.where(), text_of("the type ", in_quotes(type), " is not implemented"),
                  "Sequence, ByteLevel, ByteFallback, Fuse, Replace, Strip, Metaspace"};
    }
    from.finish();
  }

  void add_metaspace(json_fields& from) {
    bool const drops_first = from.optional("prepend_scheme").is_null() || from.text("prepend_scheme") != "never";
    from.pass_over({"split", "str_rep", "add_prefix_space"});
    steps_.emplace_back(
        [mark = text_pattern::of_text(from.text("replacement"), "Metaspace"), drops_first](pieces& all) {
          for (std::size_t i = 0; i < all.size(); ++i) all[i] = mark.replaced(all[i], i == 0 && drops_first ? "" : " ");
        });
  }

  [[nodiscard]] static std::string joined(pieces const& all) {
    std::string text;
    for (auto const& one : all) text += one;
    return text;
  }

  static void join_letters(pieces& all) {
    std::string bytes;
    for (auto const& one : all) bytes += bytes_of_letters(one).value_or(one);
    all = {as_utf8(bytes)};
  }

  /// Runs of pieces "<0xNN>" become the text that their bytes are, or a U+FFFD for each where they are none.
  static void join_bytes(pieces& all) {
    pieces made;
    std::string bytes;
    auto const flush = [&] {
      if (bytes.empty()) return;
      if (as_utf8(bytes) == bytes) made.push_back(bytes);
      else made.insert(made.end(), bytes.size(), "\xEF\xBF\xBD");
      bytes.clear();
    };
    for (auto& one : all) {
      unsigned byte = 0;
      bool const is_byte = one.size() == 6 && one.starts_with("<0x") && one.ends_with('>') &&
                           std::from_chars(one.data() + 3, one.data() + 5, byte, 16).ptr == one.data() + 5;
      if (is_byte) {
        bytes += static_cast<char>(byte);
      } else {
        flush();
        made.push_back(std::move(one));
      }
    }
    flush();
    all = std::move(made);
  }

  static void strip(std::string& text, std::string const& sign, std::size_t start, std::size_t stop) {
    if (sign.empty()) return;
    std::string_view rest = text;
    for (; start > 0 && rest.starts_with(sign); --start) rest.remove_prefix(sign.size());
    for (; stop > 0 && rest.ends_with(sign); --stop) rest.remove_suffix(sign.size());
    text = std::string{rest};
  }

  std::vector<std::function<void(pieces&)>> steps_{};
};

}  // namespace headcount::v0::reference
