#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/engine/model_under_test.hpp>
#include <headcount/file/list_files.hpp>
#include <headcount/statistics/metric.hpp>
#include <headcount/task/choice/choices.hpp>
#include <headcount/task/choice/csv.hpp>
#include <headcount/task/choice/multiple_choice.hpp>
#include <headcount/task/task.hpp>
#include <headcount/task/task_options.hpp>

namespace headcount::v0::evaluate {

/// A record of MMLU as an item: question, four choices, the letter of the right one. White space around the question is
/// left out. Throws headcount::error when it is none.
/// Source: Hendrycks et al. 2021, arXiv 2009.03300 (the CSV files); lm-evaluation-harness, mmlu/default (the wording).
[[nodiscard]] inline choice_item read_mmlu_item(csv_record const& record, std::string name) {
  static constexpr auto form = "question,A,B,C,D,letter";
  if (record.fields.size() != 6) throw error{record.what, text_of("it has ", record.fields.size(), " fields"), form};
  auto const& letter = record.fields[5];
  if (letter.size() != 1 || letter[0] < 'A' || letter[0] > 'D')
    throw error{record.what, text_of("the answer is \"", letter, "\""), "A, B, C or D"};
  std::string_view question = record.fields[0];
  constexpr std::string_view space = " \t\n\v\f\r";
  question.remove_prefix((std::min)(question.find_first_not_of(space), question.size()));
  question = question.substr(0, question.find_last_not_of(space) + 1);
  choice_item item{.name = std::move(name), .what = record.what, .text = std::string{question}};
  for (std::size_t choice = 0; choice < 4; ++choice) {
    std::string const sign(1, static_cast<char>('A' + choice));
    item.text += text_of("\n", sign, ". ", record.fields[1 + choice]);
    item.choices.push_back(sign);
  }
  item.text += "\nAnswer:";
  item.gold = static_cast<std::size_t>(letter[0] - 'A');
  return item;
}

/// What stands before the first example of a subject.
[[nodiscard]] inline std::string mmlu_description(std::string subject_name) {
  std::ranges::replace(subject_name, '_', ' ');
  return text_of("The following are multiple choice questions (with answers) about ", subject_name, ".\n\n");
}

/// Accuracy over all questions, and over those of each subject.
inline constexpr std::array mmlu_metrics{metric{
    .name = "acc", .unit = "share", .better = direction::higher, .values = right_or_wrong, .split_by = "subject"}};

/// MMLU from a folder in its published layout: `dev/SUBJECT_dev.csv` and `test/SUBJECT_test.csv`. "mmlu/SUBJECT" asks
/// one subject. A prompt is named SUBJECT/INDEX, so the mean over prompts is that over subjects, weighted by their
/// sizes. Options: `shots`, the first of dev; `limit`, of each subject; `form`.
[[nodiscard]] inline std::vector<task> make_mmlu(model_under_test const& asked, std::string_view name,
                                                 task_options& options) {
  static constexpr std::string_view ending = "_test.csv";
  auto const folder = options.take_data("a folder with dev/SUBJECT_dev.csv and test/SUBJECT_test.csv");
  auto const shots = options.take<std::size_t>("shots", 0);
  auto const limit = options.take_limit();
  auto const form = take_question_form(asked, name, options);
  std::vector<std::string> subjects;
  if (name.starts_with("mmlu/") && name != "mmlu/") subjects.emplace_back(name.substr(5));
  else if (std::filesystem::is_directory(folder / "test"))
    for (auto const& file : list_files(folder / "test", ending, "test/SUBJECT_test.csv")) {
      auto const own = file.filename().string();
      subjects.push_back(own.substr(0, own.size() - ending.size()));
    }
  if (subjects.empty())
    throw error{folder.string(), "there is no test/SUBJECT_test.csv in it", "the published folder of MMLU"};

  std::vector<choice_item> items;
  std::vector<std::string> before;
  for (auto const& one : subjects) {
    auto const path = folder / "test" / text_of(one, ending);
    auto records = read_csv(path);
    options.add_content(path);
    if (records.empty()) throw error{path.string(), "it has no question", "question,A,B,C,D,letter"};
    records.resize((std::min)(limit, records.size()));
    auto shown = form.begin(mmlu_description(one));
    if (shots > 0) {
      auto const dev = folder / "dev" / text_of(one, "_dev.csv");
      auto const examples = read_csv(dev);
      options.add_content(dev);
      if (examples.size() < shots)
        throw error{dev.string(),
                    text_of("it has ", examples.size(), " examples, and ", shots, " shots were asked for")};
      for (std::size_t i = 0; i < shots; ++i) shown += as_shot(read_mmlu_item(examples[i], {}), form);
    }
    for (std::size_t i = 0; i < records.size(); ++i) {
      items.push_back(read_mmlu_item(records[i], text_of(one, "/", i)));
      items.back().factors = {{"subject", one}};
      before.push_back(shown);
    }
  }
  task made{.name = "mmlu", .setting = options.setting()};
  return {make_multiple_choice(asked, std::move(made), std::move(items), before, form, choice_metrics::acc,
                               phase::prefill, shots > 0)};
}

}  // namespace headcount::v0::evaluate
