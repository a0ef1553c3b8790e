#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/text.hpp>
#include <headcount/engine/model_under_test.hpp>
#include <headcount/task/choice/multiple_choice.hpp>
#include <headcount/task/choice/shots.hpp>
#include <headcount/task/json_lines.hpp>
#include <headcount/task/task.hpp>
#include <headcount/task/task_options.hpp>

namespace headcount::v0::evaluate {

namespace detail {

/// A line {"prompt": text, "choices": [texts], "gold": index} as an item.
[[nodiscard]] inline choice_item read_choice_item(json_line const& line, std::size_t index) {
  static constexpr auto form = R"({"prompt": text, "choices": [text, text, ...], "gold": index})";
  auto const& json = line.value;
  auto const has = [&](char const* key, auto const& is) { return json.contains(key) && is(json[key]); };
  auto const is_text = [](nlohmann::json const& value) { return value.is_string(); };
  auto const is_choices = [](nlohmann::json const& value) {
    return value.is_array() && value.size() > 1 && std::ranges::all_of(value, [](nlohmann::json const& choice) {
             return choice.is_string() && !choice.get_ref<std::string const&>().empty();
           });
  };
  if (!has("prompt", is_text)) throw error{line.what, "it has no \"prompt\", or one that is no text", form};
  if (!has("choices", is_choices))
    throw error{line.what, "it has no \"choices\", or fewer than two, or one that is no text or empty", form};
  auto const count = json["choices"].size();
  auto const is_index = [&](nlohmann::json const& value) {
    return value.is_number_unsigned() && value.get<std::size_t>() < count;
  };
  if (!has("gold", is_index)) throw error{line.what, "\"gold\" is no choice", text_of("0 to ", count - 1)};
  return {.name = text_of(index),
          .what = line.what,
          .text = json["prompt"].get<std::string>(),
          .choices = json["choices"].get<std::vector<std::string>>(),
          .gold = json["gold"].get<std::size_t>()};
}

}  // namespace detail

/// Lines as items: `read(line, index)` makes each.
template <class Read>
[[nodiscard]] std::vector<choice_item> read_choice_items(std::span<json_line const> lines, Read const& read) {
  std::vector<choice_item> items;
  for (auto const& line : lines) items.push_back(read(line, items.size()));
  return items;
}

/// Questions with choices out of any file: JSON lines {"prompt", "choices", "gold"}; one space goes between a prompt
/// and a choice. Options: `shots`, drawn from the file `train` or, without one, from the other questions; `phase`;
/// `form`.
[[nodiscard]] inline std::vector<task> make_choices(model_under_test const& asked, std::string_view name,
                                                    task_options& options) {
  auto const path =
      options.take_data(R"(a file of JSON lines {"prompt": text, "choices": [text, ...], "gold": index})");
  auto const train = options.take<std::string>("train", {}, option_role::selects);
  auto const shots = options.take<std::size_t>("shots", 0);
  auto const when = options.take_phase();
  auto const seed = options.take_seed(seed_of_shots);
  auto const limit = options.take_limit();
  auto const put = take_question_form(asked, name, options);
  options.add_to_setting(text_of("data=", path.filename().string()));

  auto lines = read_json_lines(path);
  options.add_content(path);
  auto const pool = train.empty() ? lines : read_json_lines(train);
  if (!train.empty() && shots > 0) options.add_content(train);
  auto const examples = read_choice_items(pool, detail::read_choice_item);
  lines.resize((std::min)(limit, lines.size()));
  auto items = read_choice_items(lines, detail::read_choice_item);
  task made{.name = std::string{name}, .setting = options.setting(), .seed = shots == 0 ? 0 : seed};
  return {make_multiple_choice(asked, std::move(made), std::move(items),
                               draw_shots(lines, pool, examples, put, shots, seed), put, choice_metrics::all, when,
                               shots > 0)};
}

}  // namespace headcount::v0::evaluate
