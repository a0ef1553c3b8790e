// evaluate/rank: methods that look at weights alone, against the matrices that they stand for.

#include <cmath>
#include <complex>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <Eigen/Eigenvalues>

#include <headcount/engine/reference_model.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/ranking/importance.hpp>
#include <headcount/ranking/position_circuit.hpp>
#include <headcount/ranking/recurrent_map.hpp>
#include <headcount/ranking/registry.hpp>
#include <headcount/ranking/weight_circuit.hpp>
#include <headcount/reference/checkpoint/load_snapshot.hpp>
#include <unit/reference/support/files.hpp>
#include <unit/reference/support/models.hpp>
#include <unit/reference/support/numbers.hpp>

using namespace headcount;
using namespace headcount::evaluate;
using test::distance;

TEST_CASE("weight_circuit: circuits of weights are those of the whole matrix from word to word") {
  test::for_both([](reference::model const& model) {
    auto const vocabulary = reference::index(model.vocabulary());
    auto const width = reference::index(model.width());
    auto copying = every_head(layers_of(model), 0);
    auto own = every_head(layers_of(model), 0);
    auto norm = every_head(layers_of(model), 0);
    auto const number = [](reference::weights const& from, Eigen::Index row, Eigen::Index column) {
      return static_cast<double>(reference::widen_all(
          from)[static_cast<std::size_t>(row) * from.row_size() + static_cast<std::size_t>(column)]);
    };
    Eigen::MatrixXd read(vocabulary, width);
    Eigen::MatrixXd said(vocabulary, width);
    for (auto const& [layer, head] : heads_of(layers_of(model))) {
      auto const& block = *model.attention_at(layer);
      auto const dim = reference::index(block.head_dim);
      Eigen::MatrixXd map = Eigen::MatrixXd::Zero(width, width);  // what is written of what is read
      for (Eigen::Index to = 0; to < width; ++to)
        for (Eigen::Index from = 0; from < width; ++from)
          for (Eigen::Index i = 0; i < dim; ++i)
            map(to, from) += number(block.output.weight, to, reference::index(head) * dim + i) *
                             number(block.value.weight, reference::index(head / 2) * dim + i, from) *
                             static_cast<double>(model.layers[layer].mixer_norm.gain[reference::size(from)]);
      for (Eigen::Index word = 0; word < vocabulary; ++word)
        for (Eigen::Index i = 0; i < width; ++i) {
          read(word, i) = number(model.embedding, word, i);
          said(word, i) =
              number(model.head.weight, word, i) * static_cast<double>(model.final_norm.gain[reference::size(i)]);
        }
      Eigen::MatrixXd const words = said * map * read.transpose();  // [word said, word read]
      std::complex<double> sum = 0;
      double size = 0;
      Eigen::VectorXcd const lambda = Eigen::EigenSolver<Eigen::MatrixXd>{words}.eigenvalues();
      for (auto const& value : lambda) {
        sum += value;
        size += std::abs(value);
      }
      copying[layer][head] = sum.real() / size;
      for (Eigen::Index word = 0; word < vocabulary; ++word) {
        int larger = 0;
        for (Eigen::Index other = 0; other < vocabulary; ++other) larger += words(other, word) > words(word, word);
        own[layer][head] += (larger < 3 ? 1.0 : 0.0) / static_cast<double>(vocabulary);
      }
      norm[layer][head] = std::sqrt(map.array().square().sum());
    }
    CHECK(distance(ov_copying(model), copying) < 1e-5);
    CHECK(distance(ov_own_token(model, 3), own) < 1e-9);
    CHECK(distance(ov_norm(model), norm) < 1e-9);
  });
}

namespace {

using grid = std::vector<std::vector<double>>;

/// Both small models by their stored tensors, in the most naive way.
template <class Config>
struct stored_model {
  test::made_model<Config> made;
  bool is_jamba;

  explicit stored_model(Config config) : made{std::move(config)}, is_jamba{made.model.architecture[0] == 'J'} {}

