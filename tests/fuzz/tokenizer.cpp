// tokenizer.json: whatever is read encodes every text, to tokens that it can say again.

#include <filesystem>
#include <string_view>

#include <headcount/file/json_file.hpp>
#include <headcount/text/json_tokenizer.hpp>

#include "target.hpp"

using headcount::reference::json_tokenizer;

int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const words = fuzz::read_or_refuse([&] {
    return json_tokenizer{"none/tokenizer.json",
                          headcount::reference::parse_json("tokenizer.json", fuzz::text_of(data, size))};
  });
  if (!words) return 0;
  for (std::string_view const text :
       {"", "a b  ab", "<s>\xC3\xA9\xEF\xAC\x81 1,234\n\n", "\xFF\xE2\x82", "it's <x> \xE2\x96\x81\t"}) {
    auto const ids = fuzz::read_or_refuse([&] { return words->encode(text); });
    if (!ids) continue;  // the pattern gives up
    fuzz::require(text.size() > 0 || ids->empty(), "tokens of nothing");
    for (auto const id : *ids) fuzz::require(id >= 0 && id < 1 << 25, "a token that is none");
    (void)words->decode(*ids);
  }
  return 0;
}
