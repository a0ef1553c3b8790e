#pragma once

#include <filesystem>
#include <string>
#include <type_traits>
#include <vector>

#include <headcount/core/decision_trace.hpp>
#include <headcount/core/head_outputs.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/policy_file/head_outputs_file.hpp>
#include <headcount/policy_file/predictor_json.hpp>
#include <headcount/policy_file/ranking_json.hpp>
#include <headcount/policy_file/trace_file.hpp>
#include <headcount/score/head_predictor.hpp>

namespace headcount::v0::reference {

/// Reads the files that parts of a sentence name: `parse_policy(text, reference::sentence_files{})`. One call operator
/// a type of content, `Content operator()(std::string const& name, std::type_identity<Content>) const`, which throws
/// headcount::error that begins with the name. Relative names start in the working directory.
struct sentence_files {
  bool reads = true;  ///< false: files are taken for empty ones, as what a policy is called does not hang on them
  std::vector<std::string>* names = nullptr;  ///< gets the files' names, in order

  [[nodiscard]] ranking operator()(std::string const& name, std::type_identity<ranking>) const {
    return content(name, read_ranking);
  }
  [[nodiscard]] decision_trace operator()(std::string const& name, std::type_identity<decision_trace>) const {
    return content(name, read_trace);
  }
  [[nodiscard]] head_outputs operator()(std::string const& name, std::type_identity<head_outputs>) const {
    return content(name, read_head_outputs);
  }
  [[nodiscard]] score::head_predictor operator()(std::string const& name,
                                                 std::type_identity<score::head_predictor>) const {
    return content(name, read_predictor);
  }

 private:
  template <class Content>
  [[nodiscard]] Content content(std::string const& name, Content (&read)(std::filesystem::path const&)) const {
    if (names != nullptr) names->push_back(name);
    return reads ? read(name) : Content{};
  }
};

}  // namespace headcount::v0::reference
