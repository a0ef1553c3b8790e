#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/part/part.hpp>
#include <headcount/part/print_part.hpp>
#include <headcount/score/any_scorer.hpp>
#include <headcount/select/any_selector.hpp>
#include <headcount/sentence/nearest_name.hpp>
#include <headcount/sentence/parse_value.hpp>
#include <headcount/sentence/registry.hpp>
#include <headcount/sentence/sentence_reader.hpp>

namespace headcount::v0 {

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
/// where=3-5,9. Fails where the form is broken.
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
      if (argument.name.empty()) {
        sentence.fail(argument.position, text_of("\"=\" without a name before it in ", part.name), "name=value");
        return part;
      }
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
  for (auto const name : std::array<std::string_view, sizeof...(Parts)>{Parts::name...}) add_to_list(names, name);
  return names;
}

/// Makes the part that was written, one of `known`; nothing where that fails. Defined below, as its values may be parts
/// themselves.
template <class Any, class Registry, class Files, class... Parts>
[[nodiscard]] std::optional<Any> make_any(sentence_reader const& sentence, std::string_view kind,
                                          part_list<Parts...> known, written_part const& written, Files const& files,
                                          std::string_view others = {});

/// Reads an erased part that stands alone in a piece of the sentence.
template <class Any, class Registry, class Files, class Known>
void read_inner(sentence_reader const& sentence, std::string_view kind, Known known, std::string_view text, Any& value,
                Files const& files) {
  auto inner = sentence.within(text);
  if (inner.failed()) return;
  auto const written = read_part(inner);
  if (inner.failed()) return;
  if (auto made = make_any<Any, Registry>(inner, kind, known, written, files)) value = *std::move(made);
  else return;
  if (!inner.at_end()) inner.fail(inner.position(), text_of("not understood: ", inner.found(inner.position())));
}

