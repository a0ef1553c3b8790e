// Result rows: a line is a row that prints and reads back as the same, or it is refused.

#include <headcount/result/parse_row.hpp>
#include <headcount/result/row.hpp>

#include "target.hpp"

int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace headcount::evaluate;
  auto const row = fuzz::read_or_refuse([&] { return parse_row("line", fuzz::text_of(data, size)); });
  if (!row) return 0;
  auto const line = print(*row);
  fuzz::require(line.find('\n') == line.npos, "a row of several lines");
  auto const again = parse_row("line", line);
  fuzz::require(print(again) == line && key_of(again) == key_of(*row), "a row that does not read back");
  return 0;
}
