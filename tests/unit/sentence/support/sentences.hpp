#pragma once

// Parts of every kind beside the library's, in a registry of one's own, and what sentences of them are read as.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/core/words.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/part/part.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/score/any_scorer.hpp>
#include <headcount/sentence/parse.hpp>
#include <headcount/sentence/registry.hpp>
#include <support/parts.hpp>

namespace test {

/// Two optional values, so that one may be left out before the other.
struct two_optional {
  static constexpr std::string_view name = "two_optional";
  std::size_t a = 1;
  std::size_t b = 2;
  static constexpr auto fields =
      headcount::field_list{headcount::optional_leading_field("a", &two_optional::a, "one"),
                            headcount::optional_leading_field("b", &two_optional::b, "the other")};
  double operator()(headcount::site const&, std::size_t) const noexcept { return static_cast<double>(a + b); }
};

/// Positions between other leading fields take what is to spare.
struct positions_between {
  static constexpr std::string_view name = "positions_between";
  std::size_t before = 0;
  headcount::token_positions tokens;
  std::size_t after = 0;
  static constexpr auto fields =
      headcount::field_list{headcount::leading_field("before", &positions_between::before, "one"),
                            headcount::leading_field("tokens", &positions_between::tokens, "the tokens"),
                            headcount::leading_field("after", &positions_between::after, "the other")};
  double operator()(headcount::site const&, std::size_t) const noexcept { return 0; }
};

/// What a file may hold: a number that every head scores.
struct number_in_file {
  double value = 0;
  void add_to(headcount::content_digest& digest) const noexcept { digest.add(value); }
};
enum class colour { red, deep_blue };

}  // namespace test

template <>
inline constexpr std::array<std::string_view, 2> headcount::words_of<test::colour>{"red", "deep_blue"};

namespace test {

/// A word and a file.
struct word_and_file {
  static constexpr std::string_view name = "word_and_file";
  headcount::from_file<number_in_file> file;
  colour paint = colour::red;
  static constexpr auto fields =
      headcount::field_list{headcount::leading_field("file", &word_and_file::file, "where the number is"),
                            headcount::named_field("paint", &word_and_file::paint, "its colour")};
  double operator()(headcount::site const&, std::size_t) const noexcept {
    return paint == colour::red ? file.content->value : -file.content->value;
  }
};

/// Scorers inside a scorer, and a number for each.
struct nest {
  static constexpr std::string_view name = "nest";
  double x = 0;
  std::vector<headcount::any_scorer> scorers;
  std::vector<double> numbers;
  static constexpr auto fields =
      headcount::field_list{headcount::leading_field("x", &nest::x, "a number"),
                            headcount::leading_field("scorers", &nest::scorers, "what is inside"),
                            headcount::named_field("numbers", &nest::numbers, "one for each")};
  double operator()(headcount::site const&, std::size_t) const noexcept { return static_cast<double>(scorers.size()); }
};

/// Reads files of numbers: there is one, whose name says what is in it.
struct number_files {
  number_in_file operator()(std::string const& name, std::type_identity<number_in_file>) const {
    if (name != "4.5.txt" && name != "a (very), \\odd=name;")
      throw headcount::error{name, "it cannot be read", "4.5.txt"};
    return {4.5};
  }
};

/// A registry of one's own: parts of every kind beside the library's.
struct parts : headcount::registry {
  using scorers =
      headcount::registry::scorers::with<support::last_first, support::query_feature, support::newest_weight,
                                         support::output_feature, support::many_fields, two_optional, positions_between,
                                         word_and_file, nest>;
  using selectors = headcount::registry::selectors::with<support::even_heads>;
  using masks = headcount::registry::masks::with<support::constant>;
};

/// A policy sentence as it is printed.
inline std::string reprinted(std::string_view text) {
  return headcount::print(headcount::parse_policy<parts>(text, number_files{}));
}

/// The message of the error that reading a sentence throws, or nothing.
template <class Read>
std::string message_of(Read const& read, std::string_view text) {
  try {
    (void)read(text);
  } catch (headcount::error const& problem) {
    return problem.what();
  }
  return {};
}

}  // namespace test
