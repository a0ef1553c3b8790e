#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/result/row.hpp>

namespace headcount::v0::evaluate {

/// The models, policies and tasks that a run asks, as they are now: what its rows stand on. Rows from before that have
/// one of their labels and another identity are of something that has changed since.
class ground {
 public:
  void add_model(std::string const& label, std::string const& identity) { models_[label].insert(identity); }
  void add_policy(std::string const& label, std::string const& identity) { policies_[label].insert(identity); }
  /// A task as one model is asked it.
  void add_task(std::string const& model_identity, std::string const& label, std::string const& identity) {
    tasks_[{model_identity, label}].insert(identity);
  }

  /// Throws headcount::error, which says what has changed, when rows of a file are not of what is there now.
  void require_unchanged(std::string_view file, std::span<row const> rows) const {
    std::set<std::string> changes;
    auto const compare = [&](auto const& known, auto const& label, std::string_view what, std::string const& name,
                             std::string const& identity) {
      auto const found = known.find(label);
      if (found == known.end() || found->second.contains(identity)) return;
      changes.insert(text_of("the ", what, " ", reference::in_quotes(name), " was ", identity, " and is ",
                             *found->second.begin()));
    };
    for (auto const& one : rows) {
      compare(models_, one.model, "model", one.model, one.model_identity);
      compare(policies_, one.policy, "policy", one.policy, one.policy_identity);
      auto const task = label_of_task(one);
      compare(tasks_, std::pair{one.model_identity, task}, "task", task, one.task_identity);
    }
    if (changes.empty()) return;
    std::string all;
    for (auto const& change : changes) add_to_list(all, change);
    throw error{file, text_of("its rows are of something else than what they are called now: ", all),
                "--fresh to ask all again, or another output"};
  }

  /// What people call a row's task: its name and setting.
  [[nodiscard]] static std::string label_of_task(row const& one) {
    return one.setting.empty() ? one.task : text_of(one.task, ", ", one.setting);
  }

 private:
  using identities = std::set<std::string>;
  std::map<std::string, identities> models_{};
  std::map<std::string, identities> policies_{};
  std::map<std::pair<std::string, std::string>, identities> tasks_{};
};

}  // namespace headcount::v0::evaluate
