// What figures and the page show: *_figure.hpp, sections.hpp, html.hpp, provenance.hpp, page.hpp.

#include <cstddef>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/report/page.hpp>

#include <unit/reference/support/files.hpp>
#include "support/rows.hpp"

using namespace headcount;
using namespace headcount::report;
using evaluate::row;
using json = nlohmann::ordered_json;
using test::answered;

namespace {

/// Four prompts: dense finds all, entropy with 1 head 3, with 2 all, random with 1 head 1, none nothing.
std::vector<row> sweep() {
  std::map<std::string, int> const found{{"dense", 4},
                                         {"none @ generation", 0},
                                         {"none", 0},
                                         {"entropy | top_k(1) @ generation", 3},
                                         {"entropy | top_k(2) @ generation", 4},
                                         {"random | top_k(1) @ generation", 1},
                                         {"entropy | threshold(1) @ generation", 2}};
  std::vector<row> rows;
  for (auto const& [policy, hits] : found)
    for (int prompt = 0; prompt < 4; ++prompt) {
      rows.push_back(answered(policy, std::to_string(prompt), prompt < hits ? 1 : 0));
      rows.back().more = {{"length", 100}, {"realised_depth", 25 * prompt}};
    }
  return rows;
}

json const* find(json const& data, std::string const& key, std::string const& value, std::string const& policy) {
  for (auto const& one : data)
    if (one[key] == value && one["policy"] == policy) return &one;
  return nullptr;
}

known_models const models{{"tiny", test::small_config()}};

}  // namespace

TEST_CASE("results_figure: what every policy reached") {
  auto const rows = sweep();
  auto const results = results_of("r", rows, test::known_metrics);
  auto const made = results_figure("tiny", results);
  REQUIRE(made.data().size() == 7);
  CHECK(made.data()[0]["policy"] == "dense");
  CHECK(made.data()[3]["policy"] == "entropy | threshold(1) @ generation");
  CHECK(made.data()[4]["value"] == 0.75);
  CHECK(made.data()[4]["prompts"] == 4);
  CHECK(made.spec["spec"]["encoding"]["x"]["scale"]["domain"] == json{0, 1});
  CHECK(made.spec["description"].get<std::string>().find("7 policies on tiny") != std::string::npos);
  CHECK(results_figure("other", results).data().empty());
}

TEST_CASE("needle_figure: a needle map has a cell for each length and band of depth") {
  auto const rows = sweep();
  auto const results = results_of("r", rows, test::known_metrics);
  auto const made = needle_figure(results);
  CHECK(made.data().size() == 7 * 4);
  auto const* cell = find(made.data(), "depth", "50-60%", "entropy | top_k(1) @ generation");
  REQUIRE(cell != nullptr);
  CHECK((*cell)["length"] == 100);
  CHECK((*cell)["value"] == 1);
  CHECK((*find(made.data(), "depth", "70-80%", "entropy | top_k(1) @ generation"))["value"] == 0);
  CHECK(made.name == "needles-tiny-needle-exact-match");
  // Maps stand beside each other as long as none is cut off: the longest title, 7 pixels a sign, or its cells.
  auto const columns = made.spec["columns"].get<std::size_t>();
  std::size_t longest = 0;
  for (auto const& one : made.data()) longest = std::max(longest, one["policy"].get<std::string>().size());
  CHECK(columns >= 1);
  CHECK(columns * 7 * longest <= 960);
  CHECK((columns + 1) * 7 * longest > 960);
  // Of each policy every cell is where its prompt's needle stands, and holds that prompt's answer alone.
  for (auto const& one : made.data()) {
    CHECK(one["prompts"] == 1);
    CHECK((one["value"] == 0 || one["value"] == 1));
  }
  CHECK(made.spec["spec"]["encoding"]["y"]["sort"].size() == 10);
  CHECK(made.spec["spec"]["encoding"]["y"]["sort"][0] == "0-10%");
  CHECK(made.spec["spec"]["layer"][0]["encoding"]["color"]["scale"]["domain"] == json{0, 1});
  CHECK(made.spec["spec"]["layer"][0]["encoding"]["color"]["scale"]["reverse"] == false);
}

