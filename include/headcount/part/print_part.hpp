#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/core/words.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0 {

/// A file's name as a sentence writes it: in quotes where it holds anything that has a meaning in sentences.
[[nodiscard]] inline std::string print_file_name(std::string const& name) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./~";
  bool const is_plain = !name.empty() && name.find_first_not_of(plain) == std::string::npos;
  return is_plain ? name : text_of("\"", name, "\"");
}

/// How a file that a part names is written: by its name, as sentences are, or by a digest of what is in it, so that the
/// texts of two parts are equal exactly when they do the same.
enum class files_as { names, contents };

/// A field's value as a sentence writes it: numbers with the fewest digits that read back as the same number.
template <class Value>
[[nodiscard]] std::string print_value(Value const& value, files_as files = files_as::names) {
  if constexpr (std::same_as<Value, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_arithmetic_v<Value>) {
    std::array<char, 32> digits{};
    return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
  } else if constexpr (worded<Value>) {
    return std::string{word_of(value)};
  } else if constexpr (is_from_file<Value>) {
    return files == files_as::contents && value.content ? "#" + value.digest().text() : print_file_name(value.name);
  } else if constexpr (is_erased_part<Value>) {
    return print(value, files);
  } else {
    return print(value);
  }
}

/// Values of a list as a sentence writes them, e.g. "0.5, 2".
template <class Value>
[[nodiscard]] std::string print_value(std::vector<Value> const& values, files_as files = files_as::names) {
  std::string text;
  for (auto const& value : values) add_to_list(text, print_value(value, files));
  return text;
}

/// The arguments of a part, as a sentence writes them one after the other.
class argument_printer {
 public:
  void add(std::string_view name, bool leading, std::string const& value) {
    if (!text_.empty()) text_ += ", ";
    if (!leading) in_order_ = false;
    if (!in_order_) text_.append(name).append("=");
    text_ += value;
  }

  /// A field is left out: leading ones after it need their names.
  void skip() noexcept { in_order_ = false; }

  /// `name`, or `name(arguments)` where there are some.
  [[nodiscard]] std::string after(std::string_view name) const {
    return text_.empty() ? std::string{name} : text_of(name, "(", text_, ")");
  }

 private:
  std::string text_;
  bool in_order_ = true;
};

/// A part as a sentence writes it: its name, and the fields that differ from their defaults, e.g. "top_k(5)".
template <policy_part Part>
[[nodiscard]] std::string print(Part const& part, files_as files = files_as::names) {
  argument_printer arguments;
  for_each_field<Part>([&](auto const& field) {
    auto const& value = part.*(field.member);
    if (!field.required && value == Part{}.*(field.member)) arguments.skip();
    else arguments.add(field.name, field.leading, print_value(value, files));
  });
  return arguments.after(Part::name);
}

/// A mistake when a field's number is outside its bounds.
template <class Value>
  requires std::is_arithmetic_v<Value>
[[nodiscard]] std::optional<error> find_out_of_bounds(std::string_view part, std::string_view name, Value value,
                                                      bounds<Value> const& allowed) {
  auto const [least, most] = allowed;
  if (value >= least && value <= most) return std::nullopt;
  return error{text_of(part, ", ", name, " = ", print_value(value)), "out of range",
               text_of(print_value(least), " to ", print_value(most))};
}

/// A mistake when a number in a part is outside its field's bounds.
template <policy_part Part>
[[nodiscard]] std::optional<error> find_out_of_bounds(Part const& part) {
  std::optional<error> found;
  for_each_field<Part>([&]<class Value>(field<Part, Value> const& field) {
    if constexpr (std::is_arithmetic_v<Value>)
      if (!found) found = find_out_of_bounds(Part::name, field.name, part.*(field.member), field.allowed);
  });
  return found;
}

}  // namespace headcount::v0
