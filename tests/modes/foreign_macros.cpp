// runs: -DQT
// runs: -DWINDOWS

// What a program has included before: windows.h, combaseapi.h and Qt define these words. Standard headers come first,
// as the macros are about ours alone.

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#if defined(QT)
#define emit
#define foreach(variable, container) for (variable : container)
#define forever for (;;)
#define signals public
#define slots
#else
#define interface struct
#define min(a, b) (((a) < (b)) ? (a) : (b))
#define max(a, b) (((a) > (b)) ? (a) : (b))
#define near
#define far
#define small char
#define hyper long
#define pascal
#define cdecl
#define CONST const
#define ERROR 0
#define IN
#define OUT
#define OPTIONAL
#endif
#include <headcount/headcount.hpp>

int main() {
  auto const policy = headcount::parse_policy("entropy | top_k(5)");
  return print(policy) == "entropy | top_k(5)" ? 0 : 1;
}
