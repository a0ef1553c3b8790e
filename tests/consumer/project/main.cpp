#include <headcount/headcount.hpp>

int main() {
  using namespace headcount;
  float weights[] = {0.5f, 0.5f, 0.9f, 0.1f};  // two heads over two keys
  float outputs[] = {1, 2};
  auto const policy = score::entropy{} | select::top_k{1} | mask::zero{};
  sparsify(policy, {}, as_tensor(weights, {1, 2, 1, 2}), as_tensor(outputs, {1, 1, 2, 1}));
  return outputs[0] == 0 && outputs[1] == 2 ? 0 : 1;
}
