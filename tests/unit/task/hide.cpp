// task/hide.hpp: where needles come among sentences.

#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/task/hide.hpp>

using namespace headcount::evaluate;

namespace {

/// Sentences as digits and needles as letters, in the order of the text.
std::string text_of_hidden(std::size_t sentences, std::vector<std::size_t> const& gaps) {
  std::string text;
  hide(
      sentences, gaps, [&](std::size_t i) { text += static_cast<char>('a' + i); },
      [&](std::size_t i) { text += static_cast<char>('0' + i); });
  return text;
}

}  // namespace

TEST_CASE("hide: gap g stands before sentence g, the last one after all, and needles of one gap keep their order") {
  CHECK(text_of_hidden(3, {}) == "012");
  CHECK(text_of_hidden(3, {0}) == "a012");
  CHECK(text_of_hidden(3, {2}) == "01a2");
  CHECK(text_of_hidden(3, {3}) == "012a");
  CHECK(text_of_hidden(3, {1, 3, 1, 0}) == "d0ac12b");
  CHECK(text_of_hidden(0, {0, 0}) == "ab");
  CHECK(text_of_hidden(1, {2, 0}) == "b0");  // there is no gap 2
}
