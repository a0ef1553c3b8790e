#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/write_file.hpp>
#include <headcount/result/checksummed_row.hpp>
#include <headcount/result/journal.hpp>
#include <headcount/result/row.hpp>

namespace headcount::v0::evaluate {

/// Rows of several result files as one file's: each once, in the order of their keys, so that the same rows make the
/// same bytes, whoever made them in whatever order.
class merged_rows {
 public:
  /// Takes a file's rows. Throws headcount::error when one has the key of another and is not the same, or a line was
  /// damaged. Torn last lines are passed over.
  void add(std::filesystem::path const& path) {
    for (auto const& one : read_journal(path).rows) {
      auto line = print_checksummed(one) + "\n";
      auto const [found, is_new] = lines_.try_emplace(key_of(one), line);
      if (!is_new && found->second != line)
        throw error{path.string(),
                    text_of("two rows answer the same question in different ways: ", reference::in_quotes(one.prompt),
                            " of ", one.task, " under ", reference::in_quotes(one.policy)),
                    "rows of one run, or of runs of one build on the same kind of machine"};
      repeated_ += is_new ? 0 : 1;
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return lines_.size(); }
  /// Rows that were there more than once.
  [[nodiscard]] std::size_t repeated() const noexcept { return repeated_; }

  /// Writes them, all or nothing.
  void write(std::filesystem::path const& path) const {
    reference::write_file(path, [&](auto const& put) {
      for (auto const& [key, line] : lines_) put(std::as_bytes(std::span{line}));
    });
  }

 private:
  std::map<std::string, std::string> lines_{};  ///< by key
  std::size_t repeated_ = 0;
};

}  // namespace headcount::v0::evaluate
