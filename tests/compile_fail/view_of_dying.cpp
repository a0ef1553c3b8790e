// expect: headcount: this tensor dies with this line
#include <array>
#include <cstddef>
#include <vector>

#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/output_norm.hpp>
#include <headcount/select/top_k.hpp>

using namespace headcount;

struct their_matrix {  // owns its elements
  std::vector<float> elements;
  static constexpr std::size_t rank() { return 2; }
  std::size_t extent(std::size_t) const { return 2; }
  std::ptrdiff_t stride(std::size_t axis) const { return axis == 0 ? 2 : 1; }
  float const* data() const { return elements.data(); }
};
their_matrix made();

void mistake() {
#ifdef HEADCOUNT_WRONG
  (void)view_of<2>(made());
#else
  auto const matrix = made();
  (void)view_of<2>(matrix);
#endif
}
