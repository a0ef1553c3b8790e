// expect: headcount: these outputs die with this line
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

struct their_tensor {  // owns its elements
  std::vector<float> elements;
  static constexpr std::size_t rank() { return 4; }
  std::size_t extent(std::size_t axis) const { return axis == 2 ? 2 : 1; }
  std::ptrdiff_t stride(std::size_t axis) const { return axis < 2 ? 2 : 1; }
  float* data() { return elements.data(); }
};
struct their_engine {
  their_tensor kept;
#ifdef HEADCOUNT_WRONG
  their_tensor outputs() { return kept; }  // a copy: its masking is lost
#else
  their_tensor& outputs() { return kept; }
#endif
};

void mistake(their_engine& engine, float (&weights)[4]) {
  sparsify(score::entropy{} | select::top_k{1}, {}, as_tensor(weights, {1, 2, 1, 2}), engine.outputs());
}
