#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/reference/load/safetensors.hpp>
#include <headcount/reference/load/write_safetensors.hpp>

#include "support/run.hpp"

using namespace test;
namespace reference = headcount::reference;

namespace {

constexpr std::size_t batch = 2, heads = 5, queries = 3, keys = 7, dim = 4;

/// Causal attention weights: query t of Q sees the first K - Q + t + 1 of K keys.
std::vector<float> causal_weights() {
  std::mt19937 random{3};
  std::vector<float> weights;
  for (std::size_t row = 0; row < batch * heads * queries; ++row) {
    auto const visible = keys - queries + row % queries + 1;
    std::vector<double> values;
    double sum = 0;
    for (std::size_t key = 0; key < visible; ++key)
      sum += values.emplace_back(std::exp(3.0 * static_cast<double>(random() % 1000) / 1000));
    for (std::size_t key = 0; key < keys; ++key)
      weights.push_back(key < visible ? static_cast<float>(values[key] / sum) : 0.0f);
  }
  return weights;
}

std::vector<float> some_outputs() {
  std::vector<float> outputs(batch * queries * heads * dim);
  for (std::size_t i = 0; i < outputs.size(); ++i) outputs[i] = static_cast<float>(i + 1);
  return outputs;
}

/// The published score of one row, in float64.
double entropy_score(float const* row, std::size_t visible) {
  double sum = 0;
  for (std::size_t key = 0; key < visible; ++key)
    sum += (static_cast<double>(row[key]) + 1e-12) * std::log2(static_cast<double>(row[key]) + 1e-12);
  return sum;
}

template <class Number>
std::vector<Number> values_of(reference::safetensors_file const& file, std::string const& name) {
  auto const bytes = file.tensors.at(name).bytes;
  std::vector<Number> values(bytes.size() / sizeof(Number));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

std::string write_weights(scratch const& at, bool with_outputs) {
  auto const weights = causal_weights();
  auto const outputs = some_outputs();
  std::vector<reference::tensor_to_write> tensors{
      reference::to_write("weights", weights, {batch, heads, queries, keys})};
  if (with_outputs) tensors.push_back(reference::to_write("outputs", outputs, {batch, queries, heads, dim}));
  reference::write_safetensors(at.path("w.safetensors"), tensors);
  return at.path("w.safetensors").string();
}

}  // namespace

TEST_CASE("decide scores visible keys, keeps the best heads of each query and masks the others") {
  scratch const at;
  auto const weights = causal_weights();
  auto const result = run("decide --weights " + write_weights(at, true) + " --policy 'entropy | top_k(2)' --output " +
                          at.path("o").string());
  REQUIRE(result.code == 0);
  CHECK(result.out.empty());
  auto const file = reference::open_safetensors(at.path("o"));
  CHECK(file.tensors.at("scores").shape == std::vector<std::size_t>{batch, heads, queries});
  CHECK(file.tensors.at("kept").dtype == "U8");
  auto const scores = values_of<float>(file, "scores");
  auto const kept = values_of<std::uint8_t>(file, "kept");
  auto const outputs = values_of<float>(file, "outputs");
  auto const before = some_outputs();
  for (std::size_t b = 0; b < batch; ++b)
    for (std::size_t q = 0; q < queries; ++q) {
      std::vector<double> expected;
      for (std::size_t h = 0; h < heads; ++h)
        expected.push_back(entropy_score(&weights[((b * heads + h) * queries + q) * keys], keys - queries + q + 1));
      for (std::size_t h = 0; h < heads; ++h) {
        auto const i = (b * heads + h) * queries + q;
        CHECK(static_cast<double>(scores[i]) == doctest::Approx(expected[h]).epsilon(1e-6));
        std::size_t better = 0;
        for (auto const other : expected) better += other > expected[h] ? 1 : 0;
        CHECK(kept[i] == (better < 2 ? 1 : 0));
        for (std::size_t d = 0; d < dim; ++d) {
          auto const o = ((b * queries + q) * heads + h) * dim + d;
          CHECK(outputs[o] == (kept[i] != 0 ? before[o] : 0.0f));
        }
      }
    }
}

TEST_CASE("decide keeps every head outside the policy's phase or layers, and scores all the same") {
  scratch const at;
  auto const weights = write_weights(at, false);
  for (auto const* arguments : {"--policy 'entropy | top_k(1) @ generation' --phase prefill",
                                "--policy 'entropy | top_k(1) @ all, layers=3'"}) {
    REQUIRE(run("decide --weights " + weights + " " + arguments + " --output " + at.path("o").string()).code == 0);
    auto const file = reference::open_safetensors(at.path("o"));
    CHECK_FALSE(file.tensors.contains("outputs"));
    for (auto const one : values_of<std::uint8_t>(file, "kept")) CHECK(one == 1);
    for (auto const score : values_of<float>(file, "scores")) CHECK(score < 0);
  }
  REQUIRE(run("decide --weights " + weights + " --layer 3 --policy 'none @ all, layers=3' --output " +
              at.path("o").string())
              .code == 0);
  for (auto const one : values_of<std::uint8_t>(reference::open_safetensors(at.path("o")), "kept")) CHECK(one == 0);
}

TEST_CASE("decide keeps whole groups of heads that share a key/value head") {
  scratch const at;
  std::vector<float> const weights{0.5f, 0.5f, 1, 0, 0.9f, 0.1f, 0.8f, 0.2f};  // [head, key]: head 1 is the most uneven
  reference::write_safetensors(at.path("w"), std::vector{reference::to_write("weights", weights, {1, 4, 1, 2})});
  auto const command = "decide --weights " + at.path("w").string() + " --policy 'l2 | top_groups(1)' --output " +
                       at.path("o").string() + " --group ";
  REQUIRE(run(command + "2").code == 0);
  CHECK(values_of<std::uint8_t>(reference::open_safetensors(at.path("o")), "kept") ==
        std::vector<std::uint8_t>{1, 1, 0, 0});
  CHECK(refused(run(command + "3"), "4 heads cannot share"));
}

TEST_CASE("decide names what is wrong with its files and writes nothing") {
  scratch const at;
  auto const out = " --output " + at.path("o").string();
  auto const weights = write_weights(at, false);
  CHECK(refused(run("decide --weights " + weights + " --policy 'entropi | top_k(2)'" + out), "entropi"));
  CHECK(refused(run("decide --weights " + weights + " --policy 'entropy | top_k(6)'" + out), "5 heads"));
  CHECK(refused(run("decide --weights /nowhere --policy dense" + out), "/nowhere"));
  CHECK(refused(run("decide --weights " + at.write("x", "junk") + " --policy dense" + out), "safetensors"));
  std::vector<float> const few(6);
  reference::write_safetensors(at.path("x"), std::vector{reference::to_write("weight", few, {1, 2, 1, 3})});
  CHECK(refused(run("decide --weights " + at.path("x").string() + " --policy dense" + out), "\"weights\" is missing"));
  reference::write_safetensors(at.path("x"), std::vector{reference::to_write("weights", few, {2, 3})});
  CHECK(refused(run("decide --weights " + at.path("x").string() + " --policy dense" + out), "F32 [2, 3]"));
  reference::write_safetensors(at.path("x"), std::vector{reference::to_write("weights", few, {1, 1, 3, 2})});
  CHECK(refused(run("decide --weights " + at.path("x").string() + " --policy dense" + out),
                "3 queries cannot see 2 keys"));
  reference::write_safetensors(at.path("x"), std::vector{reference::to_write("weights", few, {1, 2, 1, 3}),
                                                         reference::to_write("outputs", few, {1, 1, 3, 2})});
  CHECK(refused(run("decide --weights " + at.path("x").string() + " --policy dense" + out), "do not fit"));
  CHECK_FALSE(std::filesystem::exists(at.path("o")));
  CHECK(refused(run("decide --weights " + weights + " --policy dense --output /nowhere/o"), "/nowhere/o"));
}