  /// A matrix whose columns are scaled by the gain of the layer's first norm.
  [[nodiscard]] grid scaled(std::size_t layer, std::string const& name, std::size_t first, std::size_t rows) const {
    auto const width = made.model.width();
    auto const base = "model.layers." + std::to_string(layer) + ".";
    auto const& gain = made.weights[base + (is_jamba ? "input_layernorm.weight" : "temporal_pre_norm.weight")];
    auto const& values = made.weights[base + name + ".weight"];
    grid result(rows, std::vector<double>(width));
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t column = 0; column < width; ++column)
        result[row][column] = values[(first + row) * width + column] * (gain[column] + (is_jamba ? 0 : 1));
    return result;
  }
  [[nodiscard]] std::string attention() const { return is_jamba ? "self_attn." : "temporal_block."; }
  [[nodiscard]] grid query(std::size_t layer, std::size_t head) const {
    return scaled(layer, attention() + "q_proj", head * 6, 6);
  }
  [[nodiscard]] grid key(std::size_t layer, std::size_t head) const {
    return scaled(layer, attention() + "k_proj", head / 2 * 6, 6);
  }

  /// What a recurrent block writes of what it reads: [width, width]. `ago`: the convolution's tap for that token.
  [[nodiscard]] grid writes(std::size_t layer, int ago) const {
    auto const width = made.model.width();
    auto const base = std::string{is_jamba ? "mamba." : "temporal_block."};
    std::size_t const channels = is_jamba ? 40 : 20;
    auto const in = scaled(layer, base + (is_jamba ? "in_proj" : "linear_x"), 0, channels);
    auto const from = "model.layers." + std::to_string(layer) + "." + base;
    auto const& out = made.weights[from + (is_jamba ? "out_proj" : "linear_out") + ".weight"];
    auto const& taps = made.weights[from + (is_jamba ? "conv1d" : "conv_1d") + ".weight"];  // [channel, 1, 4]
    grid result(width, std::vector<double>(width));
    for (std::size_t to = 0; to < width; ++to)
      for (std::size_t c = 0; c < channels; ++c)
        for (std::size_t at = 0; at < width; ++at)
          result[to][at] +=
              out[to * channels + c] * (ago < 0 ? 1 : taps[c * 4 + 3 - static_cast<std::size_t>(ago)]) * in[c][at];
    return result;
  }

  [[nodiscard]] std::vector<double> embedding(std::size_t word) const {
    auto const width = made.model.width();
    auto const& all = made.weights["model.embed_tokens.weight"];
    std::vector<double> one(width);
    double squares = 0;
    for (std::size_t i = 0; i < width; ++i) squares += all[word * width + i] * all[word * width + i];
    for (std::size_t i = 0; i < width; ++i)
      one[i] = all[word * width + i] / std::sqrt(squares / static_cast<double>(width));
    return one;
  }
};

std::vector<double> times(grid const& matrix, std::vector<double> const& vector) {
  std::vector<double> result;
  for (auto const& row : matrix) {
    result.push_back(0);
    for (std::size_t i = 0; i < vector.size(); ++i) result.back() += row[i] * vector[i];
  }
  return result;
}

/// q^T R_d k with two pairs of rotated features, (0, 2) and (1, 3), and two that stay.
double turned(std::vector<double> const& q, std::vector<double> const& k, std::size_t distance) {
  double sum = q[4] * k[4] + q[5] * k[5];
  for (std::size_t i = 0; i < 2; ++i) {
    auto const turn = std::polar(1.0, static_cast<double>(distance) * std::pow(10000.0, -static_cast<double>(i) / 2));
    sum += (std::complex{q[i], q[i + 2]} * turn * std::conj(std::complex{k[i], k[i + 2]})).real();
  }
  return sum;
}

