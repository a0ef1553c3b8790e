// expect: headcount: weights convert to float without being asked
#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/output_norm.hpp>
#include <headcount/select/top_k.hpp>

using namespace headcount;

struct half {
  unsigned short bits;
#ifdef HEADCOUNT_WRONG
  explicit
#endif
  operator float() const {
    return static_cast<float>(bits);
  }
};

void mistake(half (&weights)[8], float (&outputs)[2]) {
  sparsify(score::entropy{} | select::top_k{1}, {}, as_tensor(weights, {1, 2, 1, 4}), as_tensor(outputs, {1, 1, 2, 1}));
}
