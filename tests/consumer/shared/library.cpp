// A shared library that uses headcount behind a function of its own, with everything else hidden.
#include <headcount/headcount.hpp>

#define JOIN(a, b) a##b
#define CHOOSE(name) JOIN(choose_, name)

extern "C" __attribute__((visibility("default"))) int CHOOSE(NAME)(float const* weights, std::size_t heads) {
  using namespace headcount;
  strided_view<float const, 2> const rows{weights, {heads, 2}};
  any_policy const policy = score::entropy{} | select::top_k{1};
  validate(policy, site{.heads = heads});  // throws across the boundary where there are no heads
  auto const kept = decide(policy, site{.heads = heads}, [&](std::size_t head) { return rows[head]; });
  for (std::size_t head = 0; head < heads; ++head)
    if (kept.contains(head)) return static_cast<int>(head);
  return -1;
}