template <class Config>
void check_position_circuits(Config config) {
  stored_model const stored{std::move(config)};
  auto const& model = stored.made.model;
  auto const words = model.vocabulary();
  auto induction = every_head(layers_of(model), 0);
  auto previous = every_head(layers_of(model), 0);
  auto composition = every_head(layers_of(model), 0);
  std::vector<double> mean(model.width());
  for (std::size_t word = 0; word < words; ++word)
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += stored.embedding(word)[i] / static_cast<double>(words);
  for (auto const& [layer, head] : heads_of(layers_of(model))) {
    auto const query = stored.query(layer, head);
    auto const key = stored.key(layer, head);
    double all = 0;
    for (std::size_t distance = 0; distance < 5; ++distance) {
      auto const weight = std::exp(turned(times(query, mean), times(key, mean), distance) / std::sqrt(6.0));
      all += weight;
      if (distance == 1) previous[layer][head] = weight;
    }
    previous[layer][head] /= all;

    // The words whose score by `logit(word, other)` is among the five largest at themselves.
    auto const share_of_own = [&](auto const& logit) {
      double own = 0;
      for (std::size_t word = 0; word < words; ++word) {
        int larger = 0;
        for (std::size_t other = 0; other < words; ++other) larger += logit(word, other) > logit(word, word) ? 1 : 0;
        own += larger < 5 ? 1 : 0;
      }
      return own / static_cast<double>(words);
    };
    auto const dot = [](std::vector<double> const& a, std::vector<double> const& b) {
      double sum = 0;
      for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
      return sum;
    };
    std::vector<std::size_t> earlier;
    for (std::size_t before = 0; before < layer; before += 2) earlier.push_back(before);
    std::vector<std::vector<double>> traces;
    for (std::size_t word = 0; word < words; ++word) {
      std::vector<double> written(model.width());
      for (auto const before : earlier) {
        auto const some = times(stored.writes(before, 1), stored.embedding(word));
        for (std::size_t i = 0; i < written.size(); ++i) written[i] += some[i];
      }
      traces.push_back(std::move(written));
    }
    induction[layer][head] = share_of_own([&](std::size_t word, std::size_t other) {
      auto const asked = times(query, stored.embedding(word));
      auto const asking = times(key, traces[other]);
      if (stored.is_jamba) return dot(asked, asking);
      double sum = 0;
      for (std::size_t distance = 1; distance < 5; ++distance) sum += turned(asked, asking, distance) / 4;
      return sum;
    });
    if (stored.is_jamba)
      previous[layer][head] = share_of_own([&](std::size_t word, std::size_t other) {
        return dot(times(query, traces[word]), times(key, stored.embedding(other)));
      });

    auto const square = [](grid const& matrix) {
      double sum = 0;
      for (auto const& row : matrix)
        for (auto const value : row) sum += value * value;
      return sum;
    };
    auto const product = [](grid const& a, grid const& b) {
      grid result(a.size(), std::vector<double>(b[0].size()));
      for (std::size_t row = 0; row < a.size(); ++row)
        for (std::size_t i = 0; i < b.size(); ++i)
          for (std::size_t column = 0; column < b[0].size(); ++column) result[row][column] += a[row][i] * b[i][column];
      return result;
    };
    grid transposed(model.width(), std::vector<double>(6));
    for (std::size_t i = 0; i < 6; ++i)
      for (std::size_t at = 0; at < model.width(); ++at) transposed[at][i] = query[i][at];
    auto const matching = product(transposed, key);
    for (auto const before : earlier) {
      auto const writes = stored.writes(before, -1);
      composition[layer][head] += std::sqrt(square(product(matching, writes)) / square(matching) / square(writes)) /
                                  static_cast<double>(earlier.size());
    }
  }
  CHECK(distance(qk_induction(model), induction) < 1e-9);
  CHECK(distance(recurrent_composition(model), composition) < 1e-6);
  CHECK(distance(qk_previous_token(model), previous) < 1e-6);
}

}  // namespace

TEST_CASE("position_circuit: circuits of positions and of recurrent blocks are those of stored tensors") {
  check_position_circuits(test::small_recurrent_gemma());
  check_position_circuits(test::small_jamba());
}

