// policy/sentence.hpp: what is said of sentences that cannot be read.

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/core/text.hpp>
#include <headcount/sentence/parse.hpp>
#include <headcount/sentence/parsed.hpp>
#include <headcount/sentence/registry.hpp>
#include <headcount/sentence/sentence_reader.hpp>
#include <support/parts.hpp>
#include <unit/sentence/support/sentences.hpp>

using namespace headcount;
using namespace test;

namespace {

/// A malformed sentence, and how its error goes on after the sentence: the column, what is wrong, what is allowed.
struct mistake {
  std::string_view text;
  std::string message;
};

/// "(allowed: ...)" with the names of the parts of a kind.
std::string const scorers_allowed = text_of("(allowed: ", names_of(parts::scorers{}), "; or dense, none)");
std::string const selectors_allowed = text_of("(allowed: ", names_of(parts::selectors{}), ")");
std::string const masks_allowed = text_of("(allowed: ", names_of(parts::masks{}), ")");
std::string const edits_allowed = text_of("(allowed: ", names_of(registry::edits{}), ")");

template <class Read>
void check_mistakes(Read const& read, std::string_view what, std::vector<mistake> const& mistakes) {
  for (auto const& [text, message] : mistakes) {
    CAPTURE(text);
    CHECK(message_of(read, text) == text_of(what, " \"", text, "\": ", message));
  }
}

auto const policy_of = [](std::string_view text) { return parse_policy<parts>(text, number_files{}); };
auto const edits_of = [](std::string_view text) { return parse_edits(text); };

}  // namespace

TEST_CASE("parsed: is a value or the mistake, which value() throws with its caret") {
  auto const right = headcount::read_policy("entropy | top_k(2) @ generation");
  CHECK(right);
  CHECK(right.mistake() == nullptr);
  CHECK(right.value() == parse_policy("entropy | top_k(2) @ generation"));
  auto const wrong = headcount::read_policy("entropy | top_j(2)");
  CHECK_FALSE(wrong);
  REQUIRE(wrong.mistake() != nullptr);
  CHECK(wrong.mistake()->caret() == "  entropy | top_j(2)\n            ^");
  CHECK_THROWS_WITH_AS((void)wrong.value(), wrong.mistake()->what(), sentence_error);
  CHECK_THROWS_AS((void)headcount::read_scorer("entropy | top_k(2)").value(), sentence_error);
  CHECK(headcount::read_scorer("entropy").value() == parse_scorer("entropy"));

  // A file that cannot be read is a mistake, too, whoever reads it throws what it will of ours.
  struct no_disk {
    ranking operator()(std::string_view name, std::type_identity<ranking>) const {
      throw error{name, "cannot be read"};
    }
  };
  auto const unread = headcount::read_policy<registry>("fixed(heads.json) | top_k(1)", no_disk{});
  REQUIRE(unread.mistake() != nullptr);
  CHECK(std::string{unread.mistake()->what()}.find("column 7: heads.json: cannot be read") != std::string::npos);
}

TEST_CASE("parse: a mistake names the parts of the kind in the registry's order") {
  CHECK(names_of(part_list<support::last_first, support::even_heads>{}) == "last_first, even_heads");
  CHECK(scorers_allowed.starts_with("(allowed: entropy, "));
  CHECK(scorers_allowed.ends_with(", word_and_file, nest; or dense, none)"));
}

