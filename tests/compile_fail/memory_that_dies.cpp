// expect: headcount: this memory dies with this line
#include <vector>

#include <headcount/headcount.hpp>

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
