#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/from_file.hpp>
#include <headcount/core/part.hpp>
#include <headcount/core/print_part.hpp>
#include <headcount/core/text.hpp>
#include <headcount/policy/parse_value.hpp>
#include <headcount/policy/registry.hpp>
#include <headcount/policy/sentence_reader.hpp>
#include <headcount/score/any_scorer.hpp>

namespace headcount::inline v0 {

/// One argument of a part in a sentence: "value", or "name=value" with its name.
struct written_argument {
  std::string_view name{};
  std::string_view value{};
  std::size_t position = 0;  ///< where it stands in the sentence
};

/// A part as written, before it is known what it is: `name` or `name(argument, ...)`.
struct written_part {
  std::string_view name{};
  std::size_t position = 0;
  std::vector<written_argument> arguments{};
};

/// Two pieces of a sentence and what is between them.
[[nodiscard]] inline std::string_view both(std::string_view first, std::string_view last) noexcept {
  return {first.data(), last.data() + last.size()};
}

/// Reads `name` or `name(argument, ...)`. A value without a name that follows one with a name goes on with that one:
/// where=3-5,9. Throws headcount::error where the form is broken.
[[nodiscard]] inline written_part read_part(sentence_reader& sentence) {
  written_part part{.position = sentence.position()};
  part.name = sentence.take_word();
  if (!sentence.take('(')) return part;
  if (sentence.take(')')) return part;
  do {
    written_argument argument{.position = sentence.position()};
    argument.value = sentence.take_until(",=)");
    if (sentence.take('=')) {
      argument.name = argument.value;
      argument.value = sentence.take_until(",)");
      if (argument.name.empty())
        sentence.fail(argument.position, text_of("\"=\" without a name before it in ", part.name), "name=value");
    } else if (!part.arguments.empty() && !part.arguments.back().name.empty()) {
      part.arguments.back().value = both(part.arguments.back().value, argument.value);
      continue;
    }
    part.arguments.push_back(argument);
  } while (sentence.take(','));
  if (!sentence.take(')')) sentence.fail(sentence.position(), text_of("\"", part.name, "(\" is not closed"), ")");
  return part;
}

/// The names of a list of parts, for error messages.
template <class... Parts>
[[nodiscard]] std::string names_of(part_list<Parts...>) {
  std::string names;
  (add_to_list(names, Parts::name), ...);
  return names;
}

template <class Any, class Registry, class Files, class... Parts>
[[nodiscard]] Any make_any(sentence_reader const& sentence, std::string_view kind, part_list<Parts...> known,
                           written_part const& written, Files const& files, std::string_view others = {});

/// Reads one value of a field; `what` names the field in error messages. Throws headcount::error when it is no such
/// value, or names a file that cannot be read.
template <class Registry, class Value, class Files>
void read_value(sentence_reader const& sentence, std::string_view what, std::string_view text, Value& value,
                Files const& files) {
  auto const at = sentence.position_of(text);
  if constexpr (std::same_as<Value, any_scorer>) {
    auto inner = sentence.within(text);
    value = make_any<any_scorer, Registry>(inner, "scorer", typename Registry::scorers{}, read_part(inner), files);
    if (!inner.at_end()) inner.fail(inner.position(), text_of("not understood: ", inner.found(inner.position())));
  } else {
    if (!parse_value(text, value))
      sentence.fail(at, text_of("\"", text, "\" is no value for ", what), value_form<Value>());
    if constexpr (is_from_file<Value>) {
      using content = std::remove_const_t<typename decltype(value.content)::element_type>;
      if constexpr (reads_files_of<Files, content>) {
        try {
          value.content = std::make_shared<content const>(files(value.name, std::type_identity<content>{}));
        } catch (error const& problem) {
          sentence.fail(at, problem.what());
        }
      } else {
        sentence.fail(at, text_of(what, " is a file, and nothing here reads such files"));
      }
    }
  }
}

/// Reads the values of a list, at least one.
template <class Registry, class Item, class Files>
void read_value(sentence_reader const& sentence, std::string_view what, std::string_view text,
                std::vector<Item>& values, Files const& files) {
  auto list = sentence.within(text);
  values.clear();
  do {
    read_value<Registry>(sentence, what, list.take_until(","), values.emplace_back(), files);
  } while (list.take(','));
}

/// Reads one argument into a field. Throws headcount::error when it is not of the field's type or outside its bounds.
template <class Registry, class Part, class Value, class Files>
void set_field(sentence_reader const& sentence, Part& part, field<Part, Value> const& field, std::string_view text,
               Files const& files) {
  auto const what = text_of(field.name, " of ", Part::name);
  read_value<Registry>(sentence, what, text, part.*(field.member), files);
  if constexpr (std::is_arithmetic_v<Value>) {
    auto const value = part.*(field.member);
    if (!(value >= field.allowed.least && value <= field.allowed.most))
      sentence.fail(sentence.position_of(text), text_of(what, " = ", text, " is out of range"),
                    text_of(print_value(field.allowed.least), " to ", print_value(field.allowed.most)));
  }
}

/// Makes a part of a known type from its written arguments. Arguments without a name fill the leading fields in order;
/// a leading list takes as many of them as there are to spare. Scorers inside it are those of `Registry`; `files` reads
/// the files it names. Throws headcount::error.
template <policy_part Part, class Registry = registry, class Files = no_files>
[[nodiscard]] Part make_part(sentence_reader const& sentence, written_part const& written, Files const& files = {}) {
  constexpr auto fields = fields_of<Part>();

  std::string known;
  std::apply([&](auto const&... field) { (add_to_list(known, field.name), ...); }, fields);
  if (known.empty()) known = "no argument";

  std::size_t unnamed = 0;
  while (unnamed < written.arguments.size() && written.arguments[unnamed].name.empty()) ++unnamed;
  for (auto const& argument : written.arguments) {
    bool const is_known =
        std::apply([&](auto const&... field) { return ((field.name == argument.name) || ...); }, fields);
    if (!is_known && !argument.name.empty())
      sentence.fail(argument.position, text_of(Part::name, " has no \"", argument.name, "\""), known);
  }

  Part part{};
  std::size_t next = 0;
  std::size_t later = std::apply([](auto const&... field) { return (std::size_t{field.leading} + ... + 0); }, fields);
  auto const fill = [&]<class Value>(field<Part, Value> const& field) {
    bool given = false;
    if (field.leading) --later;
    if (field.leading && next < unnamed) {
      auto text = written.arguments[next++].value;
      if constexpr (is_list<Value>)
        for (; next + later < unnamed; ++next) text = both(text, written.arguments[next].value);
      set_field<Registry>(sentence, part, field, text, files);
      given = true;
    }
    for (auto const& argument : written.arguments) {
      if (argument.name != field.name) continue;
      if (given) sentence.fail(argument.position, text_of(field.name, " is given twice"));
      set_field<Registry>(sentence, part, field, argument.value, files);
      given = true;
    }
    if (field.required && !given)
      sentence.fail(written.position, text_of(Part::name, " needs its ", field.name),
                    text_of(Part::name, "(", field.name, "), ", value_form<Value>()));
  };
  std::apply([&](auto const&... field) { (fill(field), ...); }, fields);
  if (next < unnamed)
    sentence.fail(written.arguments[next].position, text_of(Part::name, " takes fewer values without a name"), known);
  return part;
}

/// Makes the part of `Parts` that goes by the written name. `kind` names the list in the error message, `others` what
/// else may stand there.
template <class Any, class Registry, class Files, class... Parts>
[[nodiscard]] Any make_any(sentence_reader const& sentence, std::string_view kind, part_list<Parts...> known,
                           written_part const& written, Files const& files, std::string_view others) {
  std::optional<Any> made;
  auto const try_one = [&]<policy_part Part>(std::type_identity<Part>) {
    if (!made && Part::name == written.name) made.emplace(make_part<Part, Registry>(sentence, written, files));
  };
  (try_one(std::type_identity<Parts>{}), ...);
  if (made) return *std::move(made);
  auto const problem = written.name.empty() ? text_of(kind, " is expected, found ", sentence.found(written.position))
                                            : text_of("no ", kind, " is named \"", written.name, "\"");
  sentence.fail(written.position, problem, text_of(names_of(known), others));
}

}  // namespace headcount::inline v0
