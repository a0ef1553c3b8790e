#include "progress.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <fmt/core.h>
#include <unistd.h>

namespace tool {

std::string say_duration(double seconds) {
  auto const whole = static_cast<long>(std::ceil(seconds));
  if (whole < 100) return fmt::format("{} s", whole);
  auto const minutes = (whole + 59) / 60;
  if (minutes < 60) return fmt::format("{} min", minutes);
  return fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
}

progress::progress(double weight, std::size_t count)
    : weight_{weight}, count_{count}, is_terminal_{isatty(fileno(stderr)) != 0} {}

progress::~progress() {
  if (is_terminal_ && pieces_ > 0) fmt::print(stderr, "\n");
}

void progress::add(double weight) {
  std::lock_guard const one_at_a_time{mutex_};
  done_ += weight;
  ++pieces_;
  auto const now = std::chrono::steady_clock::now();
  auto const pause = is_terminal_ ? std::chrono::milliseconds{200} : std::chrono::milliseconds{10000};
  if (pieces_ < count_ && now - shown_ < pause) return;
  shown_ = now;
  show(pieces_ == count_);
}

void progress::show(bool last) {
  auto const seconds = std::chrono::duration<double>(shown_ - start_).count();
  auto const share = weight_ > 0 ? std::min(done_ / weight_, 1.0) : 1.0;
  auto const time = last ? "in " + say_duration(seconds)
                         : (share > 0 ? say_duration(seconds / share - seconds) + " left" : std::string{"..."});
  if (!is_terminal_) {
    fmt::print(stderr, "{} of {} prompts, {}\n", pieces_, count_, time);
    return;
  }
  constexpr std::size_t width = 40;
  auto const full = static_cast<std::size_t>(share * width);
  fmt::print(stderr, "\r[{:=<{}}{:<{}}] {:3.0f}%  {} of {} prompts, {}\x1b[K", "", full, "", width - full, 100 * share,
             pieces_, count_, time);
  std::fflush(stderr);
}

}  // namespace tool
