// policy/sentence.hpp: what sentences mean, and how they are printed.

#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/print.hpp>
#include <headcount/sentence/parse.hpp>
#include <headcount/sentence/registry.hpp>
#include <support/parts.hpp>
#include <unit/sentence/support/sentences.hpp>

using namespace headcount;
using namespace test;

namespace {

std::string edits_reprinted(std::string_view text) {
  std::string printed;
  for (auto const& edit : parse_edits(text)) add_to_list(printed, print(edit), "; ");
  return printed;
}

}  // namespace

TEST_CASE("parse, print: what is read is printed as its shortest form") {
  CHECK(reprinted("dense") == "dense");
  CHECK(reprinted("none @ all") == "none");
  CHECK(reprinted("entropy|top_k(5)") == "entropy | top_k(5)");
  CHECK(reprinted(" entropy ( ) |\ttop_k ( k = 5 )  |  zero @  generation ") == "entropy | top_k(5) @ generation");
  CHECK(reprinted("entropy(eps=1e-12) | top_k(0) @ prefill") == "entropy | top_k(0) @ prefill");
  CHECK(reprinted("entropy(eps=0.00001) | threshold(-2.50)") == "entropy(eps=1e-05) | threshold(-2.5)");
  CHECK(reprinted("l2 | threshold(x=1e300)") == "l2 | threshold(1e+300)");
  CHECK(reprinted("random(seed=7) | top_k(2) @ all, layers=2") == "random(seed=7) | top_k(2) @ all, layers=2");
  CHECK(reprinted("random(seed=18446744073709551615)|top_k(256)") == "random(seed=18446744073709551615) | top_k(256)");
  CHECK(reprinted("l2 | top_k(1) @ generation,layers = 7 , 5-6,2, 1023") ==
        "l2 | top_k(1) @ generation, layers=2,5-7,1023");
  CHECK(reprinted("none @ all, layers=0-1023") == "none @ all, layers=0-1023");
}

TEST_CASE("parse, print: means the policy that the same words make in C++") {
  layer_set second_and_fifth;
  second_and_fifth.insert(2);
  second_and_fifth.insert(5);
  auto const composed = (score::random{7} | select::top_k{2} | support::constant{1.5})
                            .during(phase::generation)
                            .in_layers(second_and_fifth);
  auto const text = "random(seed=7) | top_k(2) | constant(1.5) @ generation, layers=2,5";
  CHECK(print(composed) == text);
  auto const read = parse_policy<parts>(text);
  CHECK(print(read) == text);
  CHECK(read.where.during == phase::generation);
  CHECK(*read.where.layers == second_and_fifth);
  CHECK(read.reads() == reading::nothing);
  head_scores of_read{}, of_composed{};
  (void)score_site(read.score, {.heads = 4}, no_evidence{}, of_read);
  (void)score_site(composed.score, {.heads = 4}, no_evidence{}, of_composed);
  CHECK(of_read == of_composed);
}

TEST_CASE("parse, print: a registry of one's own adds parts, and the library's stay") {
  CHECK(parse_policy<parts>("query_feature | even_heads").reads() == reading::query);
  CHECK(parse_policy<parts>("output_feature | top_k(1)").reads() == reading::output);
  CHECK(parse_policy<parts>("newest_weight | even_heads | constant(3)").reads() == reading::row);
  CHECK(reprinted("entropy | even_heads | constant(3)") == "entropy | even_heads | constant(3)");
  CHECK_THROWS_AS((void)parse_policy("query_feature | top_k(1)"), error);
}

TEST_CASE("parse_value: fields of every type, with and without names") {
  CHECK(reprinted("many_fields(3) | top_k(1)") == "many_fields(3) | top_k(1)");
  CHECK(reprinted("many_fields(3, 8, strict=true, weight=0.25, where=3-5) | top_k(1)") ==
        "many_fields(3, 8, weight=0.25, strict=true, where=3-5) | top_k(1)");
  CHECK(reprinted("many_fields(limit=8,count=3) | top_k(1)") == "many_fields(3, 8) | top_k(1)");
}

TEST_CASE("parse, print: a list of positions may stand after its name, and other arguments after it") {
  CHECK(reprinted("many_fields(1, where=3-5, 9 ,12, strict=true) | top_k(1)") ==
        "many_fields(1, strict=true, where=3-5,9,12) | top_k(1)");
  CHECK(edits_reprinted("omit(positions=3-5,9)") == "omit(3-5,9)");
  CHECK(edits_reprinted("omit(positions=3-5\t,\t9)") == "omit(3-5,9)");
}

TEST_CASE("parse, print: an optional value after one that was left out is printed with its name") {
  CHECK(reprinted("two_optional(b=5) | top_k(1)") == "two_optional(b=5) | top_k(1)");
  CHECK(reprinted("two_optional(1, 5) | top_k(1)") == "two_optional(b=5) | top_k(1)");
  CHECK(reprinted("two_optional(4, 5) | top_k(1)") == "two_optional(4, 5) | top_k(1)");
}

