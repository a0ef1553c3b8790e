#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/result/canonical.hpp>
#include <headcount/result/row.hpp>

namespace headcount::v0::evaluate {

/// What rows are called: their model, their policy and the setting of their task.
struct row_names {
  std::string model{};
  std::string policy{};
  std::string setting{};
};

/// What rows call their models, policies and tasks. One label stands for one identity; an identity with several labels
/// gets the first in the alphabet, whatever order rows come in. A label stands for itself where an identity is empty.
class labels {
 public:
  /// Takes a row's labels; `policy` is its policy's where that is written in another way. `what` names the rows in
  /// errors. Throws headcount::error when one of them stood for another identity.
  void take(std::string_view what, row const& one, std::string const& policy) {
    for (auto const& [kind, identity, label] : of(one, policy)) {
      auto const& other = identity_of_.try_emplace({kind, label}, identity).first->second;
      if (other != identity)
        throw error{what,
                    text_of("the ", kind, label.empty() ? "" : " ", label.empty() ? "" : reference::in_quotes(label),
                            " stands for two: in some rows it has identity ", other, ", in others ", identity),
                    "rows of one of the two, or a name of its own for each"};
      auto& first = label_of_.try_emplace({kind, identity}, label).first->second;
      first = (std::min)(first, label);
    }
  }
  void take(std::string_view what, row const& one) { take(what, one, one.policy); }

  /// What all rows of its identities are called, of a row that was taken.
  [[nodiscard]] row_names names_of(row const& one, std::string const& policy) const {
    auto const [model, its_policy, task] = of(one, policy);
    auto const label = [&](named const& a) { return label_of_.at({a.kind, a.identity}); };
    return {label(model), label(its_policy), label(task)};
  }

  /// Gives these names to the row.
  void apply(row& one) const {
    auto names = names_of(one, one.policy);
    one.model = std::move(names.model);
    one.policy = std::move(names.policy);
    one.setting = std::move(names.setting);
  }

 private:
  struct named {
    std::string kind{};
    std::string identity{};
    std::string label{};
  };

  /// Tasks are told apart by model: two may be asked what has one label and differs, as their languages do.
  [[nodiscard]] static std::array<named, 3> of(row const& one, std::string const& policy) {
    auto const model = one.model_identity.empty() ? one.model : one.model_identity;
    bool const has_none = one.policy_identity.empty() || one.policy_identity == one.policy;
    return {{{"model", model, one.model},
             {"policy", has_none ? policy : one.policy_identity, policy},
             {text_of("task ", one.task, " of model ", model),
              one.task_identity.empty() ? one.setting : one.task_identity, one.setting}}};
  }

  std::map<std::pair<std::string, std::string>, std::string> identity_of_{};  ///< by kind and label
  std::map<std::pair<std::string, std::string>, std::string> label_of_{};     ///< by kind and identity
};

/// What to call each of some rows, whatever each calls itself; their policies' sentences as `canonical` has them.
/// Throws headcount::error when a label stands for two identities. O(rows * log(different names)).
[[nodiscard]] inline std::vector<row_names> names_of_rows(std::string_view what, std::span<row const* const> rows,
                                                          canonical_policies& canonical) {
  using own = std::array<std::string_view, 7>;
  std::map<own, row_names> known;
  labels all;
  auto const own_of = [](row const& one) -> own {
    return {one.model, one.model_identity, one.policy, one.policy_identity, one.task, one.setting, one.task_identity};
  };
  for (auto const* one : rows)
    if (known.try_emplace(own_of(*one)).second) all.take(what, *one, canonical.of(one->policy));
  std::vector<row_names> names;
  names.reserve(rows.size());
  for (auto const* one : rows) {
    auto& own_names = known.at(own_of(*one));
    if (own_names.policy.empty()) own_names = all.names_of(*one, canonical.of(one->policy));
    names.push_back(own_names);
  }
  return names;
}

}  // namespace headcount::v0::evaluate
