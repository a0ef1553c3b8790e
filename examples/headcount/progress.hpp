#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>

namespace tool {

/// "1 h 02 min", "3 min", "12 s".
std::string say_duration(double seconds);

/// Says on standard error how far a long piece of work is and how long it will take: a bar that is drawn over and over
/// on a terminal, a line now and then otherwise. Several threads may tell it.
class progress {
 public:
  /// `weight` is what all work weighs together, in any unit, and `count` the number of its pieces.
  progress(double weight, std::size_t count);
  /// Ends the bar's line.
  ~progress();
  progress(progress const&) = delete;
  progress& operator=(progress const&) = delete;

  /// A piece of some weight is done.
  void add(double weight);

 private:
  void show(bool last);

  double weight_;
  std::size_t count_;
  bool is_terminal_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point shown_ = start_;
  double done_ = 0;
  std::size_t pieces_ = 0;
  std::mutex mutex_;
};

}  // namespace tool
