// runs: -fno-exceptions
// runs: -fno-exceptions -fno-rtti
// clang runs: -fno-exceptions -stdlib=libc++

// Engines without exceptions choose heads, and a mistake ends them with its sentence.

#include <csignal>
#include <cstdlib>
#include <vector>

#include <headcount/headcount.hpp>

using namespace headcount;

int main() {
  float weights[] = {0.5f, 0.5f, 0.9f, 0.1f};
  strided_view<float const, 2> const rows{weights, {2, 2}};
  auto const policy = score::entropy{} | select::top_k{1} | mask::zero{};
  auto const kept = decide(policy, site{.heads = 2}, [&](std::size_t head) { return rows[head]; });
  if (!kept.contains(1) || kept.contains(0)) return 1;

  float outputs[] = {1, 2};
  sparsify(policy, {}, as_tensor(weights, {1, 2, 1, 2}), as_tensor(outputs, {1, 1, 2, 1}));
  if (outputs[0] != 0 || outputs[1] != 2) return 2;

  auto const read = parse_policy("entropy | top_k(1) @ generation");
  if (!decide(read, site{.heads = 2}, [&](std::size_t head) { return rows[head]; }).contains(1)) return 3;

  std::signal(SIGABRT, [](int) { std::_Exit(0); });
  (void)parse_policy("entropy | top_k(");  // ends here
  return 4;
}
