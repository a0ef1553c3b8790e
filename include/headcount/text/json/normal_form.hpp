#pragma once

#include <array>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include <utf8proc.h>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/text/json/pattern.hpp>

namespace headcount::v0::reference {

/// Unicode's normal forms. Source: Unicode Standard Annex 15.
enum class normal_form { nfc, nfd, nfkc, nfkd };

/// A valid text in a normal form of Unicode 9, whose tables Hugging Face's tokenizers has: letters and marks to which
/// later versions gave a decomposition or a combining class stay as they are, and part what stands around them.
[[nodiscard]] inline std::string in_normal_form(std::string_view text, normal_form form) {
  constexpr std::array<int, 4> options{UTF8PROC_COMPOSE, UTF8PROC_DECOMPOSE, UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
                                       UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT};
  // Whatever code point utf8proc 2.8 (Unicode 15) treats otherwise than tokenizers 0.23.2, found by trying all of them;
  // and U+11A7, which it drops behind a Hangul syllable.
  static auto const later = text_pattern::of_expression(
      R"([\x{7FD}\x{898}-\x{89F}\x{8CA}-\x{8D3}\x{9FE}\x{C3C}\x{D3B}-\x{D3C}\x{EBA}\x{11A7}\x{1715}\x{1ABF}-\x{1ACE})"
      R"(\x{1DF6}-\x{1DFA}\x{32FF}\x{A7F2}-\x{A7F4}\x{A82C}\x{AB69}\x{10781}-\x{10785}\x{10787}-\x{107B0})"
      R"(\x{107B2}-\x{107BA}\x{10D24}-\x{10D27}\x{10EAB}-\x{10EAC}\x{10EFD}-\x{10EFF}\x{10F46}-\x{10F50})"
      R"(\x{10F82}-\x{10F85}\x{11070}\x{1133B}\x{1145E}\x{11839}-\x{1183A}\x{11930}\x{11938}\x{1193D}-\x{1193E})"
      R"(\x{11943}\x{119E0}\x{11A34}\x{11A47}\x{11A99}\x{11D42}\x{11D44}-\x{11D45}\x{11D97}\x{11F41}-\x{11F42})"
      R"(\x{16FF0}-\x{16FF1}\x{1E030}-\x{1E06D}\x{1E08F}\x{1E130}-\x{1E136}\x{1E2AE}\x{1E2EC}-\x{1E2EF})"
      R"(\x{1E4EC}-\x{1E4EF}\x{1F16C}\x{1FBF0}-\x{1FBF9}]+)",
      "normal form");
  std::string made;
  for (auto const& [begin, end, is_later] : later.spans(text)) {
    auto const part = text.substr(begin, end - begin);
    if (is_later) {
      made.append(part);
      continue;
    }
    utf8proc_uint8_t* normal = nullptr;
    auto const bytes = utf8proc_map(
        reinterpret_cast<utf8proc_uint8_t const*>(part.data()), static_cast<utf8proc_ssize_t>(part.size()), &normal,
        static_cast<utf8proc_option_t>(UTF8PROC_STABLE | options[static_cast<std::size_t>(form)]));
    std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> const kept{normal, &std::free};
    if (bytes < 0) throw error{"text", text_of("no normal form: ", utf8proc_errmsg(bytes))};
    made.append(reinterpret_cast<char const*>(normal), static_cast<std::size_t>(bytes));
  }
  return made;
}

}  // namespace headcount::v0::reference
