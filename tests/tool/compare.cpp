#include <cmath>
#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/run.hpp"

using namespace test;
using nlohmann::json;

namespace {

/// A row as the tool's result files hold it.
json answer(std::string const& policy, int prompt, double value, json const& changes = json::object()) {
  json row{{"model", "tiny"},  {"model_identity", "0f"}, {"policy", policy},    {"policy_identity", policy},
           {"task", "needle"}, {"task_identity", "n"},   {"metric", "success"}, {"prompt", std::to_string(prompt)},
           {"seed", 1},        {"value", value},         {"version", "0.1.0"}};
  row.update(changes);
  return row;
}

/// 40 prompts: both right on 20, only `first` on 12, only `second` on 2.
std::string answers(std::string const& first, std::string const& second, json const& changes = json::object()) {
  std::string lines;
  for (int prompt = 0; prompt < 40; ++prompt) {
    lines += answer(first, prompt, prompt < 32 ? 1 : 0, changes).dump() + "\n";
    lines += answer(second, prompt, prompt < 20 || prompt >= 38 ? 1 : 0, changes).dump() + "\n";
  }
  return lines;
}

std::string const entropy = "entropy | top_k(2) @ generation";
std::string const random_heads = "random | top_k(2) @ generation";

outcome compare(std::string const& file, std::string const& a, std::string const& b, std::string const& more = "") {
  return run("compare " + file + " --a " + quoted(a) + " --b " + quoted(b) + " " + more);
}

}  // namespace

TEST_CASE("compare says in one sentence which policy is better, by how much and how sure") {
  scratch const at;
  auto const file = at.write("r.jsonl", answers(entropy, random_heads));
  auto const result = compare(file, entropy, random_heads);
  REQUIRE(result.code == 0);
  CHECK(result.err.empty());
  CHECK(result.out.find('\n') == result.out.size() - 1);
  // 12 to 2: p = 2 * (1 + 14 + 91) / 2^14 = 0.0129.
  for (auto const* part :
       {"tiny, needle, success: \"entropy | top_k(2) @ generation\" is better than \"random | top_k(2) @ "
        "generation\" by 0.25 (95% interval 0.",
        "; 0.8 against 0.55 on 40 prompts), p = 0.013 by the exact McNemar test; the smallest difference this sample "
        "could have shown is 0."}) {
    CAPTURE(part);
    CHECK(result.out.find(part) != std::string::npos);
  }
  CHECK(compare(file, random_heads, entropy).out.find("\"" + entropy + "\" is better than") != std::string::npos);
  CHECK(compare(file, entropy, random_heads).out == result.out);
}

TEST_CASE("compare tests whether either policy is not worse by a margin") {
  scratch const at;
  auto const file = at.write("r.jsonl", answers(entropy, random_heads));
  auto const result = compare(file, entropy, random_heads, "--margin 0.05");
  CHECK(result.out.find("; \"" + entropy + "\" is not worse by 0.05, p = ") != std::string::npos);
  CHECK(compare(file, random_heads, entropy, "--margin 0.05").out.find("; \"" + entropy + "\" is not worse by 0.05") !=
        std::string::npos);
  CHECK(compare(file, entropy, random_heads, "--margin 0.9").out.find("; they are equal within 0.9, p = ") !=
        std::string::npos);
  auto const one = json::parse(compare(file, entropy, random_heads, "--json --margin 0.05").out)["comparisons"][0];
  CHECK(one["margin"] == 0.05);
  CHECK(one["p_not_worse"]["a"].get<double>() < 0.01);
  CHECK(one["p_not_worse"]["b"].get<double>() > 0.9);
  CHECK(one["equal_within_margin"] == false);
  CHECK_FALSE(json::parse(compare(file, entropy, random_heads, "--json").out)["comparisons"][0].contains("margin"));
  CHECK(compare(file, entropy, random_heads, "--margin 0").code == 2);

  // Of a metric that no task names, nothing is worse.
  auto const losses = at.write("losses.jsonl", answers(entropy, random_heads, {{"metric", "loss"}}));
  auto const loss = compare(losses, entropy, random_heads, "--margin 0.05");
  CHECK(loss.out.find("; that they are equal within 0.05 is not shown, p = 0.99.") != std::string::npos);
}

TEST_CASE("compare as JSON: policies in any spelling, several metrics corrected together, losses turned") {
  scratch const at;
  auto const text = answers("entropy|top_k(2)@generation", random_heads) +
                    answers(entropy, random_heads, {{"task", "perplexity"}, {"metric", "perplexity"}, {"seed", 2}}) +
                    answers(entropy, random_heads, {{"task", "facts"}, {"metric", "acc"}}) +
                    answer(entropy, 99, 1).dump() + "\n" + answer(random_heads, 5, 0).dump().substr(0, 30);  // torn
  auto const file = at.write("r.jsonl", text);
  auto const all = json::parse(compare(file, entropy, random_heads, "--json").out);
  CHECK(all["a"] == entropy);
  REQUIRE(all["comparisons"].size() == 3);
  auto const p = 2.0 * (1 + 14 + 91) / 16384;
  for (auto const& one : all["comparisons"]) {
    bool const is_loss = one["metric"] == "perplexity";
    CHECK(one["pairs"] == 40);
    CHECK(one["difference"].get<double>() == doctest::Approx(0.25));
    CHECK(one["p"].get<double>() == doctest::Approx(p));
    CHECK(one["p_corrected"].get<double>() == doctest::Approx(3 * p));
    CHECK(one["better"] == (is_loss ? "b" : "a"));
    CHECK(one["left_out"]["a"] == (one["task"] == "needle" ? 1 : 0));
    CHECK(one["ci95"][0] > 0);
    CHECK(one["smallest_detectable"] > 0);
  }
  auto const one = json::parse(compare(file, entropy, random_heads, "--json --task facts").out);
  REQUIRE(one["comparisons"].size() == 1);
  CHECK(one["comparisons"][0]["p_corrected"].get<double>() == doctest::Approx(p));
}

