#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/file/safetensors.hpp>
#include <headcount/file/write_safetensors.hpp>

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

TEST_CASE("decide gives dropped heads another attention where there are values, and says so where there are none") {
  scratch const at;
  auto const weights = causal_weights();
  auto outputs = std::vector<float>(batch * queries * heads * dim, -1.0f);
  std::vector<float> values(batch * 1 * keys * dim);  // one key/value head
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 13);
  reference::write_safetensors(at.path("v"),
                               std::vector{reference::to_write("weights", weights, {batch, heads, queries, keys}),
                                           reference::to_write("outputs", outputs, {batch, queries, heads, dim}),
                                           reference::to_write("values", values, {batch, std::size_t{1}, keys, dim})});
  auto const decide = [&](std::string const& file, std::string const& mask, std::string const& group) {
    return run("decide --weights " + file + " --policy " + quoted("entropy | top_k(0) | " + mask) + " --group " +
               group + " --output " + at.path("o").string());
  };
  for (bool const even : {true, false}) {
    REQUIRE(decide(at.path("v").string(), even ? "uniform" : "streaming(1, 2)", "5").code == 0);
    auto const found = values_of<float>(reference::open_safetensors(at.path("o")), "outputs");
    for (std::size_t b = 0; b < batch; ++b)
      for (std::size_t q = 0; q < queries; ++q)
        for (std::size_t h = 0; h < heads; ++h)
          for (std::size_t d = 0; d < dim; ++d) {
            auto const visible = keys - queries + q + 1;
            double sum = 0, total = 0;
            for (std::size_t key = 0; key < visible; ++key) {
              if (!even && key > 0 && key + 2 < visible) continue;
              double const weight =
                  even ? 1 : static_cast<double>(weights[((b * heads + h) * queries + q) * keys + key]);
              sum += weight * static_cast<double>(values[(b * keys + key) * dim + d]);
              total += weight;
            }
            auto const at_output = ((b * queries + q) * heads + h) * dim + d;
            CHECK(static_cast<double>(found[at_output]) == doctest::Approx(sum / total).epsilon(1e-6));
          }
  }
  CHECK(refused(decide(at.path("v").string(), "uniform", "1"), "the file holds too few or too many"));
  CHECK(refused(decide(write_weights(at, true), "uniform", "5"), "its mask reads values, and the file holds none"));
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