TEST_CASE("heads_figure: curves over heads share their ends, and policies that cannot be placed are named") {
  auto rows = sweep();
  for (int prompt = 0; prompt < 4; ++prompt) rows.push_back(answered("entropy | top_k(1)", std::to_string(prompt), 0));
  auto const made = heads_figure("tiny", results_of("r", rows, test::known_metrics), models);
  struct expected {
    char const* family;
    char const* policy;
    double heads;
    double value;
  };
  // 2 layers of 4 heads attend. Policies that sparsify prefill too are a curve of their own, with an end of its own.
  expected const wanted[]{{"entropy | top_k", "dense", 8, 1},
                          {"entropy | top_k", "none", 0, 0},
                          {"entropy | top_k", "entropy | top_k(1)", 2, 0},
                          {"entropy | top_k @ generation", "dense", 8, 1},
                          {"entropy | top_k @ generation", "none @ generation", 0, 0},
                          {"entropy | top_k @ generation", "entropy | top_k(1) @ generation", 2, 0.75},
                          {"entropy | top_k @ generation", "entropy | top_k(2) @ generation", 4, 1},
                          {"random | top_k @ generation", "dense", 8, 1},
                          {"random | top_k @ generation", "none @ generation", 0, 0},
                          {"random | top_k @ generation", "random | top_k(1) @ generation", 2, 0.25}};
  REQUIRE(made.data().size() == std::size(wanted));
  for (auto const& [family, policy, heads, value] : wanted) {
    CAPTURE(policy);
    auto const* point = find(made.data(), "family", family, policy);
    REQUIRE(point != nullptr);
    CHECK((*point)["heads"] == heads);
    CHECK((*point)["share"] == heads / 8);
    CHECK((*point)["value"] == value);
  }
  CHECK(
      test::contains(made.caption, "Not shown, as it is not known how many heads they keep: \"entropy | threshold(1)"));
  CHECK(heads_figure("tiny", results_of("r", rows, test::known_metrics), {}).data().empty());
}

TEST_CASE("cost_figure: the frontier of quality and cost") {
  auto const rows = sweep();
  auto const made = cost_figure("tiny", results_of("r", rows, test::known_metrics), models.at("tiny"), 16);
  CHECK(made.data().size() == 2 * 7);
  auto const panel = std::string{"needle: exact_match against FLOPs"};
  auto const& dense_point = *find(made.data(), "panel", panel, "dense");
  CHECK(dense_point["share"] == 1);
  // entropy with 2 of 4 heads finds as many as dense for less; with 1 of 4, fewer for less still.
  CHECK(dense_point["frontier"] == "no");
  CHECK((*find(made.data(), "panel", panel, "entropy | top_k(2) @ generation"))["frontier"] == "yes");
  CHECK((*find(made.data(), "panel", panel, "entropy | top_k(1) @ generation"))["frontier"] == "yes");
  CHECK((*find(made.data(), "panel", panel, "none @ generation"))["frontier"] == "yes");
}

TEST_CASE("comparison_figure: comparisons with a baseline are those of the same prompts") {
  auto rows = sweep();
  rows.push_back(answered("random | top_k(1) @ generation", "of nobody else", 1));
  auto const made = comparison_figure("dense", "tiny", results_of("r", rows, test::known_metrics));
  REQUIRE(made.data().size() == 6);
  auto const& random_heads = *find(made.data(), "panel", "needle: exact_match", "random | top_k(1) @ generation");
  CHECK(random_heads["mean"] == 0.25);
  CHECK(random_heads["difference"] == -0.75);
  CHECK(random_heads["pairs"] == 4);
  // McNemar of 3 to 0: 2 / 2^3; Holm over 6, the least p being that of 4 to 0, 2 / 2^4, twice.
  CHECK(random_heads["p"] == 1);
  CHECK((*find(made.data(), "panel", "needle: exact_match", "none"))["p"] == 6 * 0.125);
  CHECK(random_heads["verdict"] == "not shown");
  CHECK(comparison_figure("l2 | top_k(1)", "tiny", results_of("r", rows, test::known_metrics)).data().empty());

  std::vector<row> many;
  for (int prompt = 0; prompt < 12; ++prompt)
    for (auto const* metric : {"exact_match", "perplexity"}) {
      many.push_back(answered("dense", std::to_string(prompt), 0));
      many.back().metric = metric;
      many.push_back(answered("none", std::to_string(prompt), 1));
      many.back().metric = metric;
    }
  auto const judged = comparison_figure("dense", "tiny", results_of("r", many, test::known_metrics));
  CHECK(judged.data()[0]["verdict"] == "better");
  CHECK(judged.data()[1]["verdict"] == "worse");  // perplexity is better when lower
}