/// Reads one value of a field; `what` names the field in error messages. Fails when it is no such value, or names a
/// file that cannot be read.
template <class Registry, class Value, class Files>
void read_value(sentence_reader const& sentence, std::string_view what, std::string_view text, Value& value,
                Files const& files) {
  auto const at = sentence.position_of(text);
  if constexpr (std::same_as<Value, any_scorer>) {
    read_inner<any_scorer, Registry>(sentence, "scorer", typename Registry::scorers{}, text, value, files);
  } else if constexpr (std::same_as<Value, any_selector>) {
    read_inner<any_selector, Registry>(sentence, "selector", typename Registry::selectors{}, text, value, files);
  } else {
    if (!parse_value(text, value))
      return sentence.fail(at, text_of("\"", text, "\" is no value for ", what), value_form<Value>());
    if constexpr (is_from_file<Value>) {
      using content = typename std::remove_cvref_t<decltype(value)>::content_type;
      if constexpr (reads_files_of<Files, content>) {
        auto const problem =
            error_of([&] { value = in_memory(value.name, files(value.name, std::type_identity<content>{})); });
        if (problem) sentence.fail(at, problem->what());
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
  if (list.failed()) return;
  values.clear();
  do {
    read_value<Registry>(sentence, what, list.take_until(","), values.emplace_back(), files);
  } while (!list.failed() && list.take(','));
}

/// A field of a part that is being read, whatever the types of both: the rules by which arguments fill fields are then
/// compiled once, not once a part.
struct part_slot {
  std::string_view name;
  bool leading = false;
  bool required = false;
  bool list = false;
  void* value = nullptr;
  void const* allowed = nullptr;  ///< the bounds
  std::string (*form)() = nullptr;
  void (*read)(part_slot const&, sentence_reader const&, std::string_view what, std::string_view text,
               void const* files) = nullptr;
};

/// Reads one argument into a slot. Fails when it is not of the field's type or outside its bounds.
template <class Registry, class Value, class Files>
void read_slot(part_slot const& slot, sentence_reader const& sentence, std::string_view what, std::string_view text,
               void const* files) {
  auto& value = *static_cast<Value*>(slot.value);
  read_value<Registry>(sentence, what, text, value, *static_cast<Files const*>(files));
  if (sentence.failed()) return;
  if constexpr (std::is_arithmetic_v<Value>) {
    auto const& allowed = *static_cast<bounds<Value> const*>(slot.allowed);
    if (!(value >= allowed.least && value <= allowed.most))
      sentence.fail(sentence.position_of(text), text_of(what, " = ", text, " is out of range"),
                    text_of(print_value(allowed.least), " to ", print_value(allowed.most)));
  }
}

/// Fills a part's slots from its written arguments.
inline void fill_slots(sentence_reader const& sentence, std::string_view part, written_part const& written,
                       std::span<part_slot const> all_slots, void const* files) {
  std::string known;
  for (auto const& slot : all_slots) add_to_list(known, slot.name);
  if (known.empty()) known = "no argument";

  auto const& arguments = written.arguments;
  std::size_t unnamed = 0;
  while (unnamed < arguments.size() && arguments[unnamed].name.empty()) ++unnamed;
  for (auto const& argument : arguments)
    if (!argument.name.empty() && std::ranges::find(all_slots, argument.name, &part_slot::name) == all_slots.end())
      return sentence.fail(argument.position, text_of(part, " has no \"", argument.name, "\""), known);

  std::size_t next = 0;
  auto later = static_cast<std::size_t>(std::ranges::count(all_slots, true, &part_slot::leading));
  for (auto const& slot : all_slots) {
    auto const read = [&](std::string_view text) {
      slot.read(slot, sentence, text_of(slot.name, " of ", part), text, files);
    };
    bool given = false;
    if (slot.leading) --later;
    if (slot.leading && next < unnamed) {
      auto text = arguments[next++].value;
      if (slot.list)
        for (; next + later < unnamed; ++next) text = both(text, arguments[next].value);
      read(text);
      given = true;
    }
    for (auto const& argument : arguments) {
      if (argument.name != slot.name) continue;
      if (given) return sentence.fail(argument.position, text_of(slot.name, " is given twice"));
      read(argument.value);
      given = true;
    }
    if (sentence.failed()) return;
    if (slot.required && !given)
      return sentence.fail(written.position, text_of(part, " needs its ", slot.name),
                           text_of(part, "(", slot.name, "), ", slot.form()));
  }
  if (next < unnamed)
    sentence.fail(arguments[next].position, text_of(part, " takes fewer values without a name"), known);
}

/// Makes a part of a known type from its written arguments. Arguments without a name fill the leading fields in order;
/// a leading list takes as many of them as there are to spare. Scorers inside it are those of `Registry`; `files` reads
/// the files it names. Where that fails, what it gives means nothing.
template <policy_part Part, class Registry = registry, class Files = no_files>
[[nodiscard]] Part make_part(sentence_reader const& sentence, written_part const& written, Files const& files = {}) {
  Part part{};
  std::array<part_slot, field_count<Part>()> all_slots;
  std::size_t count = 0;
  for_each_field<Part>([&]<class Value>(field<Part, Value> const& field) {
    all_slots[count++] = {field.name,
                          field.leading,
                          field.required,
                          is_list<Value>,
                          &(part.*(field.member)),
                          &field.allowed,
                          value_form<Value>,
                          read_slot<Registry, Value, Files>};
  });
  fill_slots(sentence, Part::name, written, all_slots, &files);
  return part;
}

/// Makes the part of `Parts` that goes by the written name. `kind` names the list in the error message, `others` what
/// else may stand there.
template <class Any, class Registry, class Files, class... Parts>
[[nodiscard]] std::optional<Any> make_any(sentence_reader const& sentence, std::string_view kind,
                                          part_list<Parts...> known, written_part const& written, Files const& files,
                                          std::string_view others) {
  struct maker {
    std::string_view name;
    std::optional<Any> (*make)(sentence_reader const&, written_part const&, Files const&);
  };
  static constexpr std::array<maker, sizeof...(Parts)> makers{
      maker{Parts::name, [](sentence_reader const& from, written_part const& of, Files const& with) {
              auto part = make_part<Parts, Registry>(from, of, with);
              return from.failed() ? std::optional<Any>{} : std::optional<Any>{std::move(part)};
            }}...};
  auto const found = std::ranges::find(makers, written.name, &maker::name);
  if (found != makers.end()) return found->make(sentence, written, files);
  auto problem = written.name.empty() ? text_of(kind, " is expected, found ", sentence.found(written.position))
                                      : text_of("no ", kind, " is named \"", written.name, "\"");
  constexpr std::array<std::string_view, sizeof...(Parts)> names{Parts::name...};
  if (auto const meant = nearest_name(written.name, names); !meant.empty())
    problem += text_of(", did you mean ", meant, "?");
  sentence.fail(written.position, problem, text_of(names_of(known), others));
  return std::nullopt;
}

}  // namespace headcount::v0
