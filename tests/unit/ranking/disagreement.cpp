// ranking/disagreement.hpp and ranking/head_output_calibration.hpp, against one token at a time.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/engine/reference_model.hpp>
#include <headcount/mask/mean.hpp>
#include <headcount/mask/resample.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/ranking/disagreement.hpp>
#include <headcount/ranking/head_output_calibration.hpp>
#include <headcount/sentence/parse.hpp>
#include <unit/reference/support/models.hpp>
#include <unit/reference/support/numbers.hpp>

using namespace headcount;
using namespace headcount::evaluate;

namespace {

std::vector<calibration_text> some_texts() {
  test::numbers draw{3};
  std::vector<calibration_text> texts;
  for (std::size_t const prompt : {1, 7, 12})
    texts.push_back({.prompt = draw.text(prompt, 37), .answer = draw.text(4, 37)});
  return texts;
}

/// What a model says before each token of an answer, read token by token. The prompt's last token is prefill, or, as
/// calibration has it, the first of generation.
std::vector<std::vector<double>> predictions(reference::model const& model, calibration_text const& text,
                                             any_policy const& policy, std::size_t row, bool last_generates = false) {
  auto all = text.prompt;
  all.insert(all.end(), text.answer.begin(), text.answer.end());
  auto state = model.empty_state();
  std::vector<std::vector<double>> said;
  for (std::size_t at = 0; at + 1 < all.size(); ++at) {
    bool const answers = at + 1 >= text.prompt.size();
    bool const generates = at + (last_generates ? 1 : 0) >= text.prompt.size();
    reference::step const step{.tokens = std::span{all}.subspan(at, 1), .state = &state, .sequence_id = row};
    auto const logits = reference::forward(model, std::span{&step, 1},
                                           {.phase = generates ? phase::generation : phase::prefill}, policy);
    if (!answers) continue;
    double sum = 0;
    auto& probabilities = said.emplace_back();
    for (float const logit : reference::row_of(logits, 0)) probabilities.push_back(std::exp(double{logit}));
    for (double const one : probabilities) sum += one;
    for (double& one : probabilities) one /= sum;
  }
  return said;
}

std::size_t best(std::vector<double> const& row) {
  return static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
}

}  // namespace

TEST_CASE("disagreement: two policies differ by what they say of each token") {
  auto const texts = some_texts();
  std::vector<any_policy> const policies{dense, parse_policy("none @ generation"),
                                         parse_policy("entropy | top_k(1) | uniform"),
                                         parse_policy("random | top_k(2) | streaming(1, 1) @ generation")};
  test::for_both([&](reference::model const& model) {
    auto const found = compare_predictions(reference_model{model}, texts, policies);
    CHECK(found.tokens == 12);
    int different = 0;
    for (std::size_t i = 0; i < texts.size(); ++i)
      for (std::size_t a = 0; a < policies.size(); ++a) {
        auto const p = predictions(model, texts[i], policies[a], i);
        double loglik = 0;
        bool right = true;
        for (std::size_t token = 0; token < 4; ++token) {
          auto const said = static_cast<std::size_t>(texts[i].answer[token]);
          loglik += std::log(p[token][said]) / 4;
          right = right && best(p[token]) == said;
        }
        CHECK(found.loglik[a][i] == doctest::Approx(loglik).epsilon(1e-4));
        CHECK(found.right[a][i] == right);
        for (std::size_t b = 0; b < policies.size(); ++b) {
          auto const q = predictions(model, texts[i], policies[b], i);
          double kl = 0, other = 0;
          for (std::size_t token = 0; token < 4; ++token) {
            other += best(p[token]) == best(q[token]) ? 0 : 0.25;
            for (std::size_t x = 0; x < p[token].size(); ++x)
              kl += p[token][x] * std::log2(p[token][x] / q[token][x]) * std::numbers::ln2 / 4;
          }
          CHECK(std::abs(found.between[a][b][i].kl - kl) < 1e-4 * (1 + kl));
          CHECK(found.between[a][b][i].other_choice == doctest::Approx(other));
          different += kl > 1e-3 ? 1 : 0;
        }
      }
    CHECK(different >= 20);  // of 36 pairs of different policies
  });
}

TEST_CASE("disagreement: an answer that the model would give is right") {
  test::for_both([&](reference::model const& model) {
    auto text = some_texts()[1];
    for (std::size_t token = 0; token < text.answer.size(); ++token)
      text.answer[token] = static_cast<headcount::token>(best(predictions(model, text, dense, 0)[token]));
    std::vector<any_policy> const policies{dense};
    CHECK(compare_predictions(reference_model{model}, std::span{&text, 1}, policies).right[0][0]);
    text.answer.back() = (text.answer.back() + 1) % 37;
    CHECK_FALSE(compare_predictions(reference_model{model}, std::span{&text, 1}, policies).right[0][0]);
  });
}

TEST_CASE("head_output_calibration: heads that are replaced by what they put out themselves change nothing") {
  test::for_both([&](reference::model const& model) {
    auto text = some_texts()[2];
    text.answer.resize(1);
    auto const known = in_memory("here", calibrate_outputs(reference_model{model}, std::span{&text, 1}, 5, 1));
    CHECK(known.content->samples == 1);
    auto const whole = predictions(model, text, dense, 0);
    auto const check = [&](any_policy const& policy) {
      auto const replaced = predictions(model, text, policy.during(phase::generation), 0, true);
      for (std::size_t x = 0; x < 37; ++x) CHECK(std::abs(replaced[0][x] - whole[0][x]) < 1e-6);
    };
    check(none | mask::mean{known});
    check(none | mask::resample{known, 3});
  });
}

TEST_CASE("head_output_calibration: the mean is over all queries, and samples are different ones of them") {
  auto const texts = some_texts();
  test::for_both([&](reference::model const& model) {
    auto const all = calibrate_outputs(reference_model{model}, texts, 100, 1);
    auto const some = calibrate_outputs(reference_model{model}, texts, 5, 1);
    CHECK(all.samples == 12);
    CHECK(some.samples == 5);
    CHECK(all.layers.size() == model.layers.size());
    CHECK(all.layers[0].heads == 0);
    for (std::size_t const at : {1, 3}) {
      auto const& layer = all.layers[at];
      REQUIRE(layer.heads == 4);
      REQUIRE(layer.dim == 6);
      CHECK(some.layers[at].mean == layer.mean);
      for (std::size_t head = 0; head < 4; ++head) {
        std::vector<double> sum(6);
        for (std::size_t sample = 0; sample < 12; ++sample)
          for (std::size_t i = 0; i < 6; ++i) sum[i] += double{layer.sample_of(sample, head)[i]} / 12;
        for (std::size_t i = 0; i < 6; ++i) CHECK(std::abs(double{layer.mean_of(head)[i]} - sum[i]) < 1e-6);
        std::vector<std::size_t> drawn;
        for (std::size_t sample = 0; sample < 5; ++sample)
          for (std::size_t other = 0; other < 12; ++other)
            if (std::ranges::equal(some.layers[at].sample_of(sample, head), layer.sample_of(other, head)))
              drawn.push_back(other);
        std::ranges::sort(drawn);
        CHECK(drawn.size() == 5);
        CHECK(std::ranges::adjacent_find(drawn) == drawn.end());
      }
    }
  });
}
