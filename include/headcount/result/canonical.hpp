#pragma once

#include <map>
#include <string>

#include <headcount/core/error.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy_file/sentence_files.hpp>
#include <headcount/sentence/parse.hpp>

namespace headcount::v0::evaluate {

/// A policy's sentence as `print` writes it, however it was written. Throws headcount::error when it is none.
[[nodiscard]] inline std::string canonical_policy(std::string const& sentence) {
  return print(parse_policy(sentence, reference::sentence_files{.reads = false}));
}

/// The canonical sentences of many rows, each parsed once. A sentence that cannot be read here, as one of another
/// version, stands for itself.
class canonical_policies {
 public:
  [[nodiscard]] std::string const& of(std::string const& sentence) {
    auto const [found, is_new] = known_.try_emplace(sentence, sentence);
    if (is_new) {
      try {
        found->second = canonical_policy(sentence);
      } catch (error const&) {
      }
    }
    return found->second;
  }

 private:
  std::map<std::string, std::string> known_;
};

}  // namespace headcount::v0::evaluate
