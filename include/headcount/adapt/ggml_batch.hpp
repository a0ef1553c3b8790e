#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/scorer_state.hpp>

namespace headcount::v0::ggml {

/// A token of the batch that a graph computes.
struct batch_token {
  std::size_t sequence = 0;           ///< as llama.cpp numbers it
  std::size_t position = 0;           ///< in its sequence
  std::size_t sequence_id = 0;        ///< site::sequence_id
  scorer_state* memory = nullptr;     ///< of its sequence, for policies that remember
  std::span<any_edit const> edits{};  ///< of its attention weights
};

/// How llama.cpp goes through a batch that does not fit one ubatch or holds several sequences: hybrid models, and
/// caches of a stream a sequence, take equally many tokens of each sequence; other unified caches take tokens as they
/// stand.
enum class batch_order { by_sequence, as_given };

/// A batch as the graphs of its ubatches go through it.
class batch {
 public:
  explicit batch(std::vector<batch_token> tokens, batch_order order = batch_order::by_sequence)
      : tokens_{std::move(tokens)}, used_(tokens_.size()), order_{order} {}

  [[nodiscard]] std::span<batch_token const> tokens() const noexcept { return tokens_; }

  /// The tokens of the graph at work, in its order.
  [[nodiscard]] std::span<batch_token const* const> ubatch() const noexcept { return ubatch_; }

  /// Throws headcount::error when an edit needs more than the rows of one query.
  void require_edits_of_rows() const {
    for (auto const& one : tokens_)
      for (auto const& edit : one.edits)
        if (edit.ablation() != nullptr || edit.needs_all_rows())
          fail(text_of("edit \"", print(edit), "\""), "llama.cpp shows a query's rows, and no blocks",
               "edits of single rows");
  }

  /// Throws headcount::error when the sequences are not numbered one after the other: llama.cpp then takes other tokens
  /// together than are counted here.
  void require_sequences_in_a_row() const {
    if (order_ == batch_order::as_given || tokens_.empty()) return;
    std::vector<std::size_t> numbers;
    for (auto const& one : tokens_) numbers.push_back(one.sequence);
    std::ranges::sort(numbers);
    for (std::size_t i = 1; i < numbers.size(); ++i)
      if (numbers[i] > numbers[i - 1] + 1)
        fail("batch", text_of("it holds sequences ", numbers[i - 1], " and ", numbers[i], ", and none between"),
             "sequences one after the other, or another batch for each");
  }

  /// Meets an attention layer that computes `count` tokens: `goes_on` where it is the same graph's as the last one.
  /// Throws headcount::error when that cannot be.
  void meet(std::size_t layer, std::size_t count, bool goes_on) {
    if (goes_on) {
      if (count == ubatch_.size()) return;
      fail("llama.cpp", text_of("layer ", layer, " computes ", count, " tokens of ", ubatch_.size()),
           "all tokens of a ubatch in every layer");
    }
    ubatch_.clear();
    if (order_ == batch_order::as_given) {
      for (std::size_t i = 0; i < tokens_.size() && ubatch_.size() < count; ++i) take(i);
    } else {
      std::vector<std::size_t> sequences;
      for (std::size_t i = 0; i < tokens_.size(); ++i)
        if (!used_[i] && std::ranges::find(sequences, tokens_[i].sequence) == sequences.end())
          sequences.push_back(tokens_[i].sequence);
      while (!sequences.empty() && count % sequences.size() != 0) sequences.pop_back();
      for (auto const sequence : sequences)
        for (std::size_t i = 0, taken = 0; i < tokens_.size() && taken < count / sequences.size(); ++i)
          if (tokens_[i].sequence == sequence && take(i)) ++taken;
    }
    if (ubatch_.size() != count)
      fail("llama.cpp", text_of("it computes ", count, " tokens, and ", ubatch_.size(), " of those given are left"),
           "the tokens of the batch, see batch_token");
  }

 private:
  bool take(std::size_t i) {
    if (used_[i]) return false;
    used_[i] = true;
    ubatch_.push_back(&tokens_[i]);
    return true;
  }

  std::vector<batch_token> tokens_;
  std::vector<bool> used_;
  batch_order order_;
  std::vector<batch_token const*> ubatch_;
};

}  // namespace headcount::v0::ggml
