#pragma once

#include <utility>
#include <variant>

#include <headcount/core/error.hpp>
#include <headcount/sentence/sentence_reader.hpp>

namespace headcount::v0 {

/// What a sentence says, or where it breaks: for programs that take mistakes as values, with or without exceptions.
template <class Value>
class [[nodiscard]] parsed {
 public:
  parsed(Value value) : held_{std::move(value)} {}
  parsed(sentence_error mistake) : held_{std::move(mistake)} {}

  /// Whether it was understood.
  [[nodiscard]] explicit operator bool() const noexcept { return held_.index() == 0; }

  /// What it says. Throws the mistake where there is one.
  [[nodiscard]] Value const& value() const& {
    if (auto const* wrong = mistake()) raise(*wrong);
    return *std::get_if<0>(&held_);
  }
  [[nodiscard]] Value value() && {
    if (auto const* wrong = mistake()) raise(*wrong);
    return std::move(*std::get_if<0>(&held_));
  }

  /// Where it breaks; null where it was understood.
  [[nodiscard]] sentence_error const* mistake() const noexcept { return std::get_if<1>(&held_); }

 private:
  std::variant<Value, sentence_error> held_;
};

}  // namespace headcount::v0
