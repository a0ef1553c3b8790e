// The same few lines choose the same heads from raw memory, from Eigen tensors of either storage order and from
// xtensor: what they share is the tensor concept.

#include <cstdio>
#include <vector>

#include <unsupported/Eigen/CXX11/Tensor>
#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>

#include <headcount/adapt/eigen_tensor.hpp>
#include <headcount/adapt/xtensor.hpp>
#include <headcount/headcount.hpp>
#include <headcount/sentence/parse.hpp>

using namespace headcount;

/// Prints the heads that a policy keeps at every query of `weights`, [batch, head, query, key].
template <tensor<4> Weights>
void print_heads(char const* name, any_policy const& policy, Weights const& weights) {
  std::printf("%-18s", name);
  layer_pass const pass{.phase = phase::prefill};
  for_each_query(pass, view_of<4>(weights), [&](site const& where, std::size_t, std::size_t query, auto const& rows) {
    std::printf("  query %zu:", query);
    for (auto const head : decide(policy, where, rows)) std::printf(" %zu", head);
  });
  std::printf("\n");
}

int main() {
  constexpr std::size_t heads = 3, queries = 2, keys = 3;
  std::vector<float> memory{0.5f, 0.5f, 0.0f, 0.4f, 0.3f, 0.3f,   // head 0
                            0.9f, 0.1f, 0.0f, 0.1f, 0.8f, 0.1f,   // head 1
                            0.7f, 0.3f, 0.0f, 0.0f, 0.0f, 1.0f};  // head 2
  auto const policy = parse_policy("entropy | top_k(1)");

  print_heads("raw memory", policy, as_tensor(memory, {1, heads, queries, keys}));
  Eigen::TensorMap<Eigen::Tensor<float, 4, Eigen::RowMajor>> const row_major{memory.data(), 1, heads, queries, keys};
  print_heads("Eigen, row-major", policy, row_major);
  Eigen::Tensor<float, 4> const column_major = row_major.swap_layout().shuffle(Eigen::array<int, 4>{3, 2, 1, 0});
  print_heads("Eigen, col-major", policy, column_major);
  xt::xarray<float> const array = xt::adapt(memory, std::vector<std::size_t>{1, heads, queries, keys});
  print_heads("xtensor", policy, array);
}