TEST_CASE("parse, print: positions between other values take those to spare") {
  CHECK(reprinted("positions_between(1, 5-7, 2, 3) | top_k(1)") == "positions_between(1, 2,5-7, 3) | top_k(1)");
  CHECK(reprinted("positions_between(1, 9, 3) | top_k(1)") == "positions_between(1, 9, 3) | top_k(1)");
}

TEST_CASE("parse, print: a file is named, read by whoever was told to read files, and shared by copies") {
  auto const read = parse_policy<parts>("word_and_file(4.5.txt, paint=deep_blue) | top_k(1)", number_files{});
  CHECK(print(read) == "word_and_file(4.5.txt, paint=deep_blue) | top_k(1)");
  head_scores scores{};
  (void)score_site(read.score, {.heads = 1}, no_evidence{}, scores);
  CHECK(scores[0] == -4.5);
  CHECK(reprinted("word_and_file(\"4.5.txt\", paint=red) | top_k(1)") == "word_and_file(4.5.txt) | top_k(1)");
  auto const odd = R"(word_and_file("a (very), \odd=name;") | top_k(1))";
  CHECK(reprinted(odd) == odd);
  CHECK(
      message_of([](std::string_view text) { return parse_policy<parts>(text); },
                 "word_and_file(4.5.txt) | top_k(1)") ==
      "policy sentence \"word_and_file(4.5.txt) | top_k(1)\": column 15: file of word_and_file is a file, and nothing "
      "here reads such files");
}

TEST_CASE("parse, print: scorers stand inside scorers, with numbers beside them") {
  CHECK(reprinted("nest(1, l2) | top_k(1)") == "nest(1, l2) | top_k(1)");
  CHECK(reprinted("nest(scorers=l2 , entropy( eps = 0.001 ),numbers=0.5,2, x=3)|top_k(1)") ==
        "nest(3, l2, entropy(eps=0.001), numbers=0.5, 2) | top_k(1)");
  CHECK(reprinted("nest(1, nest(2, l2, random(seed=3), numbers=1), nest(3, word_and_file(\"4.5.txt\"))) | top_k(1)") ==
        "nest(1, nest(2, l2, random(seed=3), numbers=1), nest(3, word_and_file(4.5.txt))) | top_k(1)");
}

TEST_CASE("parse, print: a table of layers is read as layer:number and printed by its ranges") {
  CHECK(reprinted("l2 | per_layer(2:5)") == "l2 | per_layer(2:5)");
  CHECK(reprinted("l2|per_layer( 5-6:1 ,2:5, 7:1 )@ generation") == "l2 | per_layer(2:5,5-7:1) @ generation");
  CHECK(reprinted("l2 | per_layer(k=2:5, 4:0)") == "l2 | per_layer(2:5,4:0)");
}

TEST_CASE("parse, print: edits are read in order, each with its scope") {
  CHECK(edits_reprinted("omit(3-5) @ generation; null(0-40) @ prefill") ==
        "omit(3-5) @ generation; null(0-40) @ prefill");
  CHECK(edits_reprinted("null;null( );omit(9,3-4,5)") == "null; null; omit(3-5,9)");
  CHECK(edits_reprinted("only(1)@all,layers=3,4;balanced(7)") == "only(1) @ all, layers=3-4; balanced(7)");
  auto const edits = parse_edits("omit(3) @ prefill; balanced(4)");
  CHECK(edits.at(0).where.during == phase::prefill);
  CHECK(edits.at(0).needed_heads(head_set::first(2)).empty());
  CHECK(edits.at(1).needed_heads(head_set::first(2)).size() == 2);
}

TEST_CASE("parse, print: edits are graded, limited to layers and heads, and take blocks away") {
  CHECK(edits_reprinted("scale(3-5,9,0.25);renormalise") == "scale(3-5,9, 0.25); renormalise");
  CHECK(edits_reprinted("scale(3, 5)") == "scale(3, 5)");
  CHECK(edits_reprinted("scale(factor=2, positions=1,4-6)") == "scale(1,4-6, 2)");
  CHECK(edits_reprinted("omit(3-5) @ generation,layers=2,4 , heads = 0-2,3;null@all,heads=9") ==
        "omit(3-5) @ generation, layers=2,4, heads=0-3; null @ all, heads=9");
  CHECK(edits_reprinted("balanced(3-5, mass=pass, window=strict); only(2, window=published)") ==
        "balanced(3-5, mass=pass); only(2, window=published)");
  CHECK(edits_reprinted("null(window=published)") == "null(window=published)");
  CHECK(edits_reprinted("ablate(rg_lru);ablate( mamba, channels=0-63,99 ) @ generation; ablate(layer)@all,layers=3") ==
        "ablate(rg_lru); ablate(mamba, channels=0-63,99) @ generation; ablate(layer) @ all, layers=3");
  auto const limited = parse_edits("null @ all, heads=1,3").at(0);
  CHECK(limited.heads->size() == 2);
  CHECK(limited.heads->contains(3));
}
