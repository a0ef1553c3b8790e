#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/result/row.hpp>

namespace headcount::v0::evaluate {

/// What rows call their models, policies and tasks. One label stands for one identity; an identity with several labels
/// gets the first in the alphabet, whatever order rows come in.
class labels {
 public:
  /// Takes a row's labels. `what` names the rows in errors. Throws headcount::error when one of them stood for another
  /// identity.
  void take(std::string_view what, row const& one) {
    for (auto const& [kind, identity, label] : of(one)) {
      auto const& other = identity_of_.try_emplace({kind, label}, identity).first->second;
      if (other != identity)
        throw error{what,
                    text_of("the ", kind, " ", reference::in_quotes(label), " is of identity ", identity,
                            " in some rows and of ", other, " in others"),
                    "rows of the same model, policy and data under one name"};
      auto& first = label_of_.try_emplace({kind, identity}, label).first->second;
      first = std::min(first, label);
    }
  }

  /// Gives a row that was taken the labels that all of its kind get.
  void apply(row& one) const {
    auto own = of(one);
    for (auto& [kind, identity, label] : own) label = label_of_.at({kind, identity});
    one.model = own[0].label;
    one.policy = own[1].label;
    one.setting = own[2].label;
  }

 private:
  struct named {
    std::string kind{};
    std::string identity{};
    std::string label{};
  };

  /// Tasks are told apart by model: two may be asked what has one label and differs, as their languages do.
  [[nodiscard]] static std::array<named, 3> of(row const& one) {
    return {{{"model", one.model_identity, one.model},
             {"policy", one.policy_identity, one.policy},
             {text_of("task ", one.task, " of model ", one.model_identity), one.task_identity, one.setting}}};
  }

  std::map<std::pair<std::string, std::string>, std::string> identity_of_{};  ///< by kind and label
  std::map<std::pair<std::string, std::string>, std::string> label_of_{};     ///< by kind and identity
};

}  // namespace headcount::v0::evaluate
