// task/needle_task.hpp, exposure_task.hpp, ruler_task.hpp and mqar_task.hpp: what they ask and how they judge it, with
// engines of a few lines and with a small hybrid.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/engine/logits.hpp>
#include <headcount/engine/reference_model.hpp>
#include <headcount/reference/checkpoint/load_snapshot.hpp>
#include <headcount/result/run_task.hpp>
#include <headcount/sentence/parse.hpp>
#include <headcount/task/registry/task_kinds.hpp>
#include <unit/reference/support/files.hpp>
#include <unit/support/toy.hpp>

using namespace headcount;
using namespace headcount::evaluate;
using nlohmann::json;

namespace {

std::filesystem::path const models{HEADCOUNT_MODELS};

/// An engine that answers a token that it has read before with the token that came after it then; where heads are
/// masked it answers 0.
struct recalling_model {
  using state = std::vector<token>;

  [[nodiscard]] std::size_t vocabulary() const { return 64; }
  [[nodiscard]] state start() const { return {}; }
  void run(std::span<step<state> const> steps, pass const& how, any_policy const& policy,
           logits_user const& use) const {
    bool const masked = policy.where.during.value_or(how.phase) == how.phase && print(policy) != "dense";
    for (std::size_t i = 0; i < steps.size(); ++i)
      for (std::size_t t = 0; t < steps[i].tokens.size(); ++t) {
        auto& read = *steps[i].state;
        auto const next = steps[i].tokens[t];
        auto const known = std::ranges::find(read, next);
        std::vector<float> logits(vocabulary());
        logits[known == read.end() || known + 1 == read.end() || masked ? 0 : static_cast<std::size_t>(known[1])] = 1;
        read.push_back(next);
        if (how.every_token || t + 1 == steps[i].tokens.size()) use(i, t, logits);
      }
  }
};

model_under_test small_model(any_model model) {
  return {.name = "small",
          .identity = "0f",
          .model = std::move(model),
          .tokenizer = reference::tokenizer{models / "tiny-jamba" / "tokenizer.model"},
          .language = models / "language.json"};
}

std::vector<task> make(model_under_test const& asked, std::string const& name, json const& options) {
  return make_tasks(asked, name, task_options{"task " + name, options});
}

std::vector<row> rows_of(model_under_test const& asked, task const& one, std::vector<any_policy> const& policies) {
  work done;
  std::vector<row> rows;
  run_task(asked, one, policies, done, [&](row&& made) { rows.push_back(std::move(made)); });
  return rows;
}

double mean(std::vector<row> const& rows, std::string const& metric, std::string const& policy) {
  double sum = 0;
  std::size_t count = 0;
  for (auto const& one : rows)
    if (one.metric == metric && one.policy == policy) {
      sum += one.value;
      ++count;
    }
  REQUIRE(count > 0);
  return sum / static_cast<double>(count);
}

std::string fault(std::string const& name, json const& options) {
  return test::message_of([&] { (void)make(small_model(test::toy_model{}), name, options); });
}

}  // namespace

TEST_CASE("needle_task: a small hybrid finds needles, and finds none without attention, whoever reads the question") {
  auto const snapshot = reference::load_snapshot(models / "tiny-jamba");
  auto const asked = small_model(reference_model{snapshot.model});
  std::vector<any_policy> const policies{dense, parse_policy("none @ generation")};
  for (auto const* question : {"seen", "unseen"}) {
    auto const tasks = make(asked, "needle", {{"lengths", {96}}, {"depths", {0, 100}}, {"question", question}});
    REQUIRE(tasks.size() == 1);
    CHECK(tasks[0].setting == (std::string{question} == "seen" ? "data=haystack" : "data=haystack, question=unseen"));
    CHECK(names_of(tasks[0]) == std::vector<std::string>{"96/0/0", "96/100/0"});
    auto const rows = rows_of(asked, tasks[0], policies);
    REQUIRE(rows.size() == 8);
    CHECK(mean(rows, "success", "dense") == 1);
    CHECK(mean(rows, "score", "dense") == 5);
    CHECK(mean(rows, "success", "none @ generation") == 0);
    for (auto const& one : rows) {
      CHECK(one.more["length"] == 96);
      CHECK(one.more["tokens"] <= 96);
      CHECK(one.more["completion"].get<std::string>().size() > 10);
      CHECK(std::string{one.more["needle"]}.find('-') != std::string::npos);
      auto const depth = std::stod(one.prompt.substr(3));
      CHECK(one.more["depth"] == depth);
      CHECK(std::abs(one.more["realised_depth"].get<double>() - depth) < 12);
    }
  }
}

