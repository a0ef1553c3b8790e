#pragma once

#include <concepts>
#include <cstddef>
#include <limits>
#include <string_view>
#include <type_traits>
#include <vector>

#include <headcount/core/site.hpp>

namespace headcount::v0 {

/// Inclusive bounds of a number in a part's field.
template <class Value>
struct bounds {
  Value least = std::numeric_limits<Value>::lowest();
  Value most = (std::numeric_limits<Value>::max)();
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

/// The fields of a part, in order: what std::tuple would be, at a tenth of what it costs to compile.
template <class... Fields>
struct field_list {};
template <class First, class... Rest>
struct field_list<First, Rest...> {
  constexpr field_list(First one, Rest... others) noexcept : first{one}, rest{others...} {}
  First first;
  [[no_unique_address]] field_list<Rest...> rest;
};
template <class... Fields>
field_list(Fields...) -> field_list<Fields...>;

/// How many fields a list has.
template <class... Fields>
[[nodiscard]] constexpr std::size_t size_of(field_list<Fields...> const&) noexcept {
  return sizeof...(Fields);
}

/// Calls `use(field)` for each field of a list, in order.
template <class Use, class... Fields>
constexpr void visit_fields([[maybe_unused]] field_list<Fields...> const& list, [[maybe_unused]] Use const& use) {
  if constexpr (sizeof...(Fields) > 0) {
    use(list.first);
    visit_fields(list.rest, use);
  }
}

/// A piece of a policy: a small aggregate that knows the word it goes by in sentences. A part with parameters also has
/// `static constexpr auto fields`, a field_list of what the three functions above make.
template <class Part>
concept policy_part = std::is_aggregate_v<Part> && std::copyable<Part> && requires {
  { Part::name } -> std::convertible_to<std::string_view>;
};

/// How many fields a part has.
template <policy_part Part>
[[nodiscard]] consteval std::size_t field_count() noexcept {
  if constexpr (requires { Part::fields; }) return size_of(Part::fields);
  else return 0;
}

/// Calls `use(field)` for each field of a part, in order; the fields outlive the call.
template <policy_part Part, class Use>
constexpr void for_each_field(Use const& use) {
  if constexpr (requires { Part::fields; }) visit_fields(Part::fields, use);
}

/// Whether two parts of one type have equal fields. A part with more members than fields says with an operator== of its
/// own; one without fields that has members and none is equal to itself alone.
template <policy_part Part>
[[nodiscard]] bool same_content(Part const& a, Part const& b) {
  if constexpr (requires {
                  { a == b } -> std::same_as<bool>;
                })
    return a == b;
  bool same = std::is_empty_v<Part> || field_count<Part>() > 0 || &a == &b;
  for_each_field<Part>([&](auto const& field) { same = same && a.*(field.member) == b.*(field.member); });
  return same;
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

/// Calls `use(inner)` for each part that stands in a part's fields.
template <policy_part Part, class Use>
void for_each_inner(Part const& part, Use const& use) {
  for_each_field<Part>([&]<class Value>(field<Part, Value> const& field) {
    if constexpr (is_erased_part<Value>) use(part.*(field.member));
    else if constexpr (is_erased_part_list<Value>)
      for (auto const& inner : part.*(field.member)) use(inner);
  });
}

/// Refuses at compile time what a part would otherwise have in vain: members that no sentence and no comparison would
/// see, and a check that nobody would call.
template <policy_part Part>
struct check_part {
  static_assert(
      std::is_empty_v<Part> || requires { size_of(Part::fields); },
      "headcount: a part with members lists them in `static constexpr auto fields = field_list{...}`");
  static_assert(
      !requires(Part const& part, site const& where) { find_mistake(where, part); },
      "headcount: a part's check takes the part first: `std::optional<error> find_mistake(part const&, site const&)`");
  static_assert(
      !requires { &Part::find_mistake; },
      "headcount: a part's check is a function beside it: `std::optional<error> find_mistake(part const&, site "
      "const&)`");
  static_assert(
      !requires { &Part::check; } && !requires { &Part::valid; } && !requires { &Part::is_valid; } &&
          !requires { &Part::validate; } && !requires { &Part::verify; } && !requires { &Part::find_mistakes; } &&
          !requires { &Part::find_error; } && !requires { &Part::mistake; } &&
          !requires(Part const& part, site const& where) { validate(part, where); },
      "headcount: nobody calls this; a part's check is `std::optional<error> find_mistake(part const&, site const&)`, "
      "beside it");
};

}  // namespace headcount::v0