TEST_CASE("parse: a mistake in a policy is said with its column and what is allowed there") {
  check_mistakes(
      policy_of, "policy sentence",
      {
          {"", "column 1: scorer is expected, found the end " + scorers_allowed},
          {"entropy", "column 8: a scorer is followed by \"|\" and a selector " + selectors_allowed},
          {"entropy top_k(5)", "column 9: a scorer is followed by \"|\" and a selector " + selectors_allowed},
          {"entropy |", "column 10: selector is expected, found the end " + selectors_allowed},
          {"entropy | | zero", "column 11: selector is expected, found \"|\" " + selectors_allowed},
          {"entropy | zero", "column 11: no selector is named \"zero\" " + selectors_allowed},
          {"entropy | Top_k(5)", "column 11: no selector is named \"Top_k\", did you mean top_k? " + selectors_allowed},
          {"entropy | top_k(5) | top_k(5)", "column 22: no mask is named \"top_k\" " + masks_allowed},
          {"entropy | top_k(5) |", "column 21: mask is expected, found the end " + masks_allowed},
          {"entropy | top_k(5) | zero | zero",
           "column 27: not understood: \"|\" (allowed: \"@\" and a scope, the end)"},
          {"entropy | top_k(5) zero",
           "column 20: not understood: \"zero\" (allowed: \"|\" and a mask, \"@\" and a scope, the end)"},
          {"dense | zero", "column 7: not understood: \"|\" (allowed: \"@\" and a scope, the end)"},
          {"dense(1)", "column 7: dense takes fewer values without a name (allowed: no argument)"},
          {"l2 | top_k", "column 6: top_k needs its k (allowed: top_k(k), a whole number)"},
          {"l2 | top_k()", "column 6: top_k needs its k (allowed: top_k(k), a whole number)"},
          {"l2 | top_k(2, 3)", "column 15: top_k takes fewer values without a name (allowed: k)"},
          {"l2 | top_k(2, k=3)", "column 15: k is given twice"},
          {"l2 | top_k(k=2, k=3)", "column 17: k is given twice"},
          {"l2 | top_k(n=2)", "column 12: top_k has no \"n\" (allowed: k)"},
          {"l2(2) | top_k(2)", "column 4: l2 takes fewer values without a name (allowed: dtype)"},
          {"l2(p=2) | top_k(2)", "column 4: l2 has no \"p\" (allowed: dtype)"},
          {"l2 | top_k(,)", "column 12: \"\" is no value for k of top_k (allowed: a whole number)"},
          {"l2 | top_k(=2)", "column 12: \"=\" without a name before it in top_k (allowed: name=value)"},
          {"l2 | top_k(k=)", "column 14: \"\" is no value for k of top_k (allowed: a whole number)"},
          {"l2 | top_k(k=k=2)", "column 14: \"k=2\" is no value for k of top_k (allowed: a whole number)"},
          {"l2 | top_k(k=2, 3)", "column 14: \"2, 3\" is no value for k of top_k (allowed: a whole number)"},
          {"l2 | top_k(-1)", "column 12: \"-1\" is no value for k of top_k (allowed: a whole number)"},
          {"l2 | top_k(+1)", "column 12: \"+1\" is no value for k of top_k (allowed: a whole number)"},
          {"l2 | top_k(2.0)", "column 12: \"2.0\" is no value for k of top_k (allowed: a whole number)"},
          {"l2 | top_k(0x2)", "column 12: \"0x2\" is no value for k of top_k (allowed: a whole number)"},
          {"l2 | top_k(two)", "column 12: \"two\" is no value for k of top_k (allowed: a whole number)"},
          {"l2 | top_k(257)", "column 12: k of top_k = 257 is out of range (allowed: 0 to 256)"},
          {"l2 | top_k(99999999999999999999)",
           "column 12: \"99999999999999999999\" is no value for k of top_k (allowed: a whole number)"},
          {"l2 | threshold(nan)",
           "column 16: x of threshold = nan is out of range "
           "(allowed: -1.7976931348623157e+308 to 1.7976931348623157e+308)"},
          {"l2 | threshold(-inf)",
           "column 16: x of threshold = -inf is out of range "
           "(allowed: -1.7976931348623157e+308 to 1.7976931348623157e+308)"},
          {"l2 | threshold(1e999)", "column 16: \"1e999\" is no value for x of threshold (allowed: a number)"},
          {"l2 | threshold(1,5)", "column 18: threshold takes fewer values without a name (allowed: x)"},
          {"l2 | per_layer(2:5,2:4)",
           "column 16: \"2:5,2:4\" is no value for k of per_layer (allowed: layers and numbers such as 2:5 or "
           "2:5,4-8:0)"},
          {"l2 | per_layer(5)",
           "column 16: \"5\" is no value for k of per_layer (allowed: layers and numbers such as 2:5 or 2:5,4-8:0)"},
          {"l2 | per_layer(2:)",
           "column 16: \"2:\" is no value for k of per_layer (allowed: layers and numbers such as 2:5 or 2:5,4-8:0)"},
          {"l2 | per_layer(:2)",
           "column 16: \":2\" is no value for k of per_layer (allowed: layers and numbers such as 2:5 or 2:5,4-8:0)"},
          {"entropy(eps=1) | top_k(1)", "column 13: eps of entropy = 1 is out of range (allowed: 1e-30 to 0.001)"},
          {"entropy(eps=0) | top_k(1)", "column 13: eps of entropy = 0 is out of range (allowed: 1e-30 to 0.001)"},
          {"entropy(1e-9) | top_k(1)",
           "column 9: entropy takes fewer values without a name (allowed: eps, normalised, dtype)"},
          {"random(seed=-1) | top_k(1)", "column 13: \"-1\" is no value for seed of random (allowed: a whole number)"},
          {"many_fields(1, strict=1) | top_k(1)",
           "column 23: \"1\" is no value for strict of many_fields (allowed: true or false)"},
          {"many_fields(1, where=x) | top_k(1)",
           "column 22: \"x\" is no value for where of many_fields (allowed: positions such as 3-5 or 3-5,9)"},
          {"word_and_file(x) | top_k(1)", "column 15: x: it cannot be read (allowed: 4.5.txt)"},
          {"word_and_file(paint=red) | top_k(1)",
           "column 1: word_and_file needs its file (allowed: word_and_file(file), a file name, in quotes where it "
           "holds "
           "spaces or signs)"},
          {"word_and_file(4.5.txt, paint=green) | top_k(1)",
           "column 30: \"green\" is no value for paint of word_and_file (allowed: red, deep_blue)"},
          {"word_and_file(\"4.5.txt) | top_k(1)", "column 35: \"word_and_file(\" is not closed (allowed: ))"},
          {"nest(1, entropi) | top_k(1)",
           text_of("column 9: no scorer is named \"entropi\", did you mean entropy? (allowed: ",
                   names_of(parts::scorers{}), ")")},
          {"nest(1, l2, entropy(eps=2)) | top_k(1)",
           "column 25: eps of entropy = 2 is out of range (allowed: 1e-30 to 0.001)"},
          {"nest(1, l2 l2) | top_k(1)", "column 12: not understood: \"l2\""},
          {"nest(1) | top_k(1)", "column 1: nest needs its scorers (allowed: nest(scorers), a scorer, or several)"},
          {"nest(1, l2, numbers=3,x) | top_k(1)",
           "column 23: \"x\" is no value for numbers of nest (allowed: a number)"},
          {"l2 | top_k(2", "column 13: \"top_k(\" is not closed (allowed: ))"},
          {"l2 | top_k((2)", "column 15: \"top_k(\" is not closed (allowed: ))"},
          {"l2 | top_k(2))",
           "column 14: not understood: \")\" (allowed: \"|\" and a mask, \"@\" and a scope, the end)"},
          {"l2 | top_k)2(", "column 6: top_k needs its k (allowed: top_k(k), a whole number)"},
          {"(l2 | top_k(2))", "column 1: scorer is expected, found \"(\" " + scorers_allowed},
      });
}

