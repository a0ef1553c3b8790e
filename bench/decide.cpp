// Question: what does a decision at one query cost beside just reading the attention weights of all its heads?

#include <memory>
#include <string>

#include <headcount/headcount.hpp>
#include <headcount/sentence/parse.hpp>

#include "read.hpp"

namespace {

using namespace headcount;

int const registered = [] {
  for (auto const& [heads, keys] : {std::pair<std::size_t, std::size_t>{10, 2048}, {32, 2048}}) {
    auto const weights = std::make_shared<std::vector<float>>(bench::random_values(heads * keys));
    auto const group = std::to_string(heads) + " heads x " + std::to_string(keys) + " keys";
    site const where{.heads = heads};
    auto const with = [=](auto const& policy) {
      return [=] {
        strided_view<float const, 2> const rows{weights->data(), {heads, keys}};
        return decide(policy, where, [&](std::size_t head) { return rows[head]; });
      };
    };
    bench::measure(group, "read", [weights] { return bench::read(*weights); });
    bench::measure(group, "entropy | top_k(5)", with(score::entropy{} | select::top_k{5}));
    bench::measure(group, "l2 | top_k(5)", with(score::l2{} | select::top_k{5}));
    bench::measure(group, "random | top_k(5)", with(score::random{} | select::top_k{5}));
    bench::measure(group, "entropy | top_k(5), from a sentence", with(parse_policy("entropy | top_k(5)")));
  }
  return 0;
}();

}  // namespace
