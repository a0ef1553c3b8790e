// expect: headcount: this memory dies with this line
#include <vector>

#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/output_norm.hpp>
#include <headcount/select/top_k.hpp>

using namespace headcount;

std::vector<float> made();

void mistake() {
#ifdef HEADCOUNT_WRONG
  (void)as_tensor(made(), {2, 2});
#else
  auto memory = made();
  (void)as_tensor(memory, {2, 2});
#endif
}
