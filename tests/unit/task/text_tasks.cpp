// perplexity.hpp, agreement.hpp and judge.hpp's completions: against loops that share nothing, and values by hand.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/measure/ask.hpp>
#include <headcount/result/run_task.hpp>
#include <headcount/sentence/parse.hpp>
#include <headcount/task/text/agreement.hpp>
#include <headcount/task/text/perplexity.hpp>

#include <unit/reference/support/files.hpp>
#include "../support/toy_model_under_test.hpp"

using namespace headcount;
using namespace headcount::evaluate;
using nlohmann::json;

namespace {

std::vector<any_policy> const policies{parse_policy("dense"), parse_policy("none"), parse_policy("none @ generation")};

std::vector<row> rows_of(model_under_test const& asked, std::vector<task> const& tasks) {
  work done;
  std::vector<row> rows;
  for (auto const& one : tasks)
    run_task(asked, one, policies, done, [&](row&& made) { rows.push_back(std::move(made)); });
  return rows;
}

row const& find(std::vector<row> const& rows, std::string const& task, any_policy const& policy,
                std::string const& prompt, std::string const& metric) {
  auto const found = std::ranges::find_if(rows, [&](row const& one) {
    return one.task == task && one.policy == print(policy) && one.prompt == prompt && one.metric == metric;
  });
  REQUIRE(found != rows.end());
  return *found;
}

using texts = std::vector<std::vector<token>>;

texts windows_of(std::vector<token> const& text, std::size_t longest) {
  texts all;
  for (auto const& one : rolling_windows(text, 99, longest, phase::prefill)) {
    all.push_back(one.prompt.tokens);
    all.insert(all.end(), one.continuations.begin(), one.continuations.end());
  }
  return all;
}

std::string words(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "" : " ") + std::string{"w"} + std::to_string(i % 13);
  return text;
}

}  // namespace

