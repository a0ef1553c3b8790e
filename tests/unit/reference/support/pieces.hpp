#pragma once

// Blocks with a state: pieces equal the whole, and sequences side by side do not touch each other.

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/block/recurrence.hpp>
#include <headcount/reference/block/segment.hpp>

#include "numbers.hpp"

namespace test {

constexpr double block_rounding = 1e-5;  // of float32 over 30 steps of a recurrence, values near 1

/// Runs one sequence's tokens in pieces of these sizes.
template <class Block>
headcount::reference::matrix run_in_pieces(Block const& block, headcount::reference::matrix const& x,
                                           std::vector<std::size_t> const& pieces,
                                           headcount::reference::recurrence& state) {
  headcount::reference::matrix y(x.rows(), x.cols());
  std::size_t begin = 0;
  for (auto const count : pieces) {
    std::array const segments{headcount::reference::segment{.begin = 0, .count = count, .position = begin}};
    std::array const states{&state};
    y.middleRows(headcount::reference::index(begin), headcount::reference::index(count)) =
        apply(block, slice(x, begin, count), segments, std::span<headcount::reference::recurrence* const>{states},
              headcount::reference::wanted::all_tokens);
    begin += count;
  }
  REQUIRE(begin == headcount::reference::size(x.rows()));
  return y;
}

inline std::vector<std::vector<std::size_t>> const cuts{
    {30}, {1, 29}, {2, 3, 25}, {28, 1, 1}, std::vector<std::size_t>(30, 1)};

/// What holds for every block with a state: pieces equal the whole, sequences side by side do not touch each other, and
/// the last token alone is what it is among all.
template <class Block>
void check_state(Block const& block, headcount::reference::matrix const& x, rows const& exact) {
  headcount::reference::recurrence whole_state = block.empty_state();
  auto const whole = run_in_pieces(block, x, {30}, whole_state);
  CHECK(distance(whole, exact) < block_rounding);
  for (auto const& pieces : cuts) {
    headcount::reference::recurrence state = block.empty_state();
    CHECK(distance(run_in_pieces(block, x, pieces, state), exact) < block_rounding);
    REQUIRE(state.hidden.size() == whole_state.hidden.size());
    for (std::size_t i = 0; i < state.hidden.size(); ++i)
      CHECK(state.hidden[i] == doctest::Approx(whole_state.hidden[i]).epsilon(1e-4));
    CHECK(state.bytes() == whole_state.bytes());
  }

  // Tokens 0 to 9 and 0 to 19 as two sequences of one pass, the second one continued with the rest.
  headcount::reference::recurrence a = block.empty_state();
  headcount::reference::recurrence b = block.empty_state();
  std::array const states{&a, &b};
  headcount::reference::matrix both(30, x.cols());
  both << slice(x, 0, 10), slice(x, 0, 20);
  std::array const first{headcount::reference::segment{0, 10, 0}, headcount::reference::segment{10, 20, 0}};
  headcount::reference::matrix const y =
      apply(block, both, first, std::span<headcount::reference::recurrence* const>{states},
            headcount::reference::wanted::all_tokens);
  CHECK(distance(slice(y, 0, 10), slice(whole, 0, 10)) < block_rounding);
  CHECK(distance(slice(y, 10, 20), slice(whole, 0, 20)) < block_rounding);

  headcount::reference::matrix rest(11, x.cols());
  rest << slice(x, 10, 1), slice(x, 20, 10);
  std::array const second{headcount::reference::segment{0, 1, 10}, headcount::reference::segment{1, 10, 20}};
  headcount::reference::matrix const last =
      apply(block, rest, second, std::span<headcount::reference::recurrence* const>{states},
            headcount::reference::wanted::last_token);
  REQUIRE(last.rows() == 2);
  CHECK(distance(slice(last, 0, 1), slice(whole, 10, 1)) < block_rounding);
  CHECK(distance(slice(last, 1, 1), slice(whole, 29, 1)) < block_rounding);
}

}  // namespace test
