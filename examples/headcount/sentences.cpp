#include "sentences.hpp"

#include <string_view>
#include <vector>

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

headcount::any_scorer read_scorer(std::string_view text) {
  return headcount::parse_scorer(text, headcount::reference::sentence_files{});
}

std::vector<headcount::any_edit> read_edits(std::string const& sentence) {
  return sentence.empty() ? std::vector<headcount::any_edit>{}
                          : headcount::parse_edits(sentence, headcount::reference::sentence_files{});
}

}  // namespace tool
