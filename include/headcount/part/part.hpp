#pragma once

#include <concepts>
#include <cstddef>
#include <limits>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <headcount/version.hpp>

namespace headcount::v0 {

/// Inclusive bounds of a number in a part's field.
template <class Value>
struct bounds {
  Value least = std::numeric_limits<Value>::lowest();
  Value most = std::numeric_limits<Value>::max();
};

/// Values that have no order have no bounds.
template <class Value>
  requires(!std::is_arithmetic_v<Value>)
struct bounds<Value> {};

/// One parameter of a policy part: from a part's list of them follow its parser, its printer and its documentation.
template <class Part, class Value>
struct field {
  using value_type = Value;

  std::string_view name;  ///< the word before "=" in a sentence, and the member's name in C++
  Value Part::* member;
  std::string_view meaning;  ///< in plain words, with the unit
  bounds<Value> allowed;
  bool leading;   ///< written without its name, in the order of the leading fields: the 5 of top_k(5)
  bool required;  ///< a sentence that leaves it out is an error
};

/// A field written as `name=value`, which may be left out.
template <class Part, class Value>
[[nodiscard]] constexpr field<Part, Value> named_field(std::string_view name, Value Part::* member,
                                                       std::string_view meaning, bounds<Value> allowed = {}) noexcept {
  return {name, member, meaning, allowed, false, false};
}

/// A field that a part cannot do without, written as the value alone.
template <class Part, class Value>
[[nodiscard]] constexpr field<Part, Value> leading_field(std::string_view name, Value Part::* member,
                                                         std::string_view meaning,
                                                         bounds<Value> allowed = {}) noexcept {
  return {name, member, meaning, allowed, true, true};
}

/// A field written as the value alone, which may be left out.
template <class Part, class Value>
[[nodiscard]] constexpr field<Part, Value> optional_leading_field(std::string_view name, Value Part::* member,
                                                                  std::string_view meaning,
                                                                  bounds<Value> allowed = {}) noexcept {
  return {name, member, meaning, allowed, true, false};
}

/// A piece of a policy: a small aggregate that knows the word it goes by in sentences. A part with parameters also has
/// `static constexpr auto fields`, a tuple made by the three functions above.
template <class Part>
concept policy_part = std::is_aggregate_v<Part> && std::copyable<Part> && requires {
  { Part::name } -> std::convertible_to<std::string_view>;
};

/// The fields of a part; an empty tuple for a part without parameters.
template <policy_part Part>
[[nodiscard]] consteval auto fields_of() noexcept {
  if constexpr (requires { Part::fields; }) return Part::fields;
  else return std::tuple{};
}

/// Calls `use(field)` for each field of a part, in order; the fields outlive the call.
template <policy_part Part, class Use>
constexpr void for_each_field(Use const& use) {
  if constexpr (requires { Part::fields; })
    [&]<std::size_t... At>(std::index_sequence<At...>) {
      (use(std::get<At>(Part::fields)), ...);
    }(std::make_index_sequence<std::tuple_size_v<decltype(Part::fields)>>{});
}

/// What a part is, in words for listings and explanations (policy/describe.hpp), beside the comment for who reads its
/// code.
struct part_about {
  std::string_view
      meaning;  ///< what a head's score is, which heads are kept, what a dropped one puts out, what is edited
  std::string_view formula;  ///< in one line of plain text
  std::string_view source;   ///< who it is from; "own" where nobody published it
};

/// A part that says what it is, as every part of the library's registry must.
template <class Part>
concept documented_part = policy_part<Part> && requires {
  { Part::about } -> std::convertible_to<part_about>;
};

/// True for the types that hold any part of a kind, chosen at run time: any_scorer, any_selector, any_mask.
template <class Part>
inline constexpr bool is_erased_part = false;

/// True for lists of them.
template <class Value>
inline constexpr bool is_erased_part_list = false;
template <class Part>
inline constexpr bool is_erased_part_list<std::vector<Part>> = is_erased_part<Part>;

}  // namespace headcount::v0