TEST_CASE("figure: values that are not finite are counted beside the means, and drawn nowhere") {
  auto rows = sweep();
  for (auto& one : rows) {
    one.metric = "perplexity";
    bool const is_last = one.prompt == "3";
    if (one.policy == "none" || (one.policy == "entropy | top_k(1) @ generation" && is_last))
      one.value = std::numeric_limits<double>::infinity();
  }
  auto const results = results_of("r", rows, test::known_metrics);
  page_plan const plan{.what = "r", .baselines = {"dense"}, .models = models};
  auto const sections = sections_of(results, plan);
  for (auto const& section : sections)
    for (auto const& figure : section.figures) {
      CAPTURE(figure.name);
      CHECK(figure.columns.back().key == "not_finite");
      CHECK(figure.caption.find("not finite") != std::string::npos);
      CHECK(figure.spec.dump().find("inf") == std::string::npos);
    }
  auto const& all = sections[0].figures[0].data();
  auto const& nothing = *find(all, "panel", "needle: perplexity", "none");
  CHECK(nothing["value"].is_null());
  CHECK(nothing["not_finite"] == 4);
  auto const& entropy = *find(all, "panel", "needle: perplexity", "entropy | top_k(1) @ generation");
  CHECK(entropy["value"] == 1);
  CHECK(entropy["not_finite"] == 1);
  CHECK(entropy["prompts"] == 3);
  CHECK((*find(all, "panel", "needle: perplexity", "dense"))["not_finite"] == 0);
  for (auto const& one : sections[3].figures[0].data()) CHECK(one["policy"] != "none");  // no quality, no frontier
  auto const& compared = *find(sections[5].figures[0].data(), "panel", "needle: perplexity", "none");
  CHECK(compared["difference"].is_null());
  CHECK(compared["pairs"] == 0);
  CHECK(compared["verdict"] == "not shown");
  auto const body = body_html(sections, results, plan);
  CHECK(test::contains(body, "not finite</th>"));
}

TEST_CASE("head_map_figure: a map of heads for each ranking") {
  ranking const one{.scores = {{}, {0.5, 1}, {}, {0, 0.25}},
                    .source = {.method = "keep_frequency(dense)", .model = "tiny"}};
  auto const made = head_map_figure("tiny", std::vector{one, one});
  REQUIRE(made.data().size() == 8);
  CHECK(made.data()[1] == json{{"ranking", "keep_frequency(dense)"}, {"layer", 1}, {"head", 1}, {"value", 1.0}});
  CHECK(made.spec["concat"].size() == 2);
  CHECK(made.spec["concat"][0]["encoding"]["color"]["scale"]["domain"] == json{0, 1});
  CHECK(made.data()[4]["ranking"] == "keep_frequency(dense), , seed 0");
}

TEST_CASE("page, sections: sections say what they lack, and no two figures have one name") {
  auto rows = sweep();
  for (auto one : sweep()) {
    one.metric = "exact match";
    rows.push_back(one);
  }
  auto const results = results_of("r", rows, test::known_metrics);
  page_plan const plan{.what = "r", .command = "headcount report <r>", .baselines = {"dense"}};
  auto const sections = sections_of(results, plan);
  REQUIRE(sections.size() == 6);
  CHECK(sections[1].figures[0].name == "needles-tiny-needle-exact-match");
  CHECK(sections[1].figures[1].name == "needles-tiny-needle-exact-match-2");
  auto const body = body_html(sections, results, plan);
  CHECK(test::contains(body, "No number of heads is known"));
  CHECK(test::contains(body, "<code>headcount report &lt;r&gt;</code>"));
  CHECK(test::contains(body, "<code>0f</code>"));
  CHECK(test::contains(body, "<td class=\"number\">0.75</td>"));
  CHECK(body == body_html(sections_of(results, plan), results, plan));
}

TEST_CASE("page, html: nothing in the rows ends a script or an element") {
  CHECK(script_json({{"a", "</script><!--"}}) == R"({"a":"\u003c/script>\u003c!--"})");
  CHECK(script_json({{"a", "\xff"}}) == R"({"a":"\ufffd"})");
  CHECK(escaped("<a href=\"x\">&") == "&lt;a href=&quot;x&quot;&gt;&amp;");
  CHECK(fill_page("t", "1<!--headcount body-->2<!--headcount figures-->3", "<b>", json::array()) == "1<b>2[]3");
  CHECK(test::contains(test::message_of([] { (void)fill_page("t", "<!--headcount body-->", "", {}); }),
                       "t: it has no mark"));
}

TEST_CASE("page: numbers in tables") {
  CHECK(cell_text(0.123456) == "0.1235");
  CHECK(cell_text(1.0) == "1");
  CHECK(cell_text(12345678) == "12345678");
  CHECK(cell_text(0.0000123456) == "1.235e-05");
  CHECK(cell_text(-0.5) == "-0.5");
  CHECK(cell_text(nullptr) == "");
  CHECK(cell_text("text") == "text");
  CHECK(name_from("Heads: tiny-Jamba, GLUE/cola!") == "heads-tiny-jamba-glue-cola");
}