namespace {

/// Numbers of a linear map with its multiplier, `[row][column]`, columns scaled by a gain.
grid numbers_of(reference::linear const& map, std::vector<float> const& gain) {
  auto const values = reference::widen_all(map.weight);
  auto const width = map.weight.row_size();
  grid rows(map.weight.rows(), std::vector<double>(width));
  for (std::size_t i = 0; i < values.size(); ++i)
    rows[i / width][i % width] = static_cast<double>(map.scale) * static_cast<double>(values[i]) *
                                 (gain.empty() ? 1 : static_cast<double>(gain[i % width]));
  return rows;
}

/// What a head asks or is asked of one input: four features, normalised alone or with all heads.
std::vector<double> features_of(reference::linear const& map, reference::rms_norm const& norm,
                                std::vector<float> const& gain, std::size_t head, std::vector<double> const& input) {
  auto const all = times(numbers_of(map, gain), input);
  bool const whole = norm.gain.size() > 4;
  std::vector<double> some;
  double squares = 0;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (whole || i / 4 == head) squares += all[i] * all[i];
  auto const count = static_cast<double>(whole ? all.size() : 4);
  for (std::size_t i = 4 * head; i < 4 * head + 4; ++i)
    some.push_back(all[i] / std::sqrt(squares / count + static_cast<double>(norm.epsilon)) *
                   static_cast<double>(norm.gain[whole ? i : i % 4]));
  return some;
}

/// Six gated heads of four, normalised, of which two features turn; with multipliers everywhere.
struct normalised_model {
  test::made_model<reference::qwen3_config> made{test::small_qwen3_next()};
  reference::model model = made.model;

  explicit normalised_model(bool whole) {
    for (auto const at : {1u, 3u}) {
      auto& block = *model.layers[at].attention;
      block.scale = 0.9f;
      block.query.scale = 1.3f;
      block.key.scale = 0.6f;
      block.output.scale = 1.7f;
      if (!whole) continue;
      test::numbers random{17};
      for (auto* const norm : {&*block.query_norm, &*block.key_norm}) {
        norm->gain.resize(norm == &*block.query_norm ? 24 : 12);
        for (auto& value : norm->gain) value = 1 + random.next();
      }
    }
  }

  [[nodiscard]] std::vector<double> embedding(std::size_t word) const {
    auto const all = numbers_of({.weight = model.embedding}, {});
    double squares = 0;
    for (auto const value : all[word]) squares += value * value;
    auto one = all[word];
    for (auto& value : one) value /= std::sqrt(squares / 24);
    return one;
  }

  /// What layers 0 and 2 write of the token before, as gated DeltaNet's values, taken as they are.
  [[nodiscard]] std::vector<double> trace(std::size_t layer, std::size_t word) const {
    std::vector<double> sum(24);
    for (std::size_t before = 0; before < layer; before += 2) {
      auto const& block = std::get<reference::gated_delta_net>(model.layers[before].recurrent);
      auto values = times(numbers_of(block.value, model.layers[before].mixer_norm.gain), embedding(word));
      for (std::size_t i = 0; i < values.size(); ++i)  // 2 * 8 channels of queries and keys come before
        values[i] *=
            static_cast<double>(block.convolution.taps[2 * 28 + 16 + i]) * static_cast<double>(block.norm.gain[i % 3]);
      auto const written = times(numbers_of(block.output, {}), values);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += written[i];
    }
    return sum;
  }
};

/// q^T R_d k where features 0 and 1 turn together, and two stay.
double turned_pair(std::vector<double> const& q, std::vector<double> const& k, std::size_t distance) {
  auto const angle = static_cast<double>(distance);
  return (q[0] * k[0] + q[1] * k[1]) * std::cos(angle) + (q[0] * k[1] - q[1] * k[0]) * std::sin(angle) + q[2] * k[2] +
         q[3] * k[3];
}

}  // namespace

