#include "sentences.hpp"

#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include <headcount/policy_file/file_origin.hpp>
#include <headcount/select/fixed.hpp>

#include "grammar.hpp"

namespace headcount::v0 {

template any_policy parse_policy<registry, reference::sentence_files>(std::string_view,
                                                                      reference::sentence_files const&);
template any_scorer parse_scorer<registry, reference::sentence_files>(std::string_view,
                                                                      reference::sentence_files const&);
template std::vector<any_edit> parse_edits<registry, reference::sentence_files>(std::string_view,
                                                                                reference::sentence_files const&);

}  // namespace headcount::v0

namespace tool {

headcount::any_policy read_policy(std::string const& sentence) {
  return headcount::parse_policy(sentence, headcount::reference::sentence_files{});
}

std::vector<headcount::any_policy> read_policies(std::vector<std::string> const& sentences) {
  std::vector<headcount::any_policy> policies;
  for (auto const& sentence : sentences) policies.push_back(read_policy(sentence));
  return policies;
}

void require_fit(std::span<headcount::any_policy const> policies, loaded_model const& loaded) {
  for (auto const& policy : policies) loaded.fits(policy);
  std::map<std::string, headcount::reference::file_origin> files;
  for (auto const& policy : policies)
    for (auto& from : headcount::reference::origins_of(policy)) files.emplace(from.file, from);
  if (files.empty()) return;  // an identity reads all weights
  auto const identity = loaded.identity();
  for (auto const& [name, from] : files)
    if (auto const doubt = doubt_of(from, identity); !doubt.empty()) fmt::print(stderr, "warning: {}\n", doubt);
}

void require_fit(headcount::any_scorer const& scorer, loaded_model const& loaded) {
  loaded.fits(headcount::any_policy{scorer, headcount::select::every_head{}});
}

headcount::any_scorer read_scorer(std::string_view text) {
  return headcount::parse_scorer(text, headcount::reference::sentence_files{});
}

std::vector<headcount::any_edit> read_edits(std::string const& sentence) {
  return sentence.empty() ? std::vector<headcount::any_edit>{}
                          : headcount::parse_edits(sentence, headcount::reference::sentence_files{});
}

}  // namespace tool