TEST_CASE("needle_task: completions are those of a loop that reads what is prefill and what is generation as such") {
  auto asked = small_model(test::toy_model{});
  asked.tokenizer = test::toy_tokenizer{};
  std::vector<any_policy> const policies{dense, parse_policy("none"), parse_policy("none @ generation"),
                                         parse_policy("l2 | top_k(1) @ prefill")};
  for (auto const* question : {"seen", "unseen"}) {
    json const options{{"lengths", {200}}, {"depths", {50}}, {"question", question}, {"max_new_tokens", 7}};
    task_options taken{"task needle", options};
    auto const needle = take_needles(asked, "needle", taken).prompts.front();
    auto const rows = rows_of(asked, make(asked, "needle", options).front(), policies);
    REQUIRE(rows.size() == 8);
    for (std::size_t p = 0; p < policies.size(); ++p) {
      auto so_far = test::toy_model{}.start();
      for (std::size_t t = 0; t < needle.tokens.size(); ++t) {
        bool const is_prefill = std::string{question} == "seen" || t < needle.before_question;
        test::toy_model::read(so_far, needle.tokens[t], is_prefill ? phase::prefill : phase::generation, policies[p]);
      }
      std::vector<token> said;
      while (said.size() < 7) {
        said.push_back(best_token(test::toy_model::logits(so_far)));
        test::toy_model::read(so_far, said.back(), phase::generation, policies[p]);
      }
      for (auto const& one : rows)
        if (one.policy == print(policies[p])) CHECK(one.more["completion"] == test::toy_tokenizer{}.decode(said));
    }
  }
}

TEST_CASE("needle_task: options make settings where they change what is asked, and choose prompts where they do not") {
  auto const asked = small_model(test::toy_model{});
  auto const setting = [&](json const& options) { return make(asked, "needle", options).front().setting; };
  CHECK(setting({{"lengths", {96}}, {"depths", {0, 50}}, {"prompts", 3}, {"seed", 4}}) == "data=haystack");
  CHECK(setting({{"lengths", {96}}, {"distractors", 2}}) == "data=haystack, distractors=2");
  CHECK(setting({{"lengths", {240}}, {"read", "twice"}, {"max_new_tokens", 5}}) ==
        "data=haystack, read=twice, max_new_tokens=5");
  auto const published =
      make(asked, "needle", {{"protocol", "published"}, {"lengths", {250, 677}}, {"depths", {0, 11}}});
  CHECK(published.front().setting == "protocol=published, data=haystack");
  CHECK(names_of(published.front()) == std::vector<std::string>{"250/0/0", "250/11/0", "677/0/0", "677/11/0"});
  // More prompts than cells are about other needles; fewer are the first ones.
  auto const more = names_of(make(asked, "needle", {{"lengths", {96, 128}}, {"depths", {50}}, {"prompts", 5}}).front());
  CHECK(more == std::vector<std::string>{"96/50/0", "128/50/0", "96/50/1", "128/50/1", "96/50/2"});
  CHECK(make(asked, "needle", {{"lengths", {96}}, {"limit", 2}}).front().prompts.size() == 2);
  CHECK(make(asked, "needle", {{"lengths", {96}}, {"depths", {0, 0.01}}}).front().duplicates == 0);
  CHECK(test::contains(fault("needle", {{"protocol", "new"}}), "protocol = \"new\" (allowed: corrected, published)"));
  CHECK(test::contains(fault("needle", {{"depth", 1}}), "it has no option \"depth\""));
  CHECK(test::contains(fault("needle", {{"lengths", json::array()}}), "no length or no depth"));
  CHECK(test::contains(fault("needle", {{"data", "/nowhere"}}), "/nowhere: cannot be read"));
  auto no_data = small_model(test::toy_model{});
  no_data.language.clear();
  CHECK(test::contains(test::message_of([&] { (void)make(no_data, "needle", json::object()); }),
                       "task needle: it needs data (allowed: data: a folder of .txt files)"));
}

TEST_CASE("needle_task: each prompt asks for a needle of its own, and the published ones share theirs") {
  auto const asked = small_model(test::toy_model{});
  auto const values_of = [](task const& of, std::string_view name) {
    std::set<std::string> values;
    for (auto const& one : of.prompts)
      for (auto const& shared : one.factors)
        if (shared.name == name) values.insert(shared.value);
    return values;
  };
  auto const many = make(asked, "needle", {{"prompts", 120}}).front();
  CHECK(many.prompts.size() == 120);
  CHECK(values_of(many, "needle").size() >= 100);
  CHECK(values_of(many, "haystack").size() >= 60);
  // A prompt is what it is, whichever others there are.
  auto const few = make(asked, "needle", {{"lengths", {128}}, {"depths", {25}}, {"prompts", 2}}).front();
  for (auto const& one : few.prompts) {
    auto const same = std::ranges::find(many.prompts, one.name, &task_prompt::name);
    REQUIRE(same != many.prompts.end());
    CHECK(same->factors == one.factors);
  }
  auto const published = make(asked, "needle", {{"protocol", "published"}, {"lengths", {250, 677}}}).front();
  CHECK(published.prompts.size() > 2);
  CHECK(values_of(published, "needle").size() == 1);
  auto const rows = rows_of(asked, few, {dense});
  CHECK(rows.front().factors.at("needle") == few.prompts.front().factors.front().value);
}

