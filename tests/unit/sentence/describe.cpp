#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/mask/mean.hpp>
#include <headcount/part/part.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/score/random.hpp>
#include <headcount/select/top_k.hpp>
#include <headcount/sentence/describe.hpp>
#include <headcount/sentence/explain.hpp>
#include <headcount/sentence/nearest_name.hpp>
#include <headcount/sentence/parse.hpp>
#include <headcount/sentence/registry.hpp>
#include <headcount/sentence/sentence_reader.hpp>
#include <support/parts.hpp>

// What sentences and their parts are in words.

using namespace headcount;

static_assert(!documented_part<support::last_first>);
static_assert(documented_part<score::entropy> && documented_part<edit::omit>);

namespace {

/// The distance by its recursive definition.
std::size_t slow_distance(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return a.size() + b.size();
  if (a.front() == b.front()) return slow_distance(a.substr(1), b.substr(1));
  return 1 + std::min({slow_distance(a.substr(1), b), slow_distance(a, b.substr(1)),
                       slow_distance(a.substr(1), b.substr(1))});
}

}  // namespace

TEST_CASE("nearest_name: is by the least changes, and nothing where too much is wrong") {
  constexpr std::array<std::string_view, 5> known{"entropy", "l2", "lp", "top_k", "top_p"};
  for (std::string_view const a : {"entropi", "", "lp", "ltropy", "tpo_k"})
    for (auto const b : known) {
      CHECK(edit_distance(a, b) == slow_distance(a, b));
      CHECK(edit_distance(b, a) == slow_distance(a, b));
    }
  CHECK(nearest_name("entropi", known) == "entropy");
  CHECK(nearest_name("Entropy", known) == "entropy");
  CHECK(nearest_name("top_q", known) == "top_k");  // of equals the first
  CHECK(nearest_name("zero", known).empty());
  CHECK(nearest_name("", known).empty());
  CHECK(nearest_name(std::string(100, 'x'), known).empty());
}

TEST_CASE("describe: says of a part what it is and takes") {
  auto const part = describe<score::ema>("scorer");
  CHECK(part.name == "ema");
  CHECK(part.reads == "what its scorers read");
  CHECK_FALSE(part.accumulates);
  REQUIRE(part.parameters.size() == 2);
  CHECK(part.parameters[0].name == "decay");
  CHECK(part.parameters[0].required);
  CHECK(part.parameters[0].least == "0");
  CHECK(part.parameters[0].most == "0.999999");
  CHECK(part.parameters[1].form == "a scorer");
  CHECK(written_form(part) == "ema(decay, inner)");

  auto const entropy = describe<score::entropy>("scorer");
  CHECK(entropy.reads == "rows");
  CHECK(entropy.accumulates);
  CHECK(written_form(entropy) == "entropy(eps=1e-12, normalised=false, dtype=float32)");
  CHECK(describe<score::output_norm>("scorer").reads == "outputs");
  CHECK(describe<select::top_k>("selector").reads == "scores");
  CHECK(written_form(describe<mask::zero>("mask")) == "zero(bias=keep)");
  CHECK(describe<mask::zero>("mask").reads == "outputs");
  CHECK(describe<mask::mean>("mask").reads == "sites");
  CHECK(describe<mask::uniform>("mask").reads == "keys and values");
  CHECK(describe_parts().front().name == "entropy");
}

TEST_CASE("explain: says where a policy applies and what its dropped heads save") {
  auto const text = explain(parse_policy("output_norm | top_k(2) @ prefill"));
  CHECK(
      text ==
      "Scores a head by\n"
      "  output_norm: how much it puts out: the Euclidean norm of its output before the output projection.\n"
      "Keeps\n"
      "  top_k(2): the k heads with the highest scores. k: heads kept at a query.\n"
      "A dropped head puts out\n"
      "  zero: nothing: its output becomes 0 before the output projection. bias: whether its share of the projection's "
      "bias stays.\n"
      "Applies in prefill, not while generating, in every layer with attention; elsewhere every head is kept.\n"
      "Reads outputs: every head is computed; a dropped head saves its part of the output projection.\n"
      "Costs 4dw + 4dn FLOPs a kept head at a token, 2dw + 4dn a dropped one: d features a head, w of the model, n "
      "visible keys.\n");
  CHECK(explain(parse_policy("l2 | top_k(1) | uniform")).find("Its mask lets a dropped head attend") !=
        std::string::npos);
  CHECK(explain(scope{}) == "in prefill and generation, in every layer with attention");
  for (auto const what :
       {reading::nothing, reading::input, reading::gate, reading::query, reading::row, reading::contribution})
    CHECK(explain(what).starts_with("Reads "));
}

TEST_CASE("explain: costs a dropped head what its scorer and its mask need") {
  // The query and the output are d x w products, 2 FLOPs each; logits and values d x n.
  for (auto const& [sentence, dropped] : std::vector<std::pair<std::string, std::string>>{
           {"random | top_k(1)", ", 0 a dropped one"},
           {"entropy | top_k(1)", ", 2dw + 2dn a"},
           {"entropy | top_k(1) | rescale", ", 2dw + 2dn a"},
           {"contribution_norm | top_k(1)", ", 4dw + 4dn a"},
           {"random | top_k(1) | uniform", ", 2dw + 2d a"},
           {"entropy | top_k(1) | uniform", ", 4dw + 2dn + 2d a"},
           {"random | top_k(1) | streaming(4, 16)", ", 4dw + 4d min(n, 20) a"},
           {"entropy | top_k(1) | streaming(4, 16)", ", 4dw + 2dn + 2d min(n, 20) a"},
           {"random | top_k(1) | streaming(0, 1)", ", 4dw + 4d min(n, 1) a"}}) {
    auto const text = explain(parse_policy(sentence));
    CHECK_MESSAGE(text.find(dropped) != std::string::npos, text);
    CHECK((text.find("through the output projection") != std::string::npos) ==
          (sentence.ends_with("uniform") || sentence.ends_with(")") && sentence.find("streaming") != sentence.npos));
  }
  CHECK(explain_cost(score::random{} | select::top_k{1} | mask::mean{}).find(", 2dw a dropped one") !=
        std::string::npos);
}

TEST_CASE("sentence_error: shows the spot") {
  auto const caret_of = [](std::string_view text) {
    try {
      (void)parse_policy(text);
    } catch (sentence_error const& wrong) {
      return wrong.caret();
    }
    return std::string{};
  };
  CHECK(caret_of("entropi | top_k(5)") == "  entropi | top_k(5)\n  ^");
  CHECK(caret_of("l2 | top_k(x)") == "  l2 | top_k(x)\n             ^");
  CHECK(caret_of("l2 |") == "  l2 |\n      ^");
  CHECK(caret_of("\a | top_k(x)") == "  \\x07 | top_k(x)\n  ^");
}
