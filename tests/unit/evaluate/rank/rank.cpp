// evaluate/rank: every method against its definition, worked out from attention rows and logits of one token at a time.

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <Eigen/Eigenvalues>

#include <headcount/evaluate/rank/calibration.hpp>
#include <headcount/evaluate/rank/importance.hpp>
#include <headcount/evaluate/rank/keep_frequency.hpp>
#include <headcount/evaluate/rank/mean_score.hpp>
#include <headcount/evaluate/rank/position_circuit.hpp>
#include <headcount/evaluate/rank/qr_head.hpp>
#include <headcount/evaluate/rank/runtime_budget.hpp>
#include <headcount/evaluate/rank/source_attention.hpp>
#include <headcount/evaluate/rank/weight_circuit.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/policy/sentence.hpp>
#include <unit/reference/support/files.hpp>
#include <unit/reference/support/models.hpp>
#include <unit/reference/support/numbers.hpp>

using namespace headcount;
using namespace headcount::evaluate;

namespace {

using head_id = std::pair<std::size_t, std::size_t>;  // layer, head
using head_ids = std::set<head_id>;

/// Keeps the heads of a set: a scorer of its own, to check the library's.
struct in_set {
  static constexpr std::string_view name = "in_set";
  head_ids heads;
  double operator()(site const& where, std::size_t head) const noexcept {
    return heads.contains({where.layer, head}) ? 1 : 0;
  }
};

any_policy keeping(head_ids heads) {
  return any_policy{in_set{std::move(heads)} | select::threshold{1}}.during(phase::generation);
}

/// What one text does, token by token.
struct reading_of_text {
  std::map<std::tuple<std::size_t, std::size_t, std::size_t>, std::vector<float>> rows;  // layer, head, position
  std::map<std::pair<std::size_t, std::size_t>, head_set> kept;                          // layer, position
  double loglik = 0;                                                                     // of the answer, nats a token
};

reading_of_text read_slowly(reference::model const& model, calibration_text const& text, any_policy const& policy,
                            std::size_t index) {
  reading_of_text result;
  attention_watcher const watcher{
      [&](site const& where, std::size_t head, std::span<float const> row) {
        result.rows[{where.layer, head, where.position}] = {row.begin(), row.end()};
      },
      [&](site const& where, head_set const& kept) { result.kept[{where.layer, where.position}] = kept; }};
  auto all = text.prompt;
  all.insert(all.end(), text.answer.begin(), text.answer.end());
  auto state = model.empty_state();
  for (std::size_t at = 0; at + 1 < all.size(); ++at) {
    auto const when = at + 1 < text.prompt.size() ? phase::prefill : phase::generation;
    reference::step const step{.tokens = std::span{all}.subspan(at, 1), .state = &state, .row = index};
    auto const logits = reference::forward(model, std::span{&step, 1}, {.phase = when}, policy, watcher);
    if (when == phase::prefill) continue;
    double sum = 0;
    for (Eigen::Index id = 0; id < logits.cols(); ++id) sum += std::exp(static_cast<double>(logits(0, id)));
    result.loglik +=
        (static_cast<double>(logits(0, all[at + 1])) - std::log(sum)) / static_cast<double>(text.answer.size());
  }
  return result;
}

double mean_loglik(reference::model const& model, std::vector<calibration_text> const& texts,
                   any_policy const& policy) {
  double sum = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) sum += read_slowly(model, texts[i], policy, i).loglik;
  return sum / static_cast<double>(texts.size());
}

