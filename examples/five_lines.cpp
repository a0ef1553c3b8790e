// Sparsifies the heads of one attention layer of somebody else's engine, in five lines.

#include <cstdio>
#include <vector>

#include <headcount/headcount.hpp>

int main() {
  // What an engine has after softmax and before its output projection: one query of four heads over three keys.
  constexpr std::size_t batch = 1, heads = 4, queries = 1, keys = 3, dim = 2;
  std::vector<float> weights{0.4f, 0.3f, 0.3f, 0.9f, 0.1f, 0.0f, 0.3f, 0.3f, 0.4f, 0.0f, 0.2f, 0.8f};
  std::vector<float> outputs{1, 2, 3, 4, 5, 6, 7, 8};

  // [readme]
  using namespace headcount;
  auto const policy = score::entropy{} | select::top_k{2} | mask::zero{};
  auto const w = as_tensor(weights, {batch, heads, queries, keys});
  auto const o = as_tensor(outputs, {batch, queries, heads, dim});
  sparsify(policy.during(phase::generation), {.layer = 3, .phase = phase::generation}, w, o);
  // [readme]

  for (std::size_t head = 0; head < heads; ++head)
    std::printf("head %zu: %g %g\n", head, o(0, 0, head, 0), o(0, 0, head, 1));
}
