// expect: headcount: any_policy reads rows and outputs that are views of floats
#include <span>
#include <vector>

#include <headcount/headcount.hpp>

using namespace headcount;

head_set mistake(any_policy const& policy, std::vector<std::vector<float>> const& weights) {
  return decide(policy, site{.heads = weights.size()}, [&](std::size_t head) {
#ifdef HEADCOUNT_WRONG
    return weights[head];  // a copy
#else
    return std::span{weights[head]};
#endif
  });
}
