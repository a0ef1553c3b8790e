#include <headcount/headcount.hpp>
#include <headcount/sentence/parse.hpp>

// The mangled name carries the version: two of them do not meet.
auto* NAME() { return new headcount::any_policy{headcount::parse_policy("entropy | top_k(1)")}; }

#define CONCATENATE(a, b) a##b
#define EXPAND(a, b) CONCATENATE(a, b)
bool EXPAND(NAME, _works)() {
  auto* const policy = NAME();
  bool const right = headcount::print(*policy) == "entropy | top_k(1)";
  delete policy;
  return right;
}
