// runs: -O0
// clang runs: -O0 -stdlib=libc++

// Numbers in sentences, whichever standard library reads them.

#include <cmath>
#include <cstdio>
#include <limits>
#include <string_view>

#include <headcount/core/read_number.hpp>
#include <headcount/headcount.hpp>

using namespace headcount;

int main() {
  int wrong = 0;
  auto const reads = [&](std::string_view text, double expected) {
    double value = 0;
    if (!read_number(text, value) || value != expected)
      ++wrong, std::printf("\"%.*s\"\n", static_cast<int>(text.size()), text.data());
  };
  reads("0", 0);
  reads("-0.5", -0.5);
  reads("1e-3", 1e-3);
  reads("2.5e3", 2500);
  reads(".5", 0.5);
  reads("4.9e-324", std::numeric_limits<double>::denorm_min());
  reads("1.7976931348623157e308", (std::numeric_limits<double>::max)());
  reads("0.1", 0.1);
  reads("inf", std::numeric_limits<double>::infinity());
  reads("-inf", -std::numeric_limits<double>::infinity());
  for (std::string_view const text :
       {"", " 1", "1 ", "+1", "0x10", "1,5", "one", "1e", "1e999", "-1e999", "1e-999", "--1", "1.2.3"}) {
    double value = 0;
    if (read_number(text, value))
      ++wrong, std::printf("\"%.*s\" is a number\n", static_cast<int>(text.size()), text.data());
  }
  double none = 0;
  if (!read_number("nan", none) || !std::isnan(none)) ++wrong, std::puts("nan");
  unsigned count = 0;
  if (!read_number("12", count) || count != 12 || read_number("-1", count) || read_number("1.5", count))
    ++wrong, std::puts("whole numbers");
  auto const sentence = "entropy | threshold(-0.5) @ generation";
  if (print(parse_policy(sentence)) != sentence) ++wrong, std::puts("a sentence");
  return wrong;
}
