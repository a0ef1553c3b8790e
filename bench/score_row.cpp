// Question: what does scoring a head's attention row cost beside just reading it?

#include <memory>
#include <string>

#include <headcount/headcount.hpp>
#include <headcount/kernel/attention.hpp>
#include <headcount/kernel/softmax.hpp>

#include "read.hpp"

namespace {

using namespace headcount;

int const registered = [] {
  for (std::size_t const keys : {64u, 512u, 4096u}) {
    auto const row = std::make_shared<std::vector<float>>(bench::random_values(keys));
    kernel::softmax(*row);
    auto const group = std::to_string(keys) + " keys";
    bench::measure(group, "read", [row] { return bench::read(*row); });
    bench::measure(group, "entropy", [row] { return score::entropy{}(*row); });
    bench::measure(group, "l2", [row] { return score::l2{}(*row); });
    bench::measure(group, "entropy, chosen at run time", [row, any = any_scorer{score::entropy{}}] {
      head_scores scores;
      return score_site(any, {.heads = 1}, [&](std::size_t) { return std::span<float const>{*row}; }, scores)[0];
    });
  }
  return 0;
}();

}  // namespace
