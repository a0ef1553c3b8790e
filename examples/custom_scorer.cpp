// A scorer of one's own, in ten lines: every selector, mask, sentence and kernel takes it.

#include <algorithm>
#include <cstdio>
#include <vector>

#include <headcount/headcount.hpp>
#include <headcount/sentence/parse.hpp>

namespace mine {

// [readme]
/// The largest weight of a head's attention row, in (0, 1]. Reads the row.
struct peak {
  static constexpr std::string_view name = "peak";

  [[nodiscard]] double operator()(headcount::attention_row auto const& weights) const noexcept {
    double largest = 0;
    for (double const p : weights) largest = std::max(largest, p);
    return largest;
  }
};
// [readme]

/// The parts of the library and ours, for sentences.
struct parts : headcount::registry {
  using scorers = headcount::registry::scorers::with<peak>;
};

}  // namespace mine

int main() {
  using namespace headcount;
  auto const composed = mine::peak{} | select::top_k{1} | mask::zero{};
  auto const parsed = parse_policy<mine::parts>("peak | threshold(0.45) @ generation");

  std::vector<float> const weights{0.4f, 0.3f, 0.3f, 0.5f, 0.5f,
                                   0.0f, 0.0f, 0.2f, 0.8f};  // three heads over three keys
  strided_view<float const, 2> const rows{weights.data(), {3, 3}};
  site const where{.heads = 3};
  for (any_policy const& policy : {any_policy{composed}, parsed}) {
    std::printf("%s keeps", print(policy).c_str());
    for (auto const head : decide(policy, where, [&](std::size_t head) { return rows[head]; }))
      std::printf(" %zu", head);
    std::printf("\n");
  }
  return 0;
}