/// Texts of several lengths whose answers repeat words of their prompts, so that heads can be seen to copy.
std::vector<calibration_text> some_texts(reference::model const& model) {
  test::numbers random{7};
  std::vector<calibration_text> texts;
  for (std::size_t i = 0; i < 10; ++i) {
    calibration_text text{.prompt = random.text(i == 3 ? 1 : 6 + i % 3, model.vocabulary()), .answer = {}};
    if (i == 3) {
      text.answer = random.text(4, model.vocabulary());
      text.source = {{0, 0}};
    } else {
      text.answer = {text.prompt[3], text.prompt[3], text.prompt[4], text.prompt[5], text.prompt[3]};
      text.source = {{3, 5}};
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

/// A mean over texts of `sum_of(text, reading)` over `over(text)`, head by head.
template <class Sum, class Over>
head_table naive_mean(reference::model const& model, std::vector<calibration_text> const& texts,
                      any_policy const& policy, Sum const& sum_of, Over const& over) {
  auto table = every_head(model, 0);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    auto const seen = read_slowly(model, texts[i], policy, i);
    for (std::size_t layer = 0; layer < table.size(); ++layer)
      for (std::size_t head = 0; head < table[layer].size(); ++head)
        table[layer][head] += sum_of(texts[i], seen, layer, head) / over(texts[i]) / static_cast<double>(texts.size());
  }
  return table;
}

double queries_of(calibration_text const& text) { return static_cast<double>(text.answer.size()); }

/// Calls `visit(position, row, said)` for the answer's queries.
template <class Visit>
void for_each_answer_row(calibration_text const& text, reading_of_text const& seen, std::size_t layer, std::size_t head,
                         Visit const& visit) {
  for (std::size_t step = 0; step < text.answer.size(); ++step) {
    auto const position = text.prompt.size() - 1 + step;
    visit(position, seen.rows.at({layer, head, position}), text.answer[step]);
  }
}

double distance(head_table const& a, head_table const& b) {
  double largest = a.size() == b.size() ? 0 : 1e9;
  for (std::size_t layer = 0; layer < std::min(a.size(), b.size()); ++layer) {
    if (a[layer].size() != b[layer].size()) return 1e9;
    for (std::size_t head = 0; head < a[layer].size(); ++head) {
      auto const apart = std::abs(a[layer][head] - b[layer][head]);
      largest = apart <= largest ? largest : std::isnan(apart) ? 1e9 : apart;
    }
  }
  return largest;
}

}  // namespace

TEST_CASE("rank: means of scorers, kept heads and attention to the source are those of single tokens") {
  test::for_both([](reference::model const& model) {
    auto const texts = some_texts(model);
    auto const mean = [&](auto const& of_row) {
      return naive_mean(
          model, texts, dense,
          [&](auto const& text, auto const& seen, std::size_t layer, std::size_t head) {
            double sum = 0;
            for_each_answer_row(text, seen, layer, head, [&](std::size_t position, auto const& row, token) {
              sum += of_row(text, position, row);
            });
            return sum;
          },
          queries_of);
    };
    CHECK(distance(mean_scores(model, texts, score::entropy{}), mean([](auto const&, std::size_t, auto const& row) {
                     double sum = 0;
                     for (double const p : row) sum += (p + 1e-12) * std::log2(p + 1e-12);
                     return sum;
                   })) < 1e-4);
    // Scorers that see all heads together, and positions: attention to the needle as a scorer of its tokens.
    auto const one = std::span{texts}.first(1);
    CHECK(distance(mean_scores(model, one, score::span_mass{one[0].source}), needle_attention(model, one)) < 1e-6);
    for (auto const& layer : mean_scores(model, texts, score::rank_mean{{score::l2{}, score::max{}}})) {
      double ranks = 0;
      for (double const rank : layer) ranks += rank;
      auto const heads = static_cast<double>(layer.size());
      CHECK(ranks == doctest::Approx(heads * (heads - 1) / 2));
    }
    CHECK(distance(needle_attention(model, texts), mean([](auto const& text, std::size_t position, auto const& row) {
                     double sum = 0;
                     auto const [first, last] = *text.source.begin();
                     for (std::size_t key = 0; key < row.size(); ++key) {
                       auto const at = position + 1 - row.size() + key;
                       if (at >= first && at <= last) sum += static_cast<double>(row[key]);
                     }
                     return sum;
                   })) < 1e-5);

    // A ranking's own scores come back whatever it is averaged over, and random numbers differ from site to site.
    ranking const some{.scores = leave_one_out(model, std::span{texts}.first(1)), .source = {}};
    CHECK(distance(mean_scores(model, texts, score::fixed{in_memory("some", some)}), some.scores) < 1e-12);
    auto const drawn = naive_mean(
        model, texts, dense,
        [&](auto const& text, auto const&, std::size_t layer, std::size_t head) {
          double sum = 0;
          auto const index = static_cast<std::size_t>(&text - texts.data());
          for (std::size_t step = 0; step < text.answer.size(); ++step)
            sum += uniform_number(4, {.layer = layer, .row = index, .position = text.prompt.size() - 1 + step}, head);
          return sum;
        },
        queries_of);
    CHECK(distance(mean_scores(model, texts, score::random{.seed = 4}), drawn) < 1e-12);

    for (auto const* sentence : {"entropy | top_k(2) @ generation", "l2 | threshold(0.6)", "none @ generation"}) {
      auto const policy = parse_policy(sentence);
      auto const kept = naive_mean(
          model, texts, policy,
          [&](auto const& text, auto const& seen, std::size_t layer, std::size_t head) {
            double sum = 0;
            for (std::size_t step = 0; step < text.answer.size(); ++step)
              sum += seen.kept.at({layer, text.prompt.size() - 1 + step}).contains(head) ? 1 : 0;
            return sum;
          },
          queries_of);
      CHECK(distance(keep_frequency(model, texts, policy), kept) < 1e-12);
    }
  });
}

TEST_CASE("rank: the retrieval score counts copied tokens of the source, once each or every time") {
  test::for_both([](reference::model const& model) {
    auto const texts = some_texts(model);
    double set_total = 0;
    double counted_total = 0;
    for (auto const counting : {copies::as_set, copies::as_counted}) {
      auto const expected = naive_mean(
          model, texts, dense,
          [&](auto const& text, auto const& seen, std::size_t layer, std::size_t head) {
            std::vector<std::size_t> copied;
            auto const [first, last] = *text.source.begin();
            for_each_answer_row(text, seen, layer, head, [&](std::size_t position, auto const& row, token said) {
              std::size_t best = 0;
              for (std::size_t key = 1; key < row.size(); ++key)
                if (row[key] > row[best]) best = key;
              auto const at = position + 1 - row.size() + best;
              if (at >= first && at <= last && text.prompt[at] == said) copied.push_back(at);
            });
            (counting == copies::as_set ? set_total : counted_total) += static_cast<double>(copied.size());
            return counting == copies::as_set
                       ? static_cast<double>(std::set<std::size_t>(copied.begin(), copied.end()).size())
                       : static_cast<double>(copied.size());
          },
          [](auto const& text) {
            auto const [first, last] = *text.source.begin();
            return static_cast<double>(last - first + 1);
          });
      CHECK(distance(retrieval_score(model, texts, counting), expected) < 1e-12);
    }
    CHECK(counted_total > 0);  // something was copied, or this would check nothing
    CHECK(retrieval_score(model, texts) != retrieval_score(model, texts, copies::as_counted));
  });
}

TEST_CASE("rank: importance is the change of the answers' log-likelihood") {
  test::for_both([](reference::model const& model) {
    auto texts = some_texts(model);
    texts.erase(texts.begin() + 4, texts.end() - 1);
    auto const ids = heads_of(model);
    head_ids const all{ids.begin(), ids.end()};
    REQUIRE(all.size() == 8);

    auto left_out = every_head(model, 0);
    auto alone = every_head(model, 0);
    auto const with_all = mean_loglik(model, texts, dense);
    for (auto const& id : ids) {
      auto others = all;
      others.erase(id);
      left_out[id.first][id.second] = with_all - mean_loglik(model, texts, keeping(others));
      head_ids other_layers;
      std::ranges::copy_if(all, std::inserter(other_layers, other_layers.end()),
                           [&](head_id const& other) { return other.first != id.first; });
      auto const without = mean_loglik(model, texts, keeping(other_layers));
      other_layers.insert(id);
      alone[id.first][id.second] = mean_loglik(model, texts, keeping(other_layers)) - without;
    }
    CHECK(distance(leave_one_out(model, texts), left_out) < 1e-5);
    CHECK(distance(all_but_one(model, texts), alone) < 1e-5);
    CHECK(distance(left_out, alone) > 1e-3);

    // Greedy selection: at every step, nothing would have helped more than what was taken.
    auto const order = greedy_selection(model, std::span{texts}.first(2));
    texts.resize(2);
    head_ids kept;
    for (std::size_t score = 8; score > 0; --score) {
      std::map<head_id, double> loglik;
      for (auto const& id : ids) {
        if (kept.contains(id)) continue;
        auto with = kept;
        with.insert(id);
        loglik[id] = mean_loglik(model, texts, keeping(with));
      }
      auto const taken = std::ranges::find_if(
          ids, [&](head_id const& id) { return order[id.first][id.second] == static_cast<double>(score); });
      REQUIRE(taken != ids.end());
      REQUIRE(loglik.contains(*taken));
      for (auto const& [id, value] : loglik) CHECK(value <= loglik[*taken] + 1e-5);
      kept.insert(*taken);
    }
  });
}

TEST_CASE("rank: circuits of weights are those of the whole matrix from word to word") {
  test::for_both([](reference::model const& model) {
    auto const vocabulary = reference::index(model.vocabulary());
    auto const width = reference::index(model.width());
    auto copying = every_head(model, 0);
    auto own = every_head(model, 0);
    auto norm = every_head(model, 0);
    auto const number = [](reference::weights const& from, Eigen::Index row, Eigen::Index column) {
      return static_cast<double>(reference::widen_all(
          from)[static_cast<std::size_t>(row) * from.row_size() + static_cast<std::size_t>(column)]);
    };
    Eigen::MatrixXd read(vocabulary, width);
    Eigen::MatrixXd said(vocabulary, width);
    for (auto const& [layer, head] : heads_of(model)) {
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

TEST_CASE("rank: what cannot be ranked is refused") {
  test::made_model const made{test::small_jamba()};
  std::vector<calibration_text> const texts{{.prompt = {1, 2}, .answer = {3}, .source = {{1, 1}}},
                                            {.prompt = {1, 2}, .answer = {3}}};
  CHECK(test::contains(test::message_of([&] { (void)needle_attention(made.model, texts); }), "text 1 does not say"));
  CHECK(test::contains(test::message_of([&] { (void)retrieval_score(made.model, texts); }), "text 1 does not say"));
  CHECK(test::contains(
      test::message_of([&] { (void)keep_frequency(made.model, texts, parse_policy("entropy | top_k(5)")); }),
      "k from 0 to 4"));
  CHECK(test::contains(test::message_of([&] {
                         (void)mean_scores(made.model, texts,
                                           score::fixed{in_memory("R.json", ranking{.scores = {{1}}, .source = {}})});
                       }),
                       "fixed(R.json): it ranks 0 heads of layer 1"));
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
  auto induction = every_head(model, 0);
  auto previous = every_head(model, 0);
  auto composition = every_head(model, 0);
  std::vector<double> mean(model.width());
  for (std::size_t word = 0; word < words; ++word)
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += stored.embedding(word)[i] / static_cast<double>(words);
  for (auto const& [layer, head] : heads_of(model)) {
    auto const query = stored.query(layer, head);
    auto const key = stored.key(layer, head);
    double all = 0;
    for (std::size_t distance = 0; distance < 5; ++distance) {
      auto const weight = std::exp(turned(times(query, mean), times(key, mean), distance) / std::sqrt(6.0));
      all += weight;
      if (distance == 1) previous[layer][head] = weight;
    }
    previous[layer][head] /= all;

    std::vector<std::size_t> earlier;
    for (std::size_t before = 0; before < layer; before += 2) earlier.push_back(before);
    std::vector<std::vector<double>> keys;
    for (std::size_t word = 0; word < words; ++word) {
      std::vector<double> written(model.width());
      for (auto const before : earlier) {
        auto const some = times(stored.writes(before, 1), stored.embedding(word));
        for (std::size_t i = 0; i < written.size(); ++i) written[i] += some[i];
      }
      keys.push_back(times(key, written));
    }
    double own = 0;
    for (std::size_t word = 0; word < words; ++word) {
      auto const asked = times(query, stored.embedding(word));
      auto const logit = [&](std::size_t other) {
        double sum = 0;
        if (stored.is_jamba)
          for (std::size_t i = 0; i < 6; ++i) sum += asked[i] * keys[other][i];
        else
          for (std::size_t distance = 1; distance < 5; ++distance) sum += turned(asked, keys[other], distance) / 4;
        return sum;
      };
      int larger = 0;
      for (std::size_t other = 0; other < words; ++other) larger += logit(other) > logit(word) ? 1 : 0;
      own += larger < 5 ? 1 : 0;
    }
    induction[layer][head] = own / static_cast<double>(words);

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
  if (stored.is_jamba)
    CHECK(test::contains(test::message_of([&] { (void)qk_previous_token(model); }), "has no rotary positions"));
  else CHECK(distance(qk_previous_token(model), previous) < 1e-6);
}

}  // namespace

TEST_CASE("rank: circuits of positions and of recurrent blocks are those of stored tensors") {
  check_position_circuits(test::small_recurrent_gemma());
  check_position_circuits(test::small_jamba());
}

TEST_CASE("rank: QRHead's score is attention from the question beyond that from a question about nothing") {
  test::for_both([](reference::model const& model) {
    test::numbers random{11};
    std::vector<calibration_text> texts;
    for (std::size_t i = 0; i < 4; ++i)
      texts.push_back({.prompt = random.text(11, model.vocabulary()),
                       .answer = {1},
                       .source = {{2 + i, i == 3 ? 2 + i : 5 + i}},
                       .query = {{8 + i / 3, 9}},
                       .null_query = random.text(1 + i % 2, model.vocabulary())});
    // Rows of a text, token by token: [layer][head][key] from the tokens at `first`.
    auto const seen_from = [&](std::vector<token> const& text, std::size_t first) {
      std::vector<std::vector<std::vector<double>>> sums(
          model.layers.size(), std::vector<std::vector<double>>(4, std::vector<double>(first)));
      attention_watcher const watcher{[&](site const& where, std::size_t head, std::span<float const> row) {
                                        for (std::size_t back = 0; where.position >= first && back < row.size(); ++back)
                                          if (auto const key = where.position - back; key < first)
                                            sums[where.layer][head][key] +=
                                                static_cast<double>(row[row.size() - 1 - back]);
                                      },
                                      [](site const&, head_set const&) {}};
      auto state = model.empty_state();
      for (auto const& one : text) {
        reference::step const step{.tokens = std::span{&one, 1}, .state = &state};
        (void)reference::forward(model, std::span{&step, 1}, {}, any_policy{dense}, watcher);
      }
      return sums;
    };
    auto expected = every_head(model, 0);
    for (auto const& text : texts) {
      auto const [first, last] = *text.query.begin();
      auto const [begin, end] = *text.source.begin();
      auto const length = static_cast<std::ptrdiff_t>(last + 1);
      std::vector<token> without{text.prompt.begin(), text.prompt.begin() + static_cast<std::ptrdiff_t>(first)};
      without.insert(without.end(), text.null_query.begin(), text.null_query.end());
      auto const asked = seen_from({text.prompt.begin(), text.prompt.begin() + length}, first);
      auto const nothing = seen_from(without, first);
      for (auto const& [layer, head] : heads_of(model)) {
        std::vector<double> c;
        for (auto at = begin; at <= end; ++at)
          c.push_back(asked[layer][head][at] / static_cast<double>(last + 1 - first) -
                      nothing[layer][head][at] / static_cast<double>(text.null_query.size()));
        double mean = 0, spread = 0;
        for (auto const one : c) mean += one / static_cast<double>(c.size());
        for (auto const one : c)
          spread += c.size() < 2 ? 1 : (one - mean) * (one - mean) / static_cast<double>(c.size() - 1);
        for (auto const one : c)
          if (one > mean - 2 * std::sqrt(spread)) expected[layer][head] += one / 4;
      }
    }
    auto const scores = qr_head_score(model, texts);
    CHECK(distance(scores, expected) < 1e-6);
    CHECK(distance(scores, every_head(model, 0)) > 1e-3);
    texts[1].null_query.clear();
    CHECK(test::contains(test::message_of([&] { (void)qr_head_score(model, texts); }), "text 1 does not say where"));
  });
}

TEST_CASE("rank: a budget's threshold keeps so many heads of the model at a token on average") {
  test::for_both([](reference::model const& model) {
    auto const texts = some_texts(model);
    std::vector<double> scores;
    double queries = 0;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      auto const seen = read_slowly(model, texts[i], dense, i);
      queries += queries_of(texts[i]);
      for (auto const& [layer, head] : heads_of(model))
        for_each_answer_row(texts[i], seen, layer, head, [&](std::size_t, auto const& row, token) {
          double squares = 0;
          for (double const p : row) squares += p * p;
          scores.push_back(std::sqrt(squares));
        });
    }
    for (std::size_t const n : {1u, 3u, 8u}) {
      auto const threshold = threshold_of_budget(model, texts, score::l2{}, n);
      double kept = 0;
      double more = 0;  // with what lies within rounding of the threshold
      for (auto const score : scores) {
        kept += score > threshold + 1e-6 ? 1 : 0;
        more += score > threshold - 1e-6 ? 1 : 0;
      }
      CHECK(kept / queries < static_cast<double>(n));
      CHECK(more / queries >= static_cast<double>(n));
      if (n < 8) CHECK(more / queries < static_cast<double>(n) + 1);
    }
    for (std::size_t const n : {0u, 9u})
      CHECK(test::contains(test::message_of([&] { (void)threshold_of_budget(model, texts, score::l2{}, n); }),
                           "(allowed: 1 to 8)"));
  });
}
