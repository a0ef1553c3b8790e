#pragma once

#include <cmath>
#include <cstddef>
#include <map>
#include <set>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <headcount/engine/observed.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/select/threshold.hpp>
#include <unit/reference/support/numbers.hpp>

// What texts do to a model, token by token, as definitions of rankings speak of it.

namespace test {

using namespace headcount;
using namespace headcount::evaluate;

using head_id = std::pair<std::size_t, std::size_t>;  // layer, head
using head_ids = std::set<head_id>;

/// Keeps the heads of a set: a scorer of its own, to check the library's.
struct in_set {
  static constexpr std::string_view name = "in_set";
  [[maybe_unused]] static constexpr auto fields = field_list{};
  head_ids heads;
  double operator()(site const& where, std::size_t head) const noexcept {
    return heads.contains({where.layer, head}) ? 1 : 0;
  }
};

[[nodiscard]] inline any_policy keeping(head_ids heads) {
  return any_policy{in_set{std::move(heads)} | select::threshold{1}}.during(phase::generation);
}

/// What one text does, token by token.
struct reading_of_text {
  std::map<std::tuple<std::size_t, std::size_t, std::size_t>, std::vector<float>> rows;  // layer, head, position
  std::map<std::pair<std::size_t, std::size_t>, head_set> kept;                          // layer, position
  double loglik = 0;                                                                     // of the answer, nats a token
};

[[nodiscard]] inline reading_of_text read_slowly(reference::model const& model, calibration_text const& text,
                                                 any_policy const& policy, std::size_t index) {
  reading_of_text result;
  observer const watcher{
      .row =
          [&](site const& where, std::size_t head, std::span<float const> row) {
            result.rows[{where.layer, head, where.position}] = {row.begin(), row.end()};
          },
      .kept = [&](site const& where, head_set const& kept) { result.kept[{where.layer, where.position}] = kept; }};
  auto all = text.prompt;
  all.insert(all.end(), text.answer.begin(), text.answer.end());
  auto state = model.empty_state();
  for (std::size_t at = 0; at + 1 < all.size(); ++at) {
    auto const when = at + 1 < text.prompt.size() ? phase::prefill : phase::generation;
    reference::step const step{.tokens = std::span{all}.subspan(at, 1), .state = &state, .sequence_id = index};
    auto const logits = reference::forward(model, std::span{&step, 1}, {.phase = when}, policy, watcher);
    if (when == phase::prefill) continue;
    double sum = 0;
    for (Eigen::Index id = 0; id < logits.cols(); ++id) sum += std::exp(static_cast<double>(logits(0, id)));
    result.loglik +=
        (static_cast<double>(logits(0, all[at + 1])) - std::log(sum)) / static_cast<double>(text.answer.size());
  }
  return result;
}

[[nodiscard]] inline double mean_loglik(reference::model const& model, std::vector<calibration_text> const& texts,
                                        any_policy const& policy) {
  double sum = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) sum += read_slowly(model, texts[i], policy, i).loglik;
  return sum / static_cast<double>(texts.size());
}

/// Texts of several lengths whose answers repeat words of their prompts, so that heads can be seen to copy.
[[nodiscard]] inline std::vector<calibration_text> some_texts(reference::model const& model) {
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
[[nodiscard]] head_table naive_mean(reference::model const& model, std::vector<calibration_text> const& texts,
                                    any_policy const& policy, Sum const& sum_of, Over const& over) {
  auto table = every_head(layers_of(model), 0);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    auto const seen = read_slowly(model, texts[i], policy, i);
    for (std::size_t layer = 0; layer < table.size(); ++layer)
      for (std::size_t head = 0; head < table[layer].size(); ++head)
        table[layer][head] += sum_of(texts[i], seen, layer, head) / over(texts[i]) / static_cast<double>(texts.size());
  }
  return table;
}

[[nodiscard]] inline double queries_of(calibration_text const& text) { return static_cast<double>(text.answer.size()); }

/// Calls `visit(position, row, said)` for the answer's queries.
template <class Visit>
void for_each_answer_row(calibration_text const& text, reading_of_text const& seen, std::size_t layer, std::size_t head,
                         Visit const& visit) {
  for (std::size_t step = 0; step < text.answer.size(); ++step) {
    auto const position = text.prompt.size() - 1 + step;
    visit(position, seen.rows.at({layer, head, position}), text.answer[step]);
  }
}

}  // namespace test
