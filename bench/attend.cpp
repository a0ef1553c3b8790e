// Question: what does one decode step of an attention layer cost under a policy, beside just reading its keys and
// values?

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <headcount/core/text.hpp>
#include <headcount/headcount.hpp>
#include <headcount/kernel/attention.hpp>
#include <headcount/sentence/parse.hpp>

#include "read.hpp"

namespace {

using namespace headcount;

/// Says the same of every row: the first heads are kept, which are those of the fewest groups.
struct first_heads {
  static constexpr std::string_view name = "first_heads";
  [[nodiscard]] double operator()(site const&, std::size_t head) const noexcept { return -static_cast<double>(head); }
};

/// Layers of one shape, one after the other, so that what a step reads comes from memory and not from a cache.
struct layers {
  std::size_t heads, key_value_heads, dim, keys;
  std::size_t values_of_one = keys * key_value_heads * dim;
  std::size_t count = std::max<std::size_t>(2, (std::size_t{256} << 20) / (8 * values_of_one));
  std::vector<float> queries = bench::random_values(heads * dim);
  std::vector<float> key_values = repeated(bench::random_values(2 * values_of_one), count);
  std::vector<float> outputs = std::vector<float>(heads * dim);
  kernel::attention_workspace workspace{};
  std::size_t next = 0;

  static std::vector<float> repeated(std::vector<float> const& one, std::size_t count) {
    std::vector<float> all;
    all.reserve(one.size() * count);
    for (std::size_t i = 0; i < count; ++i) all.insert(all.end(), one.begin(), one.end());
    return all;
  }

  /// Keys, feature by feature as the reference's cache holds them, then values, of the layer whose turn it is.
  std::span<float const> take() {
    auto const at = next++ % count;
    return std::span{key_values}.subspan(at * 2 * values_of_one, 2 * values_of_one);
  }
  [[nodiscard]] kernel::attention_inputs inputs(std::span<float const> from) const {
    auto const stride = static_cast<std::ptrdiff_t>(keys);
    auto const features = static_cast<std::ptrdiff_t>(dim);
    return {.queries = {queries.data(), {heads, dim}},
            .keys = {from.data(), {keys, key_value_heads, dim}, {1, stride * features, stride}},
            .values = {from.data() + values_of_one, {keys, key_value_heads, dim}},
            .scale = 0.1f};
  }
  [[nodiscard]] site where() const { return {.heads = heads, .group = heads / key_value_heads}; }

  float step(any_policy const& policy) {
    kernel::attend(policy, where(), inputs(take()), {}, workspace, {outputs.data(), {heads, dim}});
    return outputs.front();
  }

  /// Dense attention as its formula says it, each head on its own.
  float step_alone() {
    auto const in = inputs(take());
    auto const rows = workspace.rows(heads, keys);
    for (std::size_t head = 0; head < heads; ++head) {
      kernel::weigh_keys(in, where(), head, rows[head].as_span());
      kernel::sum_values(in, where(), head, rows[head].as_span(), std::span{outputs}.subspan(head * dim, dim));
    }
    return outputs.front();
  }
};

int const registered = [] {
  for (auto const& [heads, key_value_heads, dim] : {std::array<std::size_t, 3>{10, 1, 256}, {32, 8, 128}})
    for (std::size_t const keys : {512, 2048, 16384}) {
      auto const one = std::make_shared<layers>(layers{heads, key_value_heads, dim, keys});
      auto const group = text_of(heads, " heads, ", key_value_heads, " KV, ", keys, " keys");
      bench::measure(group, "read", [one] { return bench::read(one->take()); });
      bench::measure(group, "dense, each head alone", [one] { return one->step_alone(); });
      for (auto const& sentence :
           {std::string{"dense"}, text_of("entropy | top_k(", heads, ")"), text_of("l2 | top_k(", heads, ")"),
            std::string{"entropy | top_k(5)"}, std::string{"random | top_k(5)"}, std::string{"none"}})
        bench::measure(group, sentence, [one, policy = parse_policy(sentence)] { return one->step(policy); });
      bench::measure(group, "first_heads | top_k(5)", [one] { return one->step(first_heads{} | select::top_k{5}); });
    }
  return 0;
}();

}  // namespace
