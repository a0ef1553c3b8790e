// Question: what does one decode step of an attention layer cost under a policy, beside just reading its keys and
// values?

#include <memory>
#include <string>

#include <headcount/headcount.hpp>
#include <headcount/kernel/attention.hpp>
#include <headcount/sentence/parse.hpp>

#include "read.hpp"

namespace {

using namespace headcount;

struct layer {
  std::size_t heads, key_value_heads, dim, keys;
  std::vector<float> queries = bench::random_values(heads * dim);
  std::vector<float> key_values =
      bench::random_values(2 * keys * key_value_heads * dim);  // keys [kv_head, dim, key], then values
  std::vector<float> outputs = std::vector<float>(heads * dim);
  kernel::attention_workspace workspace{};

  float step(any_policy const& policy) {
    auto const stride = static_cast<std::ptrdiff_t>(keys);
    auto const features = static_cast<std::ptrdiff_t>(dim);
    kernel::attend(policy, site{.heads = heads, .group = heads / key_value_heads},
                   {.queries = {queries.data(), {heads, dim}},
                    .keys = {key_values.data(), {keys, key_value_heads, dim}, {1, stride * features, stride}},
                    .values = {key_values.data() + key_values.size() / 2, {keys, key_value_heads, dim}},
                    .scale = 0.1f},
                   {}, workspace, {outputs.data(), {heads, dim}});
    return outputs.front();
  }
};

int const registered = [] {
  for (auto const& [heads, key_value_heads, dim] : {std::array<std::size_t, 3>{10, 1, 256}, {32, 8, 128}}) {
    auto const one = std::make_shared<layer>(layer{heads, key_value_heads, dim, 2048});
    auto const group = std::to_string(heads) + " heads, " + std::to_string(key_value_heads) + " KV, 2048 keys";
    bench::measure(group, "read", [one] { return bench::read(one->key_values); });
    for (auto const* sentence : {"dense", "entropy | top_k(5)", "random | top_k(5)", "none"})
      bench::measure(group, sentence, [one, policy = parse_policy(sentence)] { return one->step(policy); });
  }
  return 0;
}();

}  // namespace
