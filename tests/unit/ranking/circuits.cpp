// evaluate/rank: methods that look at weights alone, against the matrices that they stand for.

#include <cmath>
#include <complex>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <Eigen/Eigenvalues>

#include <headcount/ranking/calibration.hpp>
#include <headcount/ranking/importance.hpp>
#include <headcount/ranking/position_circuit.hpp>
#include <headcount/ranking/weight_circuit.hpp>
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
