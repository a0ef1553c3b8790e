#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <headcount/core/text.hpp>
#include <headcount/core/words.hpp>
#include <headcount/mask/mask.hpp>
#include <headcount/part/part.hpp>
#include <headcount/part/print_part.hpp>
#include <headcount/score/accumulator.hpp>
#include <headcount/score/scorer.hpp>
#include <headcount/select/selector.hpp>
#include <headcount/sentence/parse_value.hpp>
#include <headcount/sentence/registry.hpp>

namespace headcount::v0 {

/// One parameter of a part, as texts.
struct parameter_description {
  std::string name{};
  std::string meaning{};
  std::string form{};     ///< how values are written: "a whole number"
  std::string initial{};  ///< its default; empty when it must be given, or is a list that is empty
  std::string least{};    ///< inclusive; empty for what has no order
  std::string most{};
  bool leading = false;  ///< may be written without its name
  bool required = false;
};

/// What a part is, as texts: made from the part itself, so that no listing can go stale.
struct part_description {
  std::string kind{};  ///< scorer, selector, mask or edit
  std::string name{};
  std::string meaning{};
  std::string formula{};
  std::string source{};
  std::string reads{};       ///< of a scorer, what it must see before it can score; of the others, what it is given
  bool accumulates = false;  ///< whether a fused kernel can score without the row, see accumulated_scorer
  std::vector<parameter_description> parameters{};
};

/// What a part is given, in a word.
template <policy_part Part>
[[nodiscard]] constexpr std::string_view read_by() noexcept {
  if constexpr (scorer<Part>) {
    if constexpr (may_read<Part>(reading::nothing) && may_read<Part>(reading::row)) return "what its scorers read";
    else return word_of(reads_of(Part{}).last());
  } else if constexpr (selector<Part>) return "scores";
  else if constexpr (masks_output<Part>) return "outputs";
  else if constexpr (masks_site<Part>) return "sites";
  else if constexpr (masks_attention<Part>) return "keys and values";
  else return "weights";
}

/// A part as texts.
template <documented_part Part>
[[nodiscard]] part_description describe(std::string_view kind) {
  part_description part{.kind = std::string{kind},
                        .name = std::string{Part::name},
                        .meaning = std::string{Part::about.meaning},
                        .formula = std::string{Part::about.formula},
                        .source = std::string{Part::about.source},
                        .reads = std::string{read_by<Part>()},
                        .accumulates = accumulated_scorer<Part>};
  for_each_field<Part>([&]<class Value>(field<Part, Value> const& field) {
    parameter_description parameter{.name = std::string{field.name},
                                    .meaning = std::string{field.meaning},
                                    .form = value_form<Value>(),
                                    .leading = field.leading,
                                    .required = field.required};
    if (!field.required) parameter.initial = print_value(Part{}.*(field.member));
    if constexpr (std::is_arithmetic_v<Value> && !std::is_same_v<Value, bool>) {
      parameter.least = print_value(field.allowed.least);
      parameter.most = print_value(field.allowed.most);
    }
    part.parameters.push_back(std::move(parameter));
  });
  return part;
}

/// Every part of a registry, kind by kind.
template <class Registry = registry>
[[nodiscard]] std::vector<part_description> describe_parts() {
  std::vector<part_description> all;
  auto const add = [&]<class... Parts>(std::string_view kind, part_list<Parts...>) {
    (all.push_back(describe<Parts>(kind)), ...);
  };
  add("scorer", typename Registry::scorers{});
  add("selector", typename Registry::selectors{});
  add("mask", typename Registry::masks{});
  add("edit", typename Registry::edits{});
  return all;
}

/// How a part is written, its parameters by their names, those with a default as "name=default": "entropy(eps=1e-12)".
[[nodiscard]] inline std::string written_form(part_description const& part) {
  std::string arguments;
  for (auto const& parameter : part.parameters) {
    bool const plain = parameter.required || parameter.initial.empty();
    add_to_list(arguments, plain ? parameter.name : text_of(parameter.name, "=", parameter.initial));
  }
  return arguments.empty() ? part.name : text_of(part.name, "(", arguments, ")");
}

}  // namespace headcount::v0
