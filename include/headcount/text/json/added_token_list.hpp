#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/text/json/added_tokens.hpp>
#include <headcount/text/json/byte_pairs.hpp>

namespace headcount::v0::reference {

/// The added tokens of a tokenizer with their ids, which the vocabulary, or else their order, decides. The vocabulary
/// outlives the list. Source: tokenizers, `AddedVocabulary::add_tokens`.
class added_token_list {
 public:
  explicit added_token_list(byte_pairs const& vocabulary)
      : vocabulary_{vocabulary}, next_{static_cast<token>(vocabulary.size())} {}

  /// Adds a token, or changes the one of its name. Throws headcount::error, with `where`, when its id is another than
  /// the reference would give it: what the model was trained on would be read as something else.
  void add(added_token one, std::string const& where) {
    if (one.content.empty()) return;
    auto const id = id_for(one.content);
    if (id != one.id)
      throw error{where, text_of("the added token ", in_quotes(one.content), " has the id ", one.id,
                                 ", and would be read as ", id)};
    put(std::move(one));
  }
  /// Adds a name as a special token, or makes its token one.
  void add_special(std::string const& name) {
    auto const found = places_.find(name);
    if (found != places_.end()) all_[found->second].special = true;
    else if (!name.empty()) put({.content = name, .id = id_for(name), .special = true});
  }

  [[nodiscard]] std::vector<added_token> const& all() const noexcept { return all_; }
  [[nodiscard]] std::optional<token> id_of(std::string_view name) const {
    auto const found = places_.find(name);
    return found == places_.end() ? std::nullopt : std::optional{all_[found->second].id};
  }

 private:
  [[nodiscard]] token id_for(std::string_view name) const {
    auto const own = id_of(name);
    return own ? *own : vocabulary_.id_of(name).value_or(next_);
  }
  void put(added_token one) {
    next_ = (std::max)(next_, one.id + 1);
    auto const [found, is_new] = places_.emplace(one.content, all_.size());
    if (is_new) all_.push_back(std::move(one));
    else all_[found->second] = std::move(one);
  }

  byte_pairs const& vocabulary_;
  token next_;
  std::vector<added_token> all_{};
  std::map<std::string, std::size_t, std::less<>> places_{};
};

}  // namespace headcount::v0::reference