TEST_CASE("position_circuit: queries and keys are normalised, and logits scaled, as the model does") {
  for (bool const whole : {false, true}) {
    CAPTURE(whole);
    normalised_model const of{whole};
    auto const words = of.model.vocabulary();
    auto previous = every_head(layers_of(of.model), 0);
    auto induction = every_head(layers_of(of.model), 0);
    for (auto const layer : {1u, 3u}) {
      auto const& block = *of.model.attention_at(layer);
      auto const& gain = of.model.layers[layer].mixer_norm.gain;
      for (std::size_t head = 0; head < 6; ++head) {
        grid asks, asked, traces;
        for (std::size_t word = 0; word < words; ++word) {
          asks.push_back(features_of(block.query, *block.query_norm, gain, head, of.embedding(word)));
          asked.push_back(features_of(block.key, *block.key_norm, gain, head / 2, of.embedding(word)));
          traces.push_back(features_of(block.key, *block.key_norm, gain, head / 2, of.trace(layer, word)));
        }
        std::vector<double> mean_asks(4), mean_asked(4);
        for (std::size_t word = 0; word < words; ++word)
          for (std::size_t i = 0; i < 4; ++i) {
            mean_asks[i] += asks[word][i] / static_cast<double>(words);
            mean_asked[i] += asked[word][i] / static_cast<double>(words);
          }
        // Rotations over 2048 distances.
        double all = 0;
        std::vector<double> turn(2);
        for (std::size_t distance = 0; distance < 2048; ++distance) {
          auto const weight = std::exp(0.9f * turned_pair(mean_asks, mean_asked, distance));
          all += weight;
          if (distance == 1) previous[layer][head] = weight;
          if (distance > 0) {
            turn[0] += std::cos(static_cast<double>(distance)) / 2047;
            turn[1] += std::sin(static_cast<double>(distance)) / 2047;
          }
        }
        previous[layer][head] /= all;
        for (std::size_t word = 0; word < words; ++word) {
          auto const logit = [&](std::size_t other) {
            auto const& q = asks[word];
            auto const& k = traces[other];
            return (q[0] * k[0] + q[1] * k[1]) * turn[0] + (q[0] * k[1] - q[1] * k[0]) * turn[1] + q[2] * k[2] +
                   q[3] * k[3];
          };
          int larger = 0;
          for (std::size_t other = 0; other < words; ++other) larger += logit(other) > logit(word) ? 1 : 0;
          induction[layer][head] += (larger < 5 ? 1.0 : 0.0) / static_cast<double>(words);
        }
      }
    }
    CHECK(distance(qk_previous_token(of.model), previous) < 1e-6);
    CHECK(distance(qk_induction(of.model), induction) < 1e-9);
  }
}

TEST_CASE("recurrent_map: a recurrent block beside a head comes before the next layer's alone") {
  normalised_model of{false};
  auto const alone = qk_induction(of.model);
  auto const composed = recurrent_composition(of.model);
  of.model.layers[1].recurrent = of.model.layers[2].recurrent;
  CHECK(distance({qk_induction(of.model)[1]}, {alone[1]}) == 0);
  CHECK(distance({recurrent_composition(of.model)[1]}, {composed[1]}) == 0);
  CHECK(distance({recurrent_composition(of.model)[3]}, {composed[3]}) > 1e-6);
}