TEST_CASE("parse_part: parts inside parts go so deep and no deeper") {
  std::string text = "l2";
  for (int depth = 0; depth < 16; ++depth) text = "nest(1, " + text + ")";
  auto const policy = text + " | top_k(1)";
  CHECK(reprinted(policy) == policy);
  auto const deeper = message_of(policy_of, "nest(1, " + policy + ")");
  CHECK(deeper.find("column 137: parts are nested more than 16 deep") != std::string::npos);
}

TEST_CASE("parse: a mistake in a scope is said with its column and what is allowed there") {
  check_mistakes(
      policy_of, "policy sentence",
      {
          {"none @", "column 7: a scope is expected, found the end (allowed: all, prefill, generation)"},
          {"none @ @ all", "column 8: a scope is expected, found \"@\" (allowed: all, prefill, generation)"},
          {"none @ decode", "column 8: a scope is expected, found \"decode\" (allowed: all, prefill, generation)"},
          {"none @ layers=2", "column 8: a scope is expected, found \"layers\" (allowed: all, prefill, generation)"},
          {"none @ all @ all", "column 12: not understood: \"@\" (allowed: \",\" and layers=2,5-7, the end)"},
          {"none @ all layers=2", "column 12: not understood: \"layers\" (allowed: \",\" and layers=2,5-7, the end)"},
          {"none @ all, prefill", "column 13: a limit is expected, found \"prefill\" (allowed: layers=2,5-7)"},
          {"none @ all,", "column 12: a limit is expected, found the end (allowed: layers=2,5-7)"},
          {"none @ all, layers 2", "column 13: a limit is expected, found \"layers\" (allowed: layers=2,5-7)"},
          {"none @ all, layers=", "column 20: \"\" is no layer or range of layers (allowed: layers=2,5-7)"},
          {"none @ all, layers=2,", "column 22: \"\" is no layer or range of layers (allowed: layers=2,5-7)"},
          {"none @ all, layers=5-2", "column 20: \"5-2\" is no layer or range of layers (allowed: layers=2,5-7)"},
          {"none @ all, layers=2 - 5", "column 20: \"2 - 5\" is no layer or range of layers (allowed: layers=2,5-7)"},
          {"none @ all, layers=-1", "column 20: \"-1\" is no layer or range of layers (allowed: layers=2,5-7)"},
          {"none @ all, layers=3, x", "column 23: \"x\" is no layer or range of layers (allowed: layers=2,5-7)"},
          {"none @ all, layers=3 @ all",
           "column 20: \"3 @ all\" is no layer or range of layers (allowed: layers=2,5-7)"},
          {"none @ all, layers=1024", "column 20: layer 1024 is out of range (allowed: 0 to 1023)"},
          {"none @ all, layers=0-18446744073709551615",
           "column 20: layer 18446744073709551615 is out of range (allowed: 0 to 1023)"},
          {"none @ all, layers=99999999999999999999",
           "column 20: \"99999999999999999999\" is no layer or range of layers (allowed: layers=2,5-7)"},
          {"none @ all, layers=2; null", "column 21: not understood: \";\" (allowed: the end)"},
      });
}

