// evaluate/rank: means of scorers and what is kept on average, against attention of one token at a time.

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/random.hpp>
#include <headcount/engine/reference_model.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/ranking/importance.hpp>
#include <headcount/ranking/keep_frequency.hpp>
#include <headcount/ranking/mean_score.hpp>
#include <headcount/ranking/runtime_budget.hpp>
#include <headcount/ranking/source_attention.hpp>
#include <headcount/reference/block/weights.hpp>
#include <headcount/sentence/parse.hpp>
#include <unit/reference/support/files.hpp>
#include <unit/reference/support/models.hpp>
#include <unit/reference/support/numbers.hpp>
#include <unit/support/slow_reading.hpp>

using namespace headcount;
using namespace headcount::evaluate;
using namespace test;

TEST_CASE(
    "mean_score, keep_frequency, source_attention: means of scorers, kept heads and attention to the source are those "
    "of single tokens") {
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
    CHECK(distance(mean_scores(reference_model{model}, texts, score::entropy{}),
                   mean([](auto const&, std::size_t, auto const& row) {
                     double sum = 0;
                     for (double const p : row) sum += (p + 1e-12) * std::log2(p + 1e-12);
                     return sum;
                   })) < 1e-4);
    // Scorers that see all heads together, and positions: attention to the needle as a scorer of its tokens.
    auto const one = std::span{texts}.first(1);
    CHECK(distance(mean_scores(reference_model{model}, one, score::span_mass{one[0].source}),
                   needle_attention(reference_model{model}, one)) < 1e-6);
    for (auto const& layer :
         mean_scores(reference_model{model}, texts, score::rank_mean{{score::l2{}, score::max{}}})) {
      double ranks = 0;
      for (double const rank : layer) ranks += rank;
      auto const heads = static_cast<double>(layer.size());
      CHECK(ranks == doctest::Approx(heads * (heads - 1) / 2));
    }
    CHECK(distance(needle_attention(reference_model{model}, texts),
                   mean([](auto const& text, std::size_t position, auto const& row) {
                     double sum = 0;
                     auto const [first, last] = *text.source.begin();
                     for (std::size_t key = 0; key < row.size(); ++key) {
                       auto const at = position + 1 - row.size() + key;
                       if (at >= first && at <= last) sum += static_cast<double>(row[key]);
                     }
                     return sum;
                   })) < 1e-5);

    // A ranking's own scores come back whatever it is averaged over, and random numbers differ from site to site.
    ranking const some{.scores = leave_one_out(reference_model{model}, std::span{texts}.first(1)), .source = {}};
    CHECK(distance(mean_scores(reference_model{model}, texts, score::fixed{in_memory("some", some)}), some.scores) <
          1e-12);
    auto const drawn = naive_mean(
        model, texts, dense,
        [&](auto const& text, auto const&, std::size_t layer, std::size_t head) {
          double sum = 0;
          auto const index = static_cast<std::size_t>(&text - texts.data());
          for (std::size_t step = 0; step < text.answer.size(); ++step)
            sum += uniform_number(4, {.layer = layer, .sequence_id = index, .position = text.prompt.size() - 1 + step},
                                  head);
          return sum;
        },
        queries_of);
    CHECK(distance(mean_scores(reference_model{model}, texts, score::random{.seed = 4}), drawn) < 1e-12);

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
      CHECK(distance(keep_frequency(reference_model{model}, texts, policy), kept) < 1e-12);
    }
  });
}

TEST_CASE("mean_score: means of scorers of outputs and contributions are those of the outputs, head by head") {
  test::for_both([](reference::model const& model) {
    auto const texts = some_texts(model);
    struct watcher {
      std::vector<head_table>* norms;  // outputs, contributions
      reference::model const* model;
      std::size_t first;
      double share;  // of a query in the mean

      void row(site const&, std::size_t, std::span<float const>) {}
      void kept(site const&, head_set const&) {}
      void output(site const& where, std::size_t head, std::span<float const> output) {
        if (where.position < first) return;
        auto const& block = *model->attention_at(where.layer);
        auto const columns = reference::widen_all(block.output.weight);  // [width, heads * dim]
        double squares = 0, projected = 0;
        for (double const value : output) squares += value * value;
        for (std::size_t to = 0; to < model->width(); ++to) {
          double sum = 0;
          for (std::size_t i = 0; i < output.size(); ++i)
            sum += static_cast<double>(columns[to * block.output.weight.row_size() + head * output.size() + i]) *
                   static_cast<double>(output[i]);
          projected += sum * sum;
        }
        (*norms)[0][where.layer][head] += std::sqrt(squares) * share;
        (*norms)[1][where.layer][head] += std::sqrt(projected) * share;
      }
    };
    std::vector<head_table> expected(2, every_head(layers_of(model), 0));
    for (auto const& text : texts) {
      auto all = text.prompt;
      all.insert(all.end(), text.answer.begin(), text.answer.end() - 1);
      auto state = model.empty_state();
      watcher seen{&expected, &model, text.prompt.size() - 1, 1 / queries_of(text) / static_cast<double>(texts.size())};
      for (auto const& one : all) {
        reference::step const step{.tokens = std::span{&one, 1}, .state = &state};
        (void)reference::forward(model, std::span{&step, 1}, {}, any_policy{dense}, seen);
      }
    }
    CHECK(distance(mean_scores(reference_model{model}, texts, score::output_norm{}), expected[0]) < 1e-5);
    CHECK(distance(mean_scores(reference_model{model}, texts, score::contribution_norm{}), expected[1]) < 1e-5);
    CHECK(distance(expected[0], expected[1]) > 1e-2);
  });
}

TEST_CASE("runtime_budget: a budget's threshold keeps so many heads of the model at a token on average") {
  test::for_both([](reference::model const& model) {
    auto const texts = some_texts(model);
    std::vector<double> scores;
    double queries = 0;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      auto const seen = read_slowly(model, texts[i], dense, i);
      queries += queries_of(texts[i]);
      for (auto const& [layer, head] : heads_of(layers_of(model)))
        for_each_answer_row(texts[i], seen, layer, head, [&](std::size_t, auto const& row, token) {
          double squares = 0;
          for (double const p : row) squares += p * p;
          scores.push_back(std::sqrt(squares));
        });
    }
    for (std::size_t const n : {1u, 3u, 8u}) {
      auto const threshold = threshold_of_budget(reference_model{model}, texts, score::l2{}, n);
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
      CHECK(test::contains(
          test::message_of([&] { (void)threshold_of_budget(reference_model{model}, texts, score::l2{}, n); }),
          "(allowed: 1 to 8)"));
  });
}
