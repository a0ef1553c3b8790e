#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/engine/model_under_test.hpp>
#include <headcount/statistics/metric.hpp>
#include <headcount/task/choice/choices.hpp>
#include <headcount/task/json_lines.hpp>
#include <headcount/task/task.hpp>
#include <headcount/task/task_options.hpp>

namespace headcount::v0::evaluate {

/// GLUE goes by Matthews' correlation on cola, by the mean of accuracy and F1 on mrpc and qqp, and by accuracy on the
/// other data sets; its macro mean is the mean of these, each data set counting alike.
/// Source: Wang et al. 2018, arXiv 1804.07461, section 3, where all nine data sets count; here those that were asked
/// do.
[[nodiscard]] inline std::span<metric const> glue_metrics(std::string_view task) {
  static constexpr metric acc{.name = "acc",
                              .unit = "share",
                              .better = direction::higher,
                              .values = right_or_wrong,
                              .averaged_as = "macro_mean"};
  static constexpr metric cola[]{accuracy,
                                 {.name = "mcc",
                                  .unit = "correlation",
                                  .better = direction::higher,
                                  .values = between(-1, 1),
                                  .total = matthews_correlation,
                                  .rows_of = "acc",
                                  .averaged_as = "macro_mean"}};
  static constexpr metric with_f1[]{acc,
                                    {.name = "f1",
                                     .unit = "share",
                                     .better = direction::higher,
                                     .values = between(0, 1),
                                     .total = f1_of_yes,
                                     .rows_of = "acc",
                                     .averaged_as = "macro_mean"}};
  if (task == "glue/cola") return cola;
  if (task == "glue/mrpc" || task == "glue/qqp") return with_f1;
  return {&acc, 1};
}

/// How one data set of GLUE is asked. In the wording, `{field}` is where the text of a field goes, `{field.}` where it
/// goes without white space around it and with a full stop at its end.
struct glue_form {
  std::string_view name;
  std::string_view wording;
  std::array<std::string_view, 3> choices;  ///< in the order of the labels; a third that is empty is none
  std::string_view split = "validation";
};

/// Source: lm-evaluation-harness, lm_eval/tasks/glue/*/default.yaml (qqp 2.0, wnli 2.0, the others 1.0).
inline constexpr std::array glue_forms{
    glue_form{"cola", "{sentence}\nQuestion: Does this sentence make sense?\nAnswer:", {"no", "yes", ""}},
    glue_form{"mnli",
              "{premise}\nQuestion: {hypothesis.} True, False or Neither?\nAnswer:",
              {"True", "Neither", "False"},
              "validation_matched"},
    glue_form{"mrpc",
              "Sentence 1: {sentence1}\nSentence 2: {sentence2}\nQuestion: Do both sentences mean the same "
              "thing?\nAnswer:",
              {"no", "yes", ""}},
    glue_form{"qnli",
              "{question}\n{sentence}\nQuestion: Does this response answer the question?\nAnswer:",
              {"yes", "no", ""}},
    glue_form{"qqp",
              "Question 1: {question1}\nQuestion 2: {question2}\nQuestion: Do both questions ask the same "
              "thing?\nAnswer:",
              {"no", "yes", ""}},
    glue_form{"rte", "{sentence1}\nQuestion: {sentence2} True or False?\nAnswer:", {"True", "False", ""}},
    glue_form{
        "sst2", "{sentence}\nQuestion: Is this sentence positive or negative?\nAnswer:", {"negative", "positive", ""}},
    glue_form{"wnli", "{sentence1}\nQuestion: {sentence2} True or False?\nAnswer:", {"False", "True", ""}}};

namespace detail {

/// The text of a field, as the wording asks for it.
[[nodiscard]] inline std::string glue_field(json_line const& line, std::string_view field) {
  bool const ends = field.ends_with('.');
  std::string const key{ends ? field.substr(0, field.size() - 1) : field};
  if (!line.value.contains(key) || !line.value[key].is_string())
    throw error{line.what, text_of("it has no \"", key, "\", or one that is no text"), R"({"sentence": text, ...})"};
  auto text = line.value[key].get<std::string>();
  if (!ends) return text;
  constexpr std::string_view space = " \t\n\v\f\r";
  text.erase(text.find_last_not_of(space) + 1);
  text.erase(0, text.find_first_not_of(space));
  if (!text.ends_with('.')) text += '.';
  return text;
}

}  // namespace detail

/// A line of a data set as an item, with the data set's own field names. Throws headcount::error when it is none.
[[nodiscard]] inline choice_item read_glue_item(glue_form const& form, json_line const& line, std::size_t index) {
  choice_item item{.name = text_of(index), .what = line.what};
  for (auto rest = form.wording; !rest.empty();) {
    auto const open = rest.find('{');
    item.text += rest.substr(0, open);
    if (open == rest.npos) break;
    auto const close = rest.find('}', open);
    item.text += detail::glue_field(line, rest.substr(open + 1, close - open - 1));
    rest.remove_prefix(close + 1);
  }
  for (auto const choice : form.choices)
    if (!choice.empty()) item.choices.emplace_back(choice);
  auto const label = line.value.find("label");
  if (label == line.value.end() || !label->is_number_unsigned() || label->get<std::size_t>() >= item.choices.size())
    throw error{line.what, "\"label\" is missing or no label", text_of("0 to ", item.choices.size() - 1)};
  item.gold = label->get<std::size_t>();
  return item;
}

/// Where the lines of a split are: the file itself when a file was given, `FOLDER/NAME/SPLIT.jsonl` or
/// `FOLDER/SPLIT.jsonl`.
[[nodiscard]] inline std::filesystem::path glue_file(std::filesystem::path const& data, std::string_view name,
                                                     std::string_view split) {
  if (!std::filesystem::is_directory(data)) return data;
  auto const file = text_of(split, ".jsonl");
  return std::filesystem::exists(data / name / file) ? data / name / file : data / file;
}

/// One of GLUE's data sets by log-likelihood: "glue/NAME", or "glue" for all that a folder has. Options: `shots`, drawn
/// from the split `train`, the file `train`, or, where there is neither, from the other lines; `phase`; `form`.
[[nodiscard]] inline std::vector<task> make_glue(model_under_test const& asked, std::string_view name,
                                                 task_options& options) {
  auto const data = options.take_data("a file of JSON lines with the data set's fields, or a folder NAME/SPLIT.jsonl");
  auto const train = options.take<std::string>("train", {}, option_role::selects);
  auto const shots = options.take<std::size_t>("shots", 0);
  auto const when = options.take_phase();
  auto const seed = options.take_seed(seed_of_shots);
  auto const limit = options.take_limit();
  auto const put = take_question_form(asked, name, options);
  auto const wanted = name.substr((std::min)(name.find('/'), name.size() - 1) + 1);
  std::vector<task> tasks;
  std::string names;
  for (auto const& form : glue_forms) {
    add_to_list(names, form.name);
    bool const is_all = wanted.empty();
    if (is_all ? !std::filesystem::exists(data / form.name) : wanted != form.name) continue;
    auto own = options;  // each data set has its own content
    own.add_content(glue_file(data, form.name, form.split));
    auto lines = read_json_lines(glue_file(data, form.name, form.split));
    auto const train_file = !train.empty() ? std::filesystem::path{train} : glue_file(data, form.name, "train");
    auto const pool = shots > 0 && std::filesystem::exists(train_file) ? read_json_lines(train_file) : lines;
    if (shots > 0 && std::filesystem::exists(train_file)) own.add_content(train_file);
    auto const read = [&](json_line const& line, std::size_t index) { return read_glue_item(form, line, index); };
    auto const examples = shots > 0 ? read_choice_items(pool, read) : std::vector<choice_item>{};
    lines.resize((std::min)(limit, lines.size()));
    auto const full_name = text_of("glue/", form.name);
    task made{.name = full_name,
              .setting = options.setting(),
              .identity = own.identity(full_name),
              .seed = shots == 0 ? 0 : seed};
    tasks.push_back(make_multiple_choice(asked, std::move(made), read_choice_items(lines, read),
                                         draw_shots(lines, pool, examples, put, shots, seed), put, choice_metrics::acc,
                                         when, shots > 0));
  }
  if (tasks.empty())
    throw error{text_of("task ", name),
                wanted.empty() ? "no data set has a folder in its data" : "there is no such data set", names};
  return tasks;
}

}  // namespace headcount::v0::evaluate
