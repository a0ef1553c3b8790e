// The same pass gives the same bits, wherever in memory its state lies: in the optimised build, whose vectors of
// numbers are longer than what memory is aligned to.

#include <cstddef>
#include <numeric>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/phase.hpp>
#include <headcount/core/token.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/checkpoint/load_snapshot.hpp>

#include "../unit/reference/support/batch.hpp"

using namespace headcount;

TEST_CASE("same bits: logits do not depend on where states lie in memory") {
  for (std::string const name :
       {"tiny-recurrent-gemma", "tiny-jamba", "tiny-qwen3-next", "tiny-granite-hybrid", "tiny-lfm2"}) {
    CAPTURE(name);
    auto const snapshot = reference::load_snapshot(std::string{HEADCOUNT_MODELS} + "/" + name);
    std::vector<token> text(24);
    std::iota(text.begin(), text.end(), 5);
    auto const logits = [&] { return test::batch{snapshot.model, {text}}.next(text.size(), phase::prefill); };
    reference::matrix const first = logits();
    std::vector<std::vector<float>> taken;  // moves what is allocated next
    for (std::size_t i = 1; i <= 16; ++i) {
      taken.emplace_back(4 * i + 160);
      CHECK(logits() == first);
    }
  }
}
