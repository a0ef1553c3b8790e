#include <vector>

#include <headcount/reference/block/norm.hpp>
#include <headcount/report/frontier.hpp>
#include <headcount/statistics/interval.hpp>

int main() {
  using namespace headcount;
  auto const ones = reference::apply(reference::rms_norm{.gain = {1, 1}}, reference::matrix::Constant(1, 2, 3.0f));
  bool const unbeaten = report::frontier_of(std::vector<report::trade>{{1, 1}}).front();
  return unbeaten && evaluate::wilson({5, 10}).low > 0.2 && ones(0, 0) > 0.99f ? 0 : 1;
}
