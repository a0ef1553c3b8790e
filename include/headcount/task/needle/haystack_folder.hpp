#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/engine/model_under_test.hpp>
#include <headcount/file/list_files.hpp>
#include <headcount/task/needle/haystack.hpp>
#include <headcount/task/needle/needle_kind.hpp>
#include <headcount/task/task.hpp>
#include <headcount/task/task_options.hpp>

namespace headcount::v0::evaluate {

/// A folder of text files, and of the needles that go with them if it has a needles.json.
struct haystack_folder {
  haystack hay{};
  needle_kind kind{};
};

/// Takes option `data`. Where it is not given, a model in the language of the small hybrids is asked about the folder
/// `haystack` beside that language's file, which the setting says as it says any other. Throws headcount::error when
/// there is none, or it is not as it should be; without `required` an empty haystack comes back instead of the first.
[[nodiscard]] inline haystack_folder take_haystack(model_under_test const& asked, std::string_view task_name,
                                                   task_options& options, bool required = true) {
  std::string shipped;
  if (!asked.language.empty()) shipped = (asked.language.parent_path() / "haystack").string();
  if (!std::filesystem::exists(shipped)) shipped.clear();
  std::filesystem::path const folder = options.take("data", shipped, option_role::selects);
  if (folder.empty() && !required) return {};
  if (folder.empty()) throw error{text_of("task ", task_name), "it needs data", "data: a folder of .txt files"};
  options.add_to_setting(text_of("data=", (folder.has_filename() ? folder : folder.parent_path()).filename().string()));
  haystack_folder found{.hay = read_haystack(folder)};
  for (auto const& file : list_files(folder, ".txt", "a folder of .txt files")) options.add_content(file);
  if (auto const kind = folder / "needles.json"; std::filesystem::exists(kind)) {
    found.kind = read_needle_kind(kind);
    options.add_content(kind);
  }
  return found;
}

}  // namespace headcount::v0::evaluate
