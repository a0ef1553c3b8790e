#pragma once

#include <cstddef>
#include <functional>

namespace tool {

/// The processes that mpirun started, or this one alone.
class processes {
 public:
  /// Joins the others. Throws headcount::error under mpirun when this was built without MPI, and under srun where the
  /// others cannot be joined, unless this one does a part of its own.
  explicit processes(bool is_part);
  ~processes();
  processes(processes const&) = delete;
  processes& operator=(processes const&) = delete;

  [[nodiscard]] std::size_t rank() const noexcept { return rank_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool is_first() const noexcept { return rank_ == 0; }

  /// Runs a step in every process and waits for all of them. When it fails on some, the first of those throws what it
  /// threw, and the others leave without a word.
  void together(std::function<void()> const& step) const;

 private:
  std::size_t rank_ = 0;
  std::size_t size_ = 1;
};

}  // namespace tool
