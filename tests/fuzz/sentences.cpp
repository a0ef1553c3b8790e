// Policies and edits: any text is a sentence, and then what it prints is one that means the same, or it is refused.

#include <string>
#include <string_view>
#include <vector>

#include <headcount/core/text.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/sentence/parse.hpp>

#include "target.hpp"

namespace {

std::string print_all(std::vector<headcount::any_edit> const& edits) {
  std::string text;
  for (auto const& edit : edits) headcount::add_to_list(text, print(edit), "; ");
  return text;
}

}  // namespace

int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const text = fuzz::text_of(data, size);
  if (auto const policy = fuzz::read_or_refuse([&] { return headcount::parse_policy(text); })) {
    auto const printed = print(*policy);
    auto const again = headcount::parse_policy(printed);
    fuzz::require(print(again) == printed, "a policy that does not read back");
    fuzz::require(again.where.during == policy->where.during && again.where.layers == policy->where.layers,
                  "a scope that does not read back");
  }
  if (auto const edits = fuzz::read_or_refuse([&] { return headcount::parse_edits(text); })) {
    auto const printed = print_all(*edits);
    auto const again = headcount::parse_edits(printed);
    fuzz::require(again.size() == edits->size() && print_all(again) == printed, "edits that do not read back");
  }
  return 0;
}