TEST_CASE("position_circuit: gains of norms are part of what keys read, multipliers are not") {
  normalised_model const of{false};
  auto plain = of.model;
  auto folded = every_head(layers_of(of.model), 0);
  for (auto const layer : {1u, 3u}) {
    auto& block = *plain.layers[layer].attention;
    block.query_norm.reset();
    block.key_norm.reset();
  }
  auto const without = recurrent_composition(plain);
  for (auto const layer : {1u, 3u}) {
    auto const& block = *of.model.attention_at(layer);
    auto const& gain = of.model.layers[layer].mixer_norm.gain;
    for (std::size_t head = 0; head < 6; ++head)
      for (std::size_t before = 0; before < layer; before += 2) {
        auto const writes = recurrent_map(of.model.layers[before]);
        Eigen::MatrixXd asks(4, 24), asked(4, 24);
        auto const query = numbers_of(block.query, gain);
        auto const key = numbers_of(block.key, gain);
        for (std::size_t i = 0; i < 4; ++i)
          for (std::size_t at = 0; at < 24; ++at) {
            auto const row = reference::index(i);
            auto const column = reference::index(at);
            asks(row, column) = query[4 * head + i][at] * static_cast<double>(block.query_norm->gain[i]);
            asked(row, column) = key[4 * (head / 2) + i][at] * static_cast<double>(block.key_norm->gain[i]);
          }
        Eigen::MatrixXd const matching = asks.transpose() * asked;
        folded[layer][head] += (matching * writes).norm() / matching.norm() / writes.norm() / ((layer + 1) / 2);
      }
  }
  CHECK(distance(recurrent_composition(of.model), folded) < 1e-9);
  CHECK(distance(without, folded) > 1e-3);
}

TEST_CASE("weight_circuit: output gates are open as they are for a mean token, and multipliers count") {
  normalised_model const of{false};
  auto const words = of.model.vocabulary();
  auto expected = every_head(layers_of(of.model), 0);
  for (auto const layer : {1u, 3u}) {
    auto const& block = *of.model.attention_at(layer);
    auto const& gain = of.model.layers[layer].mixer_norm.gain;
    auto const value = numbers_of(block.value, gain);
    auto const output = numbers_of(block.output, {});
    auto const gate = numbers_of(block.gate, gain);
    for (std::size_t head = 0; head < 6; ++head) {
      // The mean over query tokens of what the head writes of what it reads.
      Eigen::MatrixXd map = Eigen::MatrixXd::Zero(24, 24);
      for (std::size_t word = 0; word < words; ++word) {
        auto const open = times(gate, of.embedding(word));
        for (std::size_t to = 0; to < 24; ++to)
          for (std::size_t from = 0; from < 24; ++from)
            for (std::size_t i = 0; i < 4; ++i)
              map(reference::index(to), reference::index(from)) +=
                  output[to][4 * head + i] * value[4 * (head / 2) + i][from] / (1 + std::exp(-open[4 * head + i])) /
                  static_cast<double>(words);
      }
      expected[layer][head] = map.norm();
    }
  }
  CHECK(distance(ov_norm(of.model), expected) < 1e-6);
  auto twice = of.model;
  for (auto const layer : {1u, 3u}) twice.layers[layer].attention->output.scale *= 2;
  CHECK(distance(ov_copying(twice), ov_copying(of.model)) < 1e-9);
  CHECK(ov_norm(twice)[1][0] == doctest::Approx(2 * expected[1][0]).epsilon(1e-6));
}

TEST_CASE(
    "weight_circuit: attention that reads more than its layer's input is refused by every method, the rest ranked") {
  for (auto const* name : {"qwen3_next", "qwen3_5_text", "granitemoehybrid_dense", "granitemoehybrid_moe", "nemotron_h",
                           "lfm2", "falcon_h1", "falcon_h1_norm", "bamba", "olmo_hybrid", "zamba2"}) {
    CAPTURE(name);
    auto const golden = reference::load_snapshot(std::string{HEADCOUNT_GOLDENS} + "/" + name);
    for (auto const& method : ranking_methods) {
      if (method.level != ranking_level::weights) continue;
      CAPTURE(method.name);
      ranking_ground const from{.model = reference_model{golden.model}, .weights = &golden.model};
      if (std::string{name} == "zamba2") {
        CHECK(
            test::message_of([&] { (void)score_all_heads(from, method.name); }) ==
            "layer 1: its attention reads the embeddings beside the layer's input (allowed: rankings from what a model "
            "does, e.g. from calibration)");
        continue;
      }
      for (auto const& layer : score_all_heads(from, method.name))
        for (auto const score : layer) CHECK(std::isfinite(score));
    }
  }
}