TEST_CASE("documents: rolling windows hold every token once, as lm-evaluation-harness cuts them") {
  // utils.get_rolling_token_windows(range(10), 99, 4, 1), each through utils.make_disjoint_window
  CHECK(windows_of({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 4) ==
        texts{{99}, {0, 1, 2, 3}, {3}, {4, 5, 6, 7}, {5, 6, 7}, {8, 9}});
  CHECK(windows_of({0, 1, 2}, 4) == texts{{99}, {0, 1, 2}});
  CHECK(windows_of({0, 1, 2, 3}, 4) == texts{{99}, {0, 1, 2, 3}});
  CHECK(windows_of({0, 1, 2}, 1) == texts{{99}, {0}, {0}, {1}, {1}, {2}});
  CHECK(windows_of({}, 4).empty());
  CHECK(count_words("two words") == 2);
  CHECK(count_words(" \n two  words\n") == 4);  // re.split gives empty words at both ends
}

TEST_CASE("perplexity: per word, byte and token, of windows that are read apart") {
  test::temporary_folder const at;
  at.write("b.txt", words(25));
  at.write("a.txt", "one two");
  auto const asked = test::toy_model_under_test(10);
  task_options options{"task perplexity", {{"data", at.path().string()}}};
  auto const rows = rows_of(asked, make_perplexity(asked, "perplexity", options));
  CHECK(rows.size() == 2 * 4 * policies.size());
  auto const tokens = test::toy_tokenizer{}.encode(words(25));
  REQUIRE(tokens.size() == 25);
  auto const part = [&](std::size_t begin, std::size_t end) { return std::span{tokens}.subspan(begin, end - begin); };
  std::vector<token> const bos{1};
  for (auto const& policy : policies) {
    auto const nats = test::toy_log_likelihood(bos, part(0, 10), policy) +
                      test::toy_log_likelihood(part(9, 10), part(10, 20), policy) +
                      test::toy_log_likelihood(part(14, 20), part(20, 25), policy);
    auto const value = [&](char const* metric) { return find(rows, "perplexity", policy, "b.txt", metric).value; };
    auto const bytes = static_cast<double>(words(25).size());
    CHECK(value("word_perplexity") == doctest::Approx(std::exp(-nats / 25)));
    CHECK(value("perplexity") == doctest::Approx(std::exp(-nats / 25)));
    CHECK(value("byte_perplexity") == doctest::Approx(std::exp(-nats / bytes)));
    CHECK(value("bits_per_byte") == doctest::Approx(-nats / bytes / std::log(2.0)));
    CHECK(find(rows, "perplexity", policy, "a.txt", "perplexity").more["tokens"] == 2);
  }
  auto const fault = [&](json const& given) {
    task_options wrong{"task perplexity", given};
    return test::message_of([&] { (void)make_perplexity(asked, "perplexity", wrong); });
  };
  CHECK(test::contains(fault({{"data", at.write("empty.jsonl", R"({"text": ""})").string()}}),
                       "line 1: it has no token"));
  CHECK(test::contains(fault({{"data", at.write("no.jsonl", R"({"txt": ""})").string()}}), "no \"text\""));
  CHECK(test::contains(fault({{"data", at.path().string()}, {"window", 0}}), "window = 0"));
  CHECK(test::contains(fault({{"data", at.path().string()}, {"phase", "later"}}), "prefill, generation"));
}

TEST_CASE("perplexity: a later window counts as generation when asked to") {
  test::temporary_folder const at;
  auto const asked = test::toy_model_under_test();
  task_options options{"task", {{"data", at.write("a.txt", words(5)).string()}, {"phase", "generation"}}};
  auto const rows = rows_of(asked, make_perplexity(asked, "perplexity", options));
  CHECK(rows.front().setting == "phase=generation, data=a.txt");
  auto const tokens = test::toy_tokenizer{}.encode(words(5));
  std::vector<token> const bos{1};
  for (auto const& policy : policies)
    CHECK(find(rows, "perplexity", policy, "a.txt", "perplexity").more["loglik"].get<double>() ==
          doctest::Approx(test::toy_log_likelihood(bos, tokens, policy, phase::generation)));
}

TEST_CASE("agreement: KL, top token and rank of two distributions by hand") {
  // Probabilities 1/2, 1/4, 1/4 against 1/4, 1/2, 1/4: KL = 1/2 ln 2 - 1/4 ln 2 + 0.
  auto const ln = [](double p) { return static_cast<float>(std::log(p)); };
  std::vector<float> const a{ln(0.5), ln(0.25), ln(0.25)};
  std::vector<float> const b{3 + ln(0.25), 3 + ln(0.5), 3 + ln(0.25)};
  auto const apart = compare_logits(a, b);
  CHECK(apart.kl == doctest::Approx(0.25 * std::log(2.0)).epsilon(1e-6));
  CHECK_FALSE(apart.top1);
  CHECK(apart.rank == 2);
  auto const same = compare_logits(b, b);
  CHECK(same.kl == 0);
  CHECK(same.top1);
  CHECK(same.rank == 1);
  std::vector<float> const first{1, 1, 0};
  std::vector<float> const last{2, 1, 2};
  CHECK(compare_logits(first, last).rank == 1);  // tokens 0 and 2 are equal, and 0 comes first
  CHECK(compare_logits(std::vector<float>{0, 0, 1}, last).rank == 2);
}

TEST_CASE("agreement: each position of prefill and of generation, as a loop over tokens finds it") {
  test::temporary_folder const at;
  std::string lines;
  for (std::size_t i = 0; i < 2; ++i) lines += json{{"text", words(30 - 16 * i)}}.dump() + "\n";
  auto const asked = test::toy_model_under_test();
  task_options options{"task", {{"data", at.write("t.jsonl", lines).string()}, {"prefill", 8}, {"generation", 10}}};
  auto const tasks = make_agreement(asked, "agreement", options);
  REQUIRE(tasks.size() == 2);
  auto const rows = rows_of(asked, tasks);
  CHECK(rows.size() == 2 * 2 * 3 * policies.size());
  for (std::size_t i = 0; i < 2; ++i) {
    std::vector<token> text{1};
    for (auto const one : test::toy_tokenizer{}.encode(words(30 - 16 * i))) text.push_back(one);
    auto const generated = std::min<std::size_t>(10, text.size() - 9);
    for (auto const& policy : policies) {
      auto state = test::toy_model{}.start();
      auto dense_state = state;
      std::vector<token_agreement> found;
      for (std::size_t t = 0; t < 8 + generated; ++t) {
        auto const when = t < 8 ? phase::prefill : phase::generation;
        test::toy_model::read(state, text[t], when, policy);
        test::toy_model::read(dense_state, text[t], when, dense);
        found.push_back(compare_logits(test::toy_model::logits(dense_state), test::toy_model::logits(state)));
      }
      for (auto const* part : {"agreement/prefill", "agreement/generation"}) {
        bool const is_prefill = std::string{part} == "agreement/prefill";
        std::size_t const first = is_prefill ? 0 : 8;
        std::size_t const count = is_prefill ? 8 : generated;
        auto const& kl = find(rows, part, policy, std::to_string(i), "kl");
        auto const& rank = find(rows, part, policy, std::to_string(i), "rank");
        auto const& top1 = find(rows, part, policy, std::to_string(i), "top1");
        CHECK(kl.more["first"] == first);
        REQUIRE(kl.more["positions"].size() == count);
        double sum = 0;
        for (std::size_t t = 0; t < count; ++t) {
          sum += found[first + t].kl;
          CHECK(kl.more["positions"][t].get<double>() == doctest::Approx(found[first + t].kl));
          CHECK(rank.more["positions"][t] == found[first + t].rank);
          CHECK(top1.more["positions"][t] == (found[first + t].top1 ? 1 : 0));
        }
        CHECK(kl.value == doctest::Approx(sum / static_cast<double>(count)));
        bool const is_dense = print(policy) == "dense" || (is_prefill && print(policy) == "none @ generation");
        CHECK((kl.value == 0) == is_dense);
      }
    }
  }
  task_options again{"task", {{"data", (at.path() / "t.jsonl").string()}}};
  CHECK(
      test::contains(test::message_of([&] { (void)make_agreement(asked, "agreement", again); }), "line 1: it has 31"));
}

TEST_CASE("documents: hidden files are no texts") {
  test::temporary_folder const at;
  at.write("b.txt", "two");
  at.write("a.txt", "one");
  at.write(".DS_Store", "hidden");
  auto const found = read_documents(at.path());
  REQUIRE(found.size() == 2);
  CHECK(found[0].name == "a.txt");
  CHECK(found[1].text == "two");
}

TEST_CASE("pair_texts: a text that begins with the mark of BOS has one") {
  struct marking {
    std::vector<token> encode(std::string_view text) const {
      return text.starts_with("<bos>") ? std::vector<token>{7, 1} : std::vector{1};
    }
    std::string decode(std::span<token const>) const { return {}; }
    std::optional<token> bos() const { return 7; }
  };
  CHECK(encode_with_bos(marking{}, "a") == std::vector<token>{7, 1});
  CHECK(encode_with_bos(marking{}, "<bos>a") == std::vector<token>{7, 1});
}

TEST_CASE("ask: what is said under each policy, whichever prompts are asked together") {
  auto const asked = test::toy_model_under_test();
  task made{.name = "say", .metrics = {{.name = "first"}}};
  for (token const one : {3, 4, 5})
    made.prompts.push_back({.name = std::string(1, static_cast<char>('a' + one - 3)),
                            .request = generation_request{.prompt = {.tokens = {1, one}}, .max_new_tokens = 3}});
  made.judge = [](std::size_t, answer const& found) {
    return std::vector<judgement>{{.metric = "first", .value = static_cast<double>(found.tokens[2])}};
  };
  auto const expected = [&](token one, any_policy const& policy) {
    auto state = test::toy_model{}.start();
    test::toy_model::read(state, 1, phase::prefill, policy);
    test::toy_model::read(state, one, phase::prefill, policy);
    for (int i = 0;; ++i) {
      auto const next = best_token(test::toy_model::logits(state));
      if (i == 2) return static_cast<double>(next);
      test::toy_model::read(state, next, phase::generation, policy);
    }
  };
  auto const rows = rows_of(asked, {made});
  for (auto const& policy : policies)
    for (std::size_t i = 0; i < 3; ++i)
      CHECK(find(rows, "say", policy, made.prompts[i].name, "first").value ==
            expected(static_cast<token>(3 + i), policy));
  work done;
  std::vector<row> some;
  std::vector<std::size_t> const which{2};
  run_task(asked, made, which, policies, done, [&](row&& one) { some.push_back(std::move(one)); });
  REQUIRE(some.size() == policies.size());
  for (auto const& one : some) CHECK(print(one) == print(find(rows, "say", parse_policy(one.policy), "c", "first")));
}
