// headcount list: every part that sentences know. headcount explain: a sentence in plain words.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <headcount/reference/checkpoint/architectures.hpp>
#include <headcount/sentence/describe.hpp>
#include <headcount/sentence/explain.hpp>
#include <headcount/sentence/sentence_reader.hpp>

#include "commands.hpp"
#include "rankings.hpp"
#include "sentences.hpp"

namespace tool {

using namespace headcount;

namespace {

nlohmann::ordered_json to_json(part_description const& part) {
  auto parameters = nlohmann::ordered_json::array();
  for (auto const& one : part.parameters)
    parameters.push_back({{"name", one.name},
                          {"meaning", one.meaning},
                          {"values", one.form},
                          {"default", one.required ? nlohmann::ordered_json{} : nlohmann::ordered_json(one.initial)},
                          {"least", one.least},
                          {"most", one.most},
                          {"named", !one.leading}});
  return {{"kind", part.kind},
          {"name", part.name},
          {"form", written_form(part)},
          {"meaning", part.meaning},
          {"formula", part.formula},
          {"source", part.source},
          {"reads", part.reads},
          {"accumulates", part.accumulates},
          {"parameters", std::move(parameters)}};
}

/// Text that may stand in a cell of a Markdown table.
std::string cell(std::string const& text) {
  std::string escaped;
  for (char const sign : text) {
    if (sign == '|') escaped += '\\';
    escaped += sign;
  }
  return escaped;
}

std::string values_of(parameter_description const& parameter) {
  return parameter.least.empty() ? parameter.form
                                 : fmt::format("{}, {} to {}", parameter.form, parameter.least, parameter.most);
}

/// What the table of a kind says a part does, in the head of its column.
struct kind_heading {
  char const* kind;
  char const* title;
  char const* meaning;
};
constexpr kind_heading kinds[] = {{"scorer", "Scorers", "a head's score"},
                                  {"selector", "Selectors", "keeps"},
                                  {"mask", "Masks", "a dropped head puts out"},
                                  {"edit", "Edits", "what it does"}};

std::string as_markdown(std::vector<part_description> const& parts) {
  std::string page =
      "# Every part of a sentence\n\n"
      "This page is what `headcount list --markdown` prints. How parts make a sentence is in "
      "[sentences.md](sentences.md).\n";
  for (auto const& [kind, title, meaning] : kinds) {
    page += fmt::format("\n## {}\n\n| {} | {} | formula | reads | source |\n| --- | --- | --- | --- | --- |\n", title,
                        kind, meaning);
    std::string parameters;
    for (auto const& part : parts) {
      if (part.kind != kind) continue;
      page += fmt::format("| `{}` | {} | `{}` | {}{} | {} |\n", cell(written_form(part)), cell(part.meaning),
                          cell(part.formula), part.reads, part.accumulates ? "; accumulates" : "", cell(part.source));
      for (auto const& one : part.parameters)
        parameters +=
            fmt::format("| `{}` | `{}` | {} | {} |\n", part.name, one.name, cell(one.meaning), cell(values_of(one)));
    }
    if (!parameters.empty())
      page += fmt::format("\n| {} | parameter | meaning | values |\n| --- | --- | --- | --- |\n{}", kind, parameters);
  }
  page +=
      "\n## Rankings\n\nWhat `headcount rank --method` takes, see [tool.md](tool.md#rankings).\n\n"
      "| ranking | a head's score | reads |\n| --- | --- | --- |\n";
  for (auto const& one : ranking_methods())
    page += fmt::format("| `{}` | {} | {} |\n", cell(one.form()), cell(std::string{one.about}), name_of(one.level));
  return page;
}

void list_parts(bool json, bool markdown) {
  auto const parts = describe_parts();
  if (json) {
    auto list = nlohmann::ordered_json::array();
    for (auto const& part : parts) list.push_back(to_json(part));
    auto rankings = nlohmann::ordered_json::array();
    for (auto const& one : ranking_methods())
      rankings.push_back({{"form", one.form()}, {"meaning", one.about}, {"reads", name_of(one.level)}});
    fmt::print("{}\n", nlohmann::ordered_json{{"parts", std::move(list)}, {"rankings", std::move(rankings)}}.dump(2));
  } else if (markdown) {
    fmt::print("{}", as_markdown(parts));
  } else {
    for (auto const& part : parts) fmt::print("{:<9} {:<52} {}\n", part.kind, written_form(part), part.meaning);
    for (auto const& one : ranking_methods()) fmt::print("{:<9} {:<52} {}\n", "ranking", one.form(), one.about);
  }
}

void list_models(bool json, bool markdown) {
  if (json) {
    auto list = nlohmann::ordered_json::array();
    for (auto const& one : reference::architectures)
      list.push_back({{"model_type", one.type}, {"mixer", one.mixes}, {"reads", one.reads}});
    fmt::print("{}\n", nlohmann::ordered_json{{"models", std::move(list)}}.dump(2));
    return;
  }
  if (markdown) fmt::print("| model_type | beside attention | what is run |\n| --- | --- | --- |\n");
  for (auto const& one : reference::architectures) {
    if (markdown) fmt::print("| `{}` | {} | {} |\n", one.type, one.mixes, one.reads);
    else fmt::print("{:<17} {:<23} {}\n", one.type, one.mixes, one.reads);
  }
}

struct sentence_choice {
  std::string sentence;
  bool edits = false;
};

void explain_sentence(sentence_choice const& chosen) {
  try {
    if (chosen.edits) {
      auto const edits = read_edits(chosen.sentence);
      fmt::print("{}", explain(std::span{edits}));
    } else {
      auto const policy = read_policy(chosen.sentence);
      fmt::print("{}\n{}", print(policy), explain(policy));
    }
  } catch (sentence_error const& wrong) {
    fmt::print(stderr, "{}\n", wrong.caret());
    throw;
  }
}

}  // namespace

void add_list(CLI::App& app) {
  auto* const command = app.add_subcommand(
      "list", "List every scorer, selector, mask and edit that sentences know, and every way to rank heads");
  auto const json = std::make_shared<bool>(false), markdown = std::make_shared<bool>(false);
  auto* const as_json = command->add_flag("--json", *json, "as JSON");
  command->add_flag("--markdown", *markdown, "as the page docs/parts.md")->excludes(as_json);
  command->footer("Example:\n  headcount list --json");
  auto const models = std::make_shared<bool>(false);
  command->add_flag("--models", *models, "list the model types that are read, by model_type of their config.json");
  command->callback([json, markdown, models] {
    if (*models) list_models(*json, *markdown);
    else list_parts(*json, *markdown);
  });
}

void add_explain(CLI::App& app) {
  auto* const command = app.add_subcommand("explain", "Say in plain words what a sentence means, reads and saves");
  auto const chosen = std::make_shared<sentence_choice>();
  command->add_option("sentence", chosen->sentence, "e.g. \"entropy | top_k(5) @ generation\"")->required();
  command->add_flag("--edits", chosen->edits, "the sentence is one of edits, e.g. \"omit(3-5) @ generation\"");
  command->footer("Example:\n  headcount explain \"ema(0.9, entropy) | top_k(5) @ generation\"");
  command->callback([chosen] { explain_sentence(*chosen); });
}

}  // namespace tool
