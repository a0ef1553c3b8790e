#include <string>

import headcount;

// The same type, in a file that includes headers.
std::string print_elsewhere(headcount::any_policy const& policy);

int main() {
  using namespace headcount;
  float weights[] = {0.5f, 0.5f, 0.9f, 0.1f};  // two heads over two keys
  float outputs[] = {1, 2};
  auto const policy = score::entropy{} | select::top_k{1} | mask::zero{};
  sparsify(policy, {}, as_tensor(weights, {1, 2, 1, 2}), as_tensor(outputs, {1, 1, 2, 1}));
  bool const printed = print_elsewhere(policy) == print(parse_policy("entropy | top_k(1)"));
  return printed && outputs[0] == 0 && outputs[1] == 2 ? 0 : 1;
}
