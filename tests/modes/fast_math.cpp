// runs: -O2
// runs: -O3 -ffast-math -fno-finite-math-only
// runs: -O2 -fassociative-math -fno-signed-zeros -fno-trapping-math
// refused: -O2 -ffast-math
// refused: -O2 -ffinite-math-only

// NaN and infinities mean something here, and the order of operations matters in few places.

#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

#include <headcount/headcount.hpp>

using namespace headcount;

namespace {

int wrong = 0;
void expect(bool right, char const* what) {
  if (!right) ++wrong, std::puts(what);
}

// A decode step beside the same in double.
double attention_error() {
  constexpr std::size_t heads = 4, dim = 16, keys = 300;
  std::mt19937 draw{1};
  std::normal_distribution<float> number{0, 3};
  std::vector<float> queries(heads * dim), k(keys * heads * dim), v(keys * heads * dim), outputs(heads * dim);
  for (auto* values : {&queries, &k, &v})
    for (auto& value : *values) value = number(draw);
  kernel::attention_workspace workspace;
  kernel::attend(dense, site{.heads = heads},
                 {.queries = {queries.data(), {heads, dim}},
                  .keys = {k.data(), {keys, heads, dim}},
                  .values = {v.data(), {keys, heads, dim}},
                  .scale = 0.25f},
                 {}, workspace, {outputs.data(), {heads, dim}});
  double worst = 0;
  for (std::size_t head = 0; head < heads; ++head) {
    std::vector<double> logits(keys);
    double most = -1e300;
    for (std::size_t key = 0; key < keys; ++key) {
      for (std::size_t i = 0; i < dim; ++i)
        logits[key] += 0.25 * static_cast<double>(queries[head * dim + i]) *
                       static_cast<double>(k[(key * heads + head) * dim + i]);
      if (logits[key] > most) most = logits[key];
    }
    std::vector<double> sum(dim);
    double total = 0;
    for (std::size_t key = 0; key < keys; ++key) {
      auto const weight = std::exp(logits[key] - most);
      total += weight;
      for (std::size_t i = 0; i < dim; ++i) sum[i] += weight * static_cast<double>(v[(key * heads + head) * dim + i]);
    }
    for (std::size_t i = 0; i < dim; ++i)
      worst = std::fmax(worst, std::fabs(sum[i] / total - static_cast<double>(outputs[head * dim + i])));
  }
  return worst;
}

}  // namespace

int main() {
  expect(attention_error() < 1e-4, "attention is wrong");

  auto const none = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> const scores{none, -3, -1, none, -2};
  auto const kept = select::top_k{2}(scores);
  expect(kept.size() == 2 && kept.contains(2) && kept.contains(4), "top_k keeps what has no score");
  expect(!select::bottom_k{2}(scores).contains(0), "bottom_k keeps what has no score");
  expect(!select::top_p{.p = 0.5, .softmax = true}(scores).contains(0), "top_p keeps what has no score");

  // "Nothing is remembered yet" is NaN.
  std::vector<float> weights{0.5f, 0.5f, 0.9f, 0.1f}, outputs{1, 2};
  std::vector<scorer_state> memory(1);
  sparsify(score::ema{.decay = 0.5, .inner = score::entropy{}} | select::top_k{1}, {}, as_tensor(weights, {1, 2, 1, 2}),
           as_tensor(outputs, {1, 1, 2, 1}), memory);
  expect(outputs[0] == 0 && outputs[1] == 2, "a mean keeps the wrong head at its first token");
  return wrong;
}
