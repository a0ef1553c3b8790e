#pragma once

// For files whose headers read sentences: the grammar is compiled in sentences.cpp and nowhere else in the tool.

#include <string_view>
#include <vector>

#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy_file/sentence_files.hpp>
#include <headcount/score/any_scorer.hpp>
#include <headcount/sentence/parse.hpp>
#include <headcount/sentence/registry.hpp>

namespace headcount::v0 {

extern template any_policy parse_policy<registry, reference::sentence_files>(std::string_view,
                                                                             reference::sentence_files const&);
extern template any_scorer parse_scorer<registry, reference::sentence_files>(std::string_view,
                                                                             reference::sentence_files const&);
extern template std::vector<any_edit> parse_edits<registry, reference::sentence_files>(
    std::string_view, reference::sentence_files const&);

}  // namespace headcount::v0
