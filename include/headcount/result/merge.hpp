#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <ranges>
#include <span>
#include <string>
#include <utility>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/write_file.hpp>
#include <headcount/result/checksummed_row.hpp>
#include <headcount/result/journal.hpp>
#include <headcount/result/labels.hpp>
#include <headcount/result/row.hpp>

namespace headcount::v0::evaluate {

/// Rows of several result files as one file's: each once, in the order of their keys, so that the same rows make the
/// same bytes, whoever made them in whatever order, and with one label for each identity.
class merged_rows {
 public:
  /// Takes a file's rows. Throws headcount::error when one has the key of another and not the same answer, one label
  /// stands for two identities, or a line was damaged. Torn last lines are passed over.
  void add(std::filesystem::path const& path) {
    for (auto& one : read_journal(path).rows) {
      labels_.take(path.string(), one);
      auto const [found, is_new] = rows_.try_emplace(key_of(one), std::move(one));
      if (is_new) continue;
      ++repeated_;
      auto other = found->second;
      for (auto* both : {&one, &other}) labels_.apply(*both);
      if (print(one) != print(other))
        throw error{path.string(),
                    text_of("two rows answer the same question in different ways: ", reference::in_quotes(one.prompt),
                            " of ", one.task, " under ", reference::in_quotes(one.policy)),
                    "rows of one run, or of runs of one build on the same kind of machine"};
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return rows_.size(); }
  /// Rows that were there more than once.
  [[nodiscard]] std::size_t repeated() const noexcept { return repeated_; }

  /// Writes them, all or nothing.
  void write(std::filesystem::path const& path) const {
    reference::write_file(path, [&](auto const& put) {
      for (auto one : rows_ | std::views::values) {
        labels_.apply(one);
        auto const line = print_checksummed(one) + "\n";
        put(std::as_bytes(std::span{line}));
      }
    });
  }

 private:
  std::map<std::string, row> rows_{};  ///< by key
  labels labels_{};
  std::size_t repeated_ = 0;
};

}  // namespace headcount::v0::evaluate
