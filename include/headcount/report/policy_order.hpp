#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>

#include <headcount/version.hpp>

namespace headcount::v0::report {

/// The part of a sentence from `from` up to a sign outside parentheses, or the end.
[[nodiscard]] inline std::string_view until(std::string_view text, std::size_t from, char sign) noexcept {
  int depth = 0;
  for (auto at = from; at < text.size(); ++at) {
    if (depth == 0 && text[at] == sign) return text.substr(from, at - from);
    depth += text[at] == '(' ? 1 : text[at] == ')' ? -1 : 0;
  }
  return text.substr((std::min)(from, text.size()));
}

/// A policy without its selector's numbers: what stays the same along a curve over heads kept. "entropy | top_k(5) @
/// generation" is of the family "entropy | top_k @ generation". `policy` is a sentence as `print` writes it; it need
/// not be one that can be read here.
[[nodiscard]] inline std::string family_of(std::string_view policy) {
  auto const begin = until(policy, 0, '|').size() + 1;
  auto const selector = until(policy, begin, '|');
  auto const open = selector.find('(');
  if (begin > policy.size() || open == selector.npos) return std::string{policy};
  auto const inside = until(selector, open + 1, ')');
  std::string family{policy.substr(0, begin + open)};
  return family.append(policy.substr((std::min)(policy.size(), begin + open + inside.size() + 2)));
}

/// Orders texts as people do: numbers in them by their value, so that top_k(5) comes before top_k(10).
[[nodiscard]] inline bool natural_less(std::string_view a, std::string_view b) noexcept {
  auto const is_digit = [](char sign) { return std::isdigit(static_cast<unsigned char>(sign)) != 0; };
  auto const number_at = [&](std::string_view text) {
    return text.substr(0, static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin()));
  };
  while (!a.empty() && !b.empty()) {
    if (is_digit(a.front()) && is_digit(b.front())) {
      auto const left = number_at(a);
      auto const right = number_at(b);
      auto const significant = [](std::string_view digits) {
        return digits.substr((std::min)(digits.find_first_not_of('0'), digits.size()));
      };
      auto const x = significant(left);
      auto const y = significant(right);
      if (x != y) return x.size() != y.size() ? x.size() < y.size() : x < y;
      a.remove_prefix(left.size());
      b.remove_prefix(right.size());
    } else {
      if (a.front() != b.front()) return a.front() < b.front();
      a.remove_prefix(1);
      b.remove_prefix(1);
    }
  }
  return a.size() < b.size();
}

/// The order policies are listed in: dense, those that keep no head, then all others by family and number.
[[nodiscard]] inline bool policy_before(std::string_view a, std::string_view b) {
  auto const rank = [](std::string_view policy) {
    return policy.starts_with("dense") ? 0 : policy.starts_with("none") ? 1 : 2;
  };
  if (rank(a) != rank(b)) return rank(a) < rank(b);
  auto const family_of_a = family_of(a);
  auto const family_of_b = family_of(b);
  if (natural_less(family_of_a, family_of_b) || natural_less(family_of_b, family_of_a))
    return natural_less(family_of_a, family_of_b);
  return natural_less(a, b) || (!natural_less(b, a) && a < b);
}

}  // namespace headcount::v0::report
