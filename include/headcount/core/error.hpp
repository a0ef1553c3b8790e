#pragma once

#include <concepts>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <headcount/core/text.hpp>

namespace headcount::v0 {

/// Bad input: what was read, where it broke, and what is allowed there.
/// Thrown by parsers, loaders and validation only; never from a hot path.
/// `what()` is one line, whatever was read: "READ: WHERE (allowed: ALLOWED)", without the parenthesis when nothing is
/// to be listed. Visible, so that a program catches by its type what a shared library throws.
class [[gnu::visibility("default")]] error : public std::runtime_error {
 public:
  error(std::string_view read, std::string_view where, std::string_view allowed = {})
      : std::runtime_error{message(read, where, allowed)} {}

 private:
  [[nodiscard]] static std::string message(std::string_view read, std::string_view where, std::string_view allowed) {
    auto const text = text_of(read, ": ", where);
    return on_one_line(allowed.empty() ? text : text_of(text, " (allowed: ", allowed, ")"));
  }
};

/// Throws an error, of its own class. A program compiled without exceptions prints it and ends; decisions of known
/// parts never come here.
template <std::derived_from<error> Error>
[[noreturn]] void raise(Error const& what) {
#if defined(__cpp_exceptions)
  throw what;
#else
  std::fprintf(stderr, "headcount: %s\n", what.what());
  std::abort();
#endif
}
/// The same of a plain error.
[[noreturn]] inline void fail(std::string_view read, std::string_view where, std::string_view allowed = {}) {
  raise(error{read, where, allowed});
}

/// The error that `step` gives back or throws; none where it does neither. A program compiled without exceptions learns
/// of those that are given back.
template <std::invocable Step>
[[nodiscard]] std::optional<error> error_of(Step&& step) {
  auto const run = [&]() -> std::optional<error> {
    if constexpr (std::convertible_to<std::invoke_result_t<Step>, std::optional<error>>) return step();
    else step();
    return std::nullopt;
  };
#if defined(__cpp_exceptions)
  try {
    return run();
  } catch (error const& thrown) {
    return thrown;
  }
#else
  return run();
#endif
}

/// Runs `step` and throws `reword(error)` for any error it throws.
template <class Step, std::invocable<error const&> Reword>
decltype(auto) reworded(Step&& step, [[maybe_unused]] Reword const& reword) {
#if defined(__cpp_exceptions)
  try {
    return std::forward<Step>(step)();
  } catch (error const& inner) {
    raise(reword(inner));
  }
#else
  return std::forward<Step>(step)();
#endif
}

/// Runs `step` and puts `read` in front of the message of any error it throws: how a reader of a file names the file.
template <class Step>
decltype(auto) while_reading(std::string_view read, Step&& step) {
  return reworded(std::forward<Step>(step), [&](error const& inner) { return error{read, inner.what()}; });
}

}  // namespace headcount::v0