TEST_CASE("decide scores by outputs, by contributions and by a predictor, from the tensors they need") {
  scratch const at;
  constexpr std::size_t width = 3;
  std::mt19937 random{8};
  auto const list = [&](std::size_t size) {
    std::vector<float> values(size);
    for (auto& value : values) value = static_cast<float>(random() % 2000) / 1000 - 1;
    return values;
  };
  auto const weights = causal_weights(), outputs = list(batch * queries * heads * dim);
  auto const inputs = list(batch * queries * width), projection = list(width * heads * dim);
  auto const maps = list(heads * width), bias = list(heads);
  reference::write_safetensors(at.path("w"),
                               std::vector{reference::to_write("weights", weights, {batch, heads, queries, keys}),
                                           reference::to_write("outputs", outputs, {batch, queries, heads, dim}),
                                           reference::to_write("inputs", inputs, {batch, queries, width}),
                                           reference::to_write("projection", projection, {width, heads * dim})});
  std::string rows, biases;
  for (std::size_t head = 0; head < heads; ++head) {
    auto const number = [&](std::size_t i) { return std::to_string(maps[head * width + i]); };
    rows += (head == 0 ? "[" : ", [") + number(0) + ", " + number(1) + ", " + number(2) + "]";
    biases += (head == 0 ? "" : ", ") + std::to_string(bias[head]);
  }
  auto const predictor = at.write(
      "P.json", R"({"layers": [{"layer": 0, "maps": [{"weight": [)" + rows + R"(], "bias": [)" + biases + "]}]}]}");

  // What a scorer gives at (batch, query, head), in float64.
  auto const output_at = [&](std::size_t b, std::size_t q, std::size_t h, std::size_t i) {
    return static_cast<double>(outputs[((b * queries + q) * heads + h) * dim + i]);
  };
  auto const norm = [&](std::size_t b, std::size_t q, std::size_t h) {
    double squares = 0;
    for (std::size_t i = 0; i < dim; ++i) squares += output_at(b, q, h, i) * output_at(b, q, h, i);
    return std::sqrt(squares);
  };
  auto const contribution = [&](std::size_t b, std::size_t q, std::size_t h) {
    double squares = 0;
    for (std::size_t to = 0; to < width; ++to) {
      double sum = 0;
      for (std::size_t i = 0; i < dim; ++i)
        sum += static_cast<double>(projection[to * heads * dim + h * dim + i]) * output_at(b, q, h, i);
      squares += sum * sum;
    }
    return std::sqrt(squares);
  };
  auto const foretold = [&](std::size_t b, std::size_t q, std::size_t h) {
    double sum = static_cast<double>(bias[h]);
    for (std::size_t i = 0; i < width; ++i)
      sum += static_cast<double>(maps[h * width + i]) * static_cast<double>(inputs[(b * queries + q) * width + i]);
    return sum;
  };
  auto const check = [&](std::string const& scorer, auto const& exact) {
    CAPTURE(scorer);
    REQUIRE(run("decide --weights " + at.path("w").string() + " --policy " + quoted(scorer + " | top_k(2)") +
                " --output " + at.path("o").string())
                .code == 0);
    auto const scores = values_of<float>(reference::open_safetensors(at.path("o")), "scores");
    for (std::size_t b = 0; b < batch; ++b)
      for (std::size_t q = 0; q < queries; ++q)
        for (std::size_t h = 0; h < heads; ++h)
          CHECK(static_cast<double>(scores[(b * heads + h) * queries + q]) ==
                doctest::Approx(exact(b, q, h)).epsilon(1e-5));
  };
  check("output_norm", norm);
  check("contribution_norm", contribution);
  check("predictor(" + predictor + ")", foretold);
  check("sum(predictor(" + predictor + "), output_norm, weights=2, 1)",
        [&](std::size_t b, std::size_t q, std::size_t h) { return 2 * foretold(b, q, h) + norm(b, q, h); });
  // What a scorer remembers is that of its sequence: each batch row begins anew.
  check("previous(output_norm)",
        [&](std::size_t b, std::size_t q, std::size_t h) { return norm(b, q == 0 ? 0 : q - 1, h); });
}

TEST_CASE("decide says which tensor a scorer misses, and which does not fit") {
  scratch const at;
  auto const out = " --output " + at.path("o").string();
  auto const plain = write_weights(at, false);
  CHECK(refused(run("decide --weights " + plain + " --policy 'output_norm | top_k(2)'" + out),
                "the file holds no \"outputs\" [batch, query, head, dim]"));
  auto const with_outputs = write_weights(at, true);
  CHECK(refused(run("decide --weights " + with_outputs + " --policy 'contribution_norm | top_k(2)'" + out),
                "\"projection\" [width, head * dim]"));
  auto const predictor = at.write(
      "P.json",
      R"({"layers": [{"layer": 0, "maps": [{"weight": [[1], [1], [1], [1], [1]], "bias": [1, 2, 3, 4, 5]}]}]})");
  CHECK(
      refused(run("decide --weights " + plain + " --policy " + quoted("predictor(" + predictor + ") | top_k(2)") + out),
              "\"inputs\" [batch, query, width]"));
  auto const weights = causal_weights();
  std::vector<float> const few(12);
  auto const refuse = [&](char const* name, std::vector<std::size_t> const& shape, char const* part) {
    reference::write_safetensors(at.path("x"),
                                 std::vector{reference::to_write("weights", weights, {batch, heads, queries, keys}),
                                             reference::to_write(name, few, shape)});
    return refused(run("decide --weights " + at.path("x").string() + " --policy dense" + out), part);
  };
  CHECK(refuse("inputs", {3, 2, 2}, "inputs [3, 2, 2] do not fit weights [2, 5, 3, 7]"));
  CHECK(refuse("inputs", {3, 4}, "F32 [3, 4]"));
  CHECK(refuse("projection", {3, 2, 2}, "F32 [3, 2, 2]"));
  CHECK_FALSE(std::filesystem::exists(at.path("o")));
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