TEST_CASE("parse: a mistake in edits is said with its column and what is allowed there") {
  check_mistakes(
      edits_of, "edit sentence",
      {
          {"", "column 1: edit is expected, found the end " + edits_allowed},
          {"ommit(3)", "column 1: no edit is named \"ommit\", did you mean omit? " + edits_allowed},
          {"null;", "column 6: edit is expected, found the end " + edits_allowed},
          {"null;;null", "column 6: edit is expected, found \";\" " + edits_allowed},
          {"omit", "column 1: omit needs its positions (allowed: omit(positions), positions such as 3-5 or 3-5,9)"},
          {"null; omit(5-3)",
           "column 12: \"5-3\" is no value for positions of omit (allowed: positions such as 3-5 or "
           "3-5,9)"},
          {"omit(3,,4)",
           "column 6: \"3,,4\" is no value for positions of omit (allowed: positions such as 3-5 or "
           "3-5,9)"},
          {"omit(-3)", "column 6: \"-3\" is no value for positions of omit (allowed: positions such as 3-5 or 3-5,9)"},
          {"omit(3) | zero",
           "column 9: not understood: \"|\" (allowed: \"@\" and a scope, \";\" and an edit, the end)"},
          {"omit(3) @ all null",
           "column 15: not understood: \"null\" (allowed: \",\" and layers=2,5-7 or heads=2,5-7, \";\" "
           "and an edit, the end)"},
          {"omit(3) @ all, here",
           "column 16: a limit is expected, found \"here\" (allowed: layers=2,5-7 or heads=2,5-7)"},
          {"omit(3) @ all, layers=2, heads",
           "column 26: \"heads\" is no layer or range of layers (allowed: layers=2,5-7)"},
          {"omit(3) @ all, layers=2, here=3", "column 26: a limit is expected, found \"here\" (allowed: heads=2,5-7)"},
          {"omit(3) @ all, heads=2, layers=3",
           "column 23: not understood: \",\" (allowed: \";\" and an edit, the end)"},
          {"omit(3) @ all, heads=", "column 22: \"\" is no head or range of heads (allowed: heads=2,5-7)"},
          {"omit(3) @ all, heads=256", "column 22: head 256 is out of range (allowed: 0 to 255)"},
          {"scale(3)", "column 1: scale needs its factor (allowed: scale(factor), a number)"},
          {"scale(0.5)",
           "column 7: \"0.5\" is no value for positions of scale (allowed: positions such as 3-5 or 3-5,9)"},
          {"scale(3-5, -1)", "column 12: factor of scale = -1 is out of range (allowed: 0 to 1e+06)"},
          {"balanced(3, mass=all)", "column 18: \"all\" is no value for mass of balanced (allowed: row, pass)"},
          {"ablate(head)",
           "column 8: \"head\" is no value for what of ablate (allowed: attention, rg_lru, mamba, mamba2, gated_delta, "
           "short_convolution, convolution, mlp, experts, layer)"},
          {"ablate",
           "column 1: ablate needs its what (allowed: ablate(what), attention, rg_lru, mamba, mamba2, "
           "gated_delta, short_convolution, convolution, mlp, experts, layer)"},
          {"omit(3) @ generation, layers=2) x",
           "column 30: \"2) x\" is no layer or range of layers (allowed: layers=2,5-7)"},
      });
}

TEST_CASE("sentence_reader: control characters in a sentence leave its error on one line, and are shown") {
  using namespace std::string_view_literals;
  for (auto const text : {"entropy\n| top_k(5)"sv, "entropy | top_k(5\r\n)"sv, "\0"sv, "none @ all, layers=\x1b[2J"sv,
                          "l2 | top_k(1) | \v"sv, "l\n2 | top_k(1)"sv, "l2 | top_k(a\n=1)"sv, "none @ \x7f"sv}) {
    auto const message = message_of(policy_of, text);
    CAPTURE(message);
    CHECK_FALSE(message.empty());
    CHECK(std::ranges::none_of(message, [](unsigned char sign) { return std::iscntrl(sign) != 0; }));
    CHECK(message.find("\\x") != std::string::npos);
    CHECK(message.find("column") != std::string::npos);
  }
  CHECK(message_of(edits_of, "null\n") ==
        "edit sentence \"null\\x0a\": column 5: not understood: \"\\x0a\" (allowed: \"@\" and a scope, \";\" and an "
        "edit, the end)");
}
