// statistics/metric.hpp

#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/statistics/metric.hpp>

using namespace headcount::evaluate;

namespace {

struct entry {
  double value = 0;
  std::array<double, 2> read{};
};

double total_of(aggregate const& how, std::vector<entry> const& rows) {
  row_sums sums{};
  for (auto const& one : rows) {
    auto const added = how.of_row(one.value, one.read);
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += added[i];
  }
  return how.total(sums);
}

/// So many questions whose label is `gold` and answer is `predicted`.
void add(std::vector<entry>& to, std::size_t count, double gold, double predicted) {
  to.insert(to.end(), count, entry{.read = {gold, predicted}});
}

}  // namespace

TEST_CASE("metric: a mean is the mean of values") {
  CHECK(total_of(mean_of_rows, {{1}, {0}, {0.5}, {2}}) == 0.875);
  CHECK(std::isnan(total_of(mean_of_rows, {})));
}

TEST_CASE("metric: perplexity of several texts is that of their sums, not the mean of theirs") {
  std::vector<entry> const texts{{.read = {-30, 10}}, {.read = {-8, 2}}};
  CHECK(total_of(perplexity_per("tokens"), texts) == doctest::Approx(std::exp(38.0 / 12)).epsilon(1e-14));
  CHECK(total_of(bits_per("bytes"), texts) == doctest::Approx(38.0 / 12 / std::log(2.0)).epsilon(1e-14));
  CHECK(perplexity_per("tokens") == perplexity_per("tokens"));
  CHECK_FALSE(perplexity_per("tokens") == perplexity_per("words"));
}

TEST_CASE("metric: F1 and Matthews' correlation of a confusion matrix by their formulas") {
  std::vector<entry> answers;
  add(answers, 6, 1, 1);
  add(answers, 2, 0, 1);
  add(answers, 3, 0, 0);
  add(answers, 1, 1, 0);
  // scikit-learn 1.5: f1_score 0.8, matthews_corrcoef 0.47809144373375745
  CHECK(total_of(f1_of_yes, answers) == doctest::Approx(0.8).epsilon(1e-14));
  CHECK(total_of(matthews_correlation, answers) == doctest::Approx((6.0 * 3 - 2 * 1) / std::sqrt(8.0 * 7 * 5 * 4)));
  std::vector<entry> all_no;
  add(all_no, 4, 0, 0);
  CHECK(total_of(f1_of_yes, all_no) == 0);
  CHECK(total_of(matthews_correlation, all_no) == 0);
}

TEST_CASE("metric: one that no task names has no direction and no bounds") {
  static constexpr metric known[]{
      {.name = "acc", .unit = "share", .better = direction::higher, .values = right_or_wrong}, {.name = "kl"}};
  CHECK(find_metric(known, "acc").values.right_or_wrong);
  CHECK(find_metric(known, "acc_norm") == unknown_metric);
  CHECK(unknown_metric.better == direction::unknown);
  CHECK(unknown_metric.values == real_scale);
  CHECK(between(0, 5) != right_or_wrong);
}