TEST_CASE("exposure_task: every edit in every phase on the same prompts, on the needle's positions or the others") {
  auto const snapshot = reference::load_snapshot(models / "tiny-jamba");
  auto const asked = small_model(reference_model{snapshot.model});
  json const options{{"lengths", {96}}, {"depths", {50}}, {"prompts", 1}};
  auto const tasks = make(asked, "exposure", options);
  REQUIRE(tasks.size() == 19);
  std::set<std::string> settings;
  for (auto const& one : tasks) {
    CHECK(names_of(one) == names_of(tasks[0]));
    CHECK(settings.insert(one.setting).second);
  }
  auto const success = [&](std::string const& edit, std::string const& when) {
    auto own = options;
    own["edit"] = edit;
    own["phase"] = when;
    auto const some = make(asked, "exposure", own);
    REQUIRE(some.size() == 1);
    CHECK(settings.contains(some[0].setting));
    return mean(rows_of(asked, some[0], {dense}), "success", "dense");
  };
  CHECK(success("none", "all") == 1);
  CHECK(success("omit_needle", "generation") == 0);
  CHECK(success("omit_haystack", "generation") == 1);
  CHECK(success("null", "both") == 0);
  CHECK(test::contains(fault("exposure", {{"edit", "omit"}}), "edit = \"omit\" (allowed: all, none, omit_needle, "));
}

TEST_CASE("exposure_task: edits name the positions that the construction says") {
  text_needle const one{.context = {{3, 9}, {13, 19}}, .needle = {{5, 6}, {15, 16}}};
  std::map<std::string, std::string> said;
  for (auto const& [name, edit] : exposures) said[std::string{name}] = print(edit(one));
  CHECK(said["omit_needle"] == "omit(5-6,15-16)");
  CHECK(said["omit_haystack"] == "omit(3-4,7-9,13-14,17-19)");
  CHECK(said["omit_context"] == "omit(3-9,13-19)");
  CHECK(said["only_needle"] == "only(5-6,15-16)");
  CHECK(said["balanced_needle"] == "balanced(5-6,15-16)");
  CHECK(said["null"] == "null");
  CHECK(without({{1, 5}}, {{0, 1}, {5, 9}}) == token_positions{{2, 4}});
  CHECK(without({{1, 5}}, {{0, 9}}).empty());
  CHECK(without({{1, 5}}, {}) == token_positions{{1, 5}});
}

TEST_CASE("mqar_task: an engine that recalls scores 1, one that is masked where queries are read scores 0") {
  model_under_test const asked{.name = "toy", .identity = "0f", .model = recalling_model{}};
  std::vector<any_policy> const policies{dense, parse_policy("none @ generation"), parse_policy("none @ prefill")};
  for (auto const* queries : {"generation", "prefill"}) {
    auto const tasks = make(asked, "mqar", {{"prompts", 6}, {"pairs", 8}, {"queries", queries}});
    REQUIRE(tasks.size() == 1);
    CHECK(tasks[0].prompts.size() == 6);
    auto const rows = rows_of(asked, tasks[0], policies);
    CHECK(rows.size() == 18);
    bool const in_generation = std::string{queries} == "generation";
    CHECK(mean(rows, "recall", "dense") == 1);
    CHECK(mean(rows, "recall", "none @ generation") == (in_generation ? 0 : 1));
    CHECK(mean(rows, "recall", "none @ prefill") == (in_generation ? 1 : 0));
  }
  CHECK(test::contains(test::message_of([&] { (void)make(asked, "mqar", {{"vocabulary", 65}}); }),
                       "task mqar: vocabulary = 65 (allowed: at most the model's 64)"));
}

TEST_CASE("ruler_task: one or all, each sample under its own name, and scored by what was said") {
  auto asked = small_model(test::toy_model{});
  asked.tokenizer = test::toy_tokenizer{};
  auto const all = make(asked, "ruler", {{"prompts", 2}, {"length", 2000}});
  REQUIRE(all.size() == 11);
  std::set<std::string> names;
  for (auto const& one : all) {
    names.insert(one.name);
    CHECK(names_of(one) == std::vector<std::string>{"2000/0", "2000/1"});
    for (auto const& prompt : one.prompts) CHECK(prompt.tokens < 2000);
  }
  CHECK(names.size() == 11);
  CHECK(names.contains("ruler/niah_multikey_3"));
  auto const one = make(asked, "ruler/vt", {{"prompts", 1}, {"length", 2000}});
  REQUIRE(one.size() == 1);
  auto const rows = rows_of(asked, one[0], {dense});
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].task == "ruler/vt");
  CHECK(rows[0].value == 0);  // the toy says numbers
  CHECK(rows[0].more["length"] == 2000);
  CHECK(!rows[0].more["completion"].get<std::string>().empty());
  CHECK(test::contains(fault("ruler/qa_1", json::object()), "no task is called \"qa_1\""));
}
