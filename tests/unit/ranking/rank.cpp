// evaluate/rank: methods that read texts, against their definitions, worked out one token at a time.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/engine/reference_model.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/ranking/importance.hpp>
#include <headcount/ranking/keep_frequency.hpp>
#include <headcount/ranking/mean_score.hpp>
#include <headcount/ranking/qr_head.hpp>
#include <headcount/ranking/source_attention.hpp>
#include <headcount/ranking/task_measure.hpp>
#include <headcount/sentence/parse.hpp>
#include <unit/reference/support/files.hpp>
#include <unit/reference/support/models.hpp>
#include <unit/reference/support/numbers.hpp>
#include <unit/support/slow_reading.hpp>
#include <unit/support/toy.hpp>

using namespace headcount;
using namespace headcount::evaluate;
using namespace test;

TEST_CASE("source_attention: the retrieval score counts copied tokens of the source, once each or every time") {
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
      CHECK(distance(retrieval_score(reference_model{model}, texts, counting), expected) < 1e-12);
    }
    CHECK(counted_total > 0);  // something was copied, or this would check nothing
    CHECK(retrieval_score(reference_model{model}, texts) !=
          retrieval_score(reference_model{model}, texts, copies::as_counted));
  });
}

TEST_CASE("importance: importance is the change of the answers' log-likelihood") {
  test::for_both([](reference::model const& model) {
    auto texts = some_texts(model);
    texts.erase(texts.begin() + 4, texts.end() - 1);
    auto const ids = heads_of(layers_of(model));
    head_ids const all{ids.begin(), ids.end()};
    REQUIRE(all.size() == 8);

    auto left_out = every_head(layers_of(model), 0);
    auto alone = every_head(layers_of(model), 0);
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
    CHECK(distance(leave_one_out(reference_model{model}, texts), left_out) < 1e-5);
    CHECK(distance(all_but_one(reference_model{model}, texts), alone) < 1e-5);
    CHECK(distance(left_out, alone) > 1e-3);

    // Greedy selection: at every step, nothing would have helped more than what was taken.
    auto const order = greedy_selection(reference_model{model}, std::span{texts}.first(2));
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

TEST_CASE("importance: importance by a measure of one's own is what the measure says, in the phase that is asked for") {
  test::for_both([](reference::model const& model) {
    auto const ids = heads_of(layers_of(model));
    // Heads are worth 1, 2, 4, ... but 100 together where the first two are: what is kept is read off each policy.
    for (std::optional<phase> const during : {std::optional{phase::generation}, std::optional<phase>{}}) {
      auto const worth = [&](head_ids const& kept) {
        double sum = kept.contains(ids[0]) && kept.contains(ids[1]) ? 100 : 0;
        for (std::size_t i = 0; i < ids.size(); ++i)
          sum += kept.contains(ids[i]) ? std::ldexp(1, static_cast<int>(i)) : 0;
        return sum;
      };
      auto const measure = [&](std::span<any_policy const> policies) {
        std::vector<double> values;
        for (auto const& policy : policies) {
          head_ids kept;
          for (auto const& [layer, head] : ids) {
            auto const keeps = [&](phase when) {
              return decide(policy, {.layer = layer, .phase = when, .heads = 4}, no_evidence{}).contains(head);
            };
            if (keeps(phase::generation)) kept.emplace(layer, head);
            CHECK(keeps(phase::prefill) == (during || keeps(phase::generation)));
          }
          values.push_back(worth(kept));
        }
        return values;
      };
      auto left_out = every_head(layers_of(model), 0);
      auto alone = every_head(layers_of(model), 0);
      for (std::size_t i = 0; i < ids.size(); ++i) {
        auto const own = std::ldexp(1, static_cast<int>(i));
        left_out[ids[i].first][ids[i].second] = own + (i < 2 ? 100 : 0);
        alone[ids[i].first][ids[i].second] = own;
      }
      CHECK(leave_one_out(reference_model{model}, measure, during) == left_out);
      CHECK(all_but_one(reference_model{model}, measure, during) == alone);
      // Greedily, the last is taken first, down to the second, which the first one follows.
      auto order = every_head(layers_of(model), 0);
      for (std::size_t i = 0; i < ids.size(); ++i) order[ids[i].first][ids[i].second] = static_cast<double>(i + 1);
      CHECK(greedy_selection(reference_model{model}, measure, during) == order);
    }
  });
}

TEST_CASE("task_measure: a task's measure is the mean of one of its metrics over prompts, losses negated") {
  any_model const model = test::toy_model{};
  task asking{
      .name = "made up", .metrics = {{.name = "acc"}, {.name = "loss", .better = direction::lower}}, .prompts = {}};
  for (auto const* name : {"a", "b", "c"})
    asking.prompts.push_back({.name = name, .request = generation_request{.prompt = {.tokens = {1, 2, 3}}}});
  std::vector<token> said;
  asking.judge = [&](std::size_t i, answer const& found) {
    said.push_back(found.tokens.front());
    return std::vector<judgement>{{.metric = "loss", .value = static_cast<double>(10 * i)},
                                  {.metric = "acc", .value = i < 2 ? 1.0 : 0.0}};
  };
  std::vector<any_policy> const policies(2);
  CHECK(task_measure{model, asking}(policies) == std::vector{2.0 / 3, 2.0 / 3});
  CHECK(task_measure{model, asking, "loss"}(policies) == std::vector{-10.0, -10.0});
  CHECK(said.size() == 12);
  CHECK(test::message_of([&] { task_measure{model, asking, "f1"}; }) ==
        "metric f1: task made up does not measure it (allowed: acc, loss)");
}

TEST_CASE("calibration: what cannot be ranked is refused") {
  test::made_model const made{test::small_jamba()};
  std::vector<calibration_text> const texts{{.prompt = {1, 2}, .answer = {3}, .source = {{1, 1}}},
                                            {.prompt = {1, 2}, .answer = {3}}};
  CHECK(test::contains(test::message_of([&] { (void)needle_attention(reference_model{made.model}, texts); }),
                       "text 1 does not say"));
  CHECK(test::contains(test::message_of([&] { (void)retrieval_score(reference_model{made.model}, texts); }),
                       "text 1 does not say"));
  CHECK(test::contains(test::message_of([&] {
                         (void)keep_frequency(reference_model{made.model}, texts, parse_policy("entropy | top_k(5)"));
                       }),
                       "k from 0 to 4"));
  CHECK(test::contains(test::message_of([&] {
                         (void)mean_scores(reference_model{made.model}, texts,
                                           score::fixed{in_memory("R.json", ranking{.scores = {{1}}, .source = {}})});
                       }),
                       "fixed(R.json): it ranks 0 heads of layer 1"));
}

TEST_CASE("qr_head: QRHead's score is attention from the question beyond that from a question about nothing") {
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
      observer const watcher{.row = [&](site const& where, std::size_t head, std::span<float const> row) {
        for (std::size_t back = 0; where.position >= first && back < row.size(); ++back)
          if (auto const key = where.position - back; key < first)
            sums[where.layer][head][key] += static_cast<double>(row[row.size() - 1 - back]);
      }};
      auto state = model.empty_state();
      for (auto const& one : text) {
        reference::step const step{.tokens = std::span{&one, 1}, .state = &state};
        (void)reference::forward(model, std::span{&step, 1}, {}, any_policy{dense}, watcher);
      }
      return sums;
    };
    auto expected = every_head(layers_of(model), 0);
    for (auto const& text : texts) {
      auto const [first, last] = *text.query.begin();
      auto const [begin, end] = *text.source.begin();
      auto const length = static_cast<std::ptrdiff_t>(last + 1);
      std::vector<token> without{text.prompt.begin(), text.prompt.begin() + static_cast<std::ptrdiff_t>(first)};
      without.insert(without.end(), text.null_query.begin(), text.null_query.end());
      auto const asked = seen_from({text.prompt.begin(), text.prompt.begin() + length}, first);
      auto const nothing = seen_from(without, first);
      for (auto const& [layer, head] : heads_of(layers_of(model))) {
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
    auto const scores = qr_head_score(reference_model{model}, texts);
    CHECK(distance(scores, expected) < 1e-6);
    CHECK(distance(scores, every_head(layers_of(model), 0)) > 1e-3);
    texts[1].null_query.clear();
    CHECK(test::contains(test::message_of([&] { (void)qr_head_score(reference_model{model}, texts); }),
                         "text 1 does not say where"));
  });
}