TEST_CASE("compare counts prompts of one needle as one, and says so") {
  scratch const at;
  std::string lines;
  for (int prompt = 0; prompt < 60; ++prompt)
    for (auto const& policy : {entropy, random_heads})
      lines += answer(policy, prompt, policy == entropy && prompt % 6 < 4 ? 1 : 0,
                      {{"factors", {{"needle", std::to_string(prompt % 6)}}}})
                   .dump() +
               "\n";
  auto const file = at.write("r.jsonl", lines);
  auto const result = compare(file, entropy, random_heads);
  CHECK(result.out.find("no difference is shown") != std::string::npos);  // 4 needles of 6, not 40 prompts of 60
  CHECK(result.out.find("on 60 prompts in 6 clusters)") != std::string::npos);
  auto const one = json::parse(compare(file, entropy, random_heads, "--json").out)["comparisons"][0];
  CHECK(one["pairs"] == 60);
  CHECK(one["prompts"] == 60);
  CHECK(one["clusters"] == 6);
  CHECK(one["p"] == 0.125);
}

TEST_CASE("compare calls nobody better by a metric that no task names") {
  scratch const at;
  auto const file = at.write("r.jsonl", answers(entropy, random_heads, {{"task", "of mine"}}));
  CHECK(compare(file, entropy, random_heads).out.find("\"" + entropy + "\" is higher than \"" + random_heads + "\"") !=
        std::string::npos);
  auto const one = json::parse(compare(file, entropy, random_heads, "--json").out)["comparisons"][0];
  CHECK(one["better"].is_null());
  CHECK(one["better_is"].is_null());
}

TEST_CASE("compare does not claim what a sample cannot show") {
  scratch const at;
  std::string lines;
  for (int prompt = 0; prompt < 4; ++prompt)
    lines += answer(entropy, prompt, 1).dump() + "\n" + answer(random_heads, prompt, 0).dump() + "\n";
  auto const result = compare(at.write("r.jsonl", lines), entropy, random_heads);
  CHECK(result.out.find("no difference is shown") != std::string::npos);
  CHECK(result.out.find("could have shown no difference") != std::string::npos);
  CHECK(json::parse(compare(at.path("r.jsonl").string(), entropy, random_heads, "--json")
                        .out)["comparisons"][0]["smallest_detectable"]
            .is_null());
}

TEST_CASE("compare leaves out values that are not finite, counts them and says so") {
  scratch const at;
  std::string lines;
  for (int prompt = 0; prompt < 30; ++prompt) {
    json const loss{{"task", "perplexity"}, {"metric", "perplexity"}};
    auto worse = answer(random_heads, prompt, 5, loss);
    auto better = answer(entropy, prompt, 4, loss);
    if (prompt < 2) worse["value"] = "inf";
    if (prompt == 0) better["value"] = "nan";
    lines += worse.dump() + "\n" + better.dump() + "\n";
  }
  auto const file = at.write("r.jsonl", lines);
  auto const one = json::parse(compare(file, entropy, random_heads, "--json").out)["comparisons"][0];
  CHECK(one["pairs"] == 28);
  CHECK(one["difference"].get<double>() == doctest::Approx(-1));
  CHECK(one["not_finite"] == json{{"a", 1}, {"b", 2}});
  CHECK(one["better"].is_null());
  CHECK(compare(file, entropy, random_heads)
            .out.find("; 2 pairs with a value that is not finite left out (1 of \"" + entropy + "\", 2 of \"" +
                      random_heads + "\"), and who has such values is not called better.") != std::string::npos);
  auto const nothing =
      at.write("n.jsonl", answer(entropy, 1, 1).dump() + "\n" + answer(random_heads, 1, 0, {{"value", "-inf"}}).dump());
  CHECK(compare(nothing, entropy, random_heads).out ==
        "tiny, needle, success: nothing can be said, none of 1 pairs has two finite values.\n");
}

TEST_CASE("compare names what is wrong with its rows") {
  scratch const at;
  auto const good = answers(entropy, random_heads);
  auto const refuse = [&](std::string const& text, std::string const& part) {
    return refused(compare(at.write("r.jsonl", text), entropy, random_heads), part);
  };
  CHECK(refuse(answer(entropy, 1, 1).dump() + "\n{\"model\": \"tiny\"}\n", "r.jsonl, line 2: it is no result row"));
  CHECK(refuse(answer(entropy, 1, 1).dump().substr(0, 30) + "\n" + good, "r.jsonl, line 1: malformed JSON"));
  CHECK(refuse(good + answer(entropy, 3, 1).dump() + "\n", "two rows"));
  CHECK(refuse(good + answer(entropy, 90, 1, {{"version", "0.2.0"}}).dump() + "\n", "versions 0.1.0 and 0.2.0"));
  for (auto const* identity : {"model_identity", "policy_identity", "task_identity"})
    CHECK(refuse(good + answer(entropy, 90, 1, {{identity, "1e"}}).dump() + "\n",
                 ", in others 1e (allowed: rows of one "));
  CHECK(refuse("", "no row of"));
  auto const file = at.write("r.jsonl", good);
  CHECK(refused(compare(file, entropy, "entropy|top_k(2)@generation"), "the same"));
  CHECK(refused(compare(file, entropy, "entropi | top_k(2)"), "entropi"));
  CHECK(refused(compare(file, entropy, random_heads, "--task facts"), "facts"));
  CHECK(refused(compare("/nowhere", entropy, random_heads), "/nowhere"));
}
