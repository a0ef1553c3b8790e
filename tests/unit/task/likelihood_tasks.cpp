// choices.hpp, mmlu.hpp, glue.hpp, facts_task.hpp with what they are made of: as
// lm-evaluation-harness defines them, written here once more in the most naive way.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/result/parse_row.hpp>
#include <headcount/result/run_task.hpp>
#include <headcount/result/sweep.hpp>
#include <headcount/result/sweep_plan.hpp>
#include <headcount/sentence/parse.hpp>
#include <headcount/task/registry/task_kinds.hpp>

#include <unit/reference/support/files.hpp>
#include "../support/toy_model_under_test.hpp"

using namespace headcount;
using namespace headcount::evaluate;
using nlohmann::json;

namespace {

std::vector<any_policy> const policies{parse_policy("dense"), parse_policy("none"), parse_policy("none @ generation"),
                                       parse_policy("l2 | top_k(1)")};

std::vector<row> rows_of(model_under_test const& asked, std::string const& name, json const& options,
                         work* done = nullptr) {
  work own;
  std::vector<row> rows;
  for (auto const& one : make_tasks(asked, name, task_options{"task " + name, options})) {
    for (auto const& prompt : one.prompts) CHECK(prompt.tokens > 0);
    run_task(asked, one, policies, done == nullptr ? own : *done, [&](row&& made) { rows.push_back(std::move(made)); });
  }
  return rows;
}

std::string fault(std::string const& name, json const& options) {
  return test::message_of(
      [&] { (void)make_tasks(test::toy_model_under_test(), name, task_options{"task " + name, options}); });
}

/// The toy tokenizer with the marks of chats, "<...>", as tokens of their own.
struct marking_tokenizer : test::toy_tokenizer {
  [[nodiscard]] std::vector<token> encode(std::string_view text) const {
    std::vector<token> tokens;
    while (!text.empty()) {
      auto const end = text.front() == '<' ? text.find('>') + 1 : std::min(text.find('<'), text.size());
      auto const piece = text.substr(0, end);
      if (piece.front() == '<') tokens.push_back(static_cast<token>(2 + std::hash<std::string_view>{}(piece) % 800));
      else
        for (auto const one : test::toy_tokenizer::encode(piece)) tokens.push_back(one);
      text.remove_prefix(end);
    }
    return tokens;
  }
};

/// The harness's score of one question: what it would put into the model, as text, and what it would make of it.
struct scored {
  std::vector<double> nats;
  std::size_t acc = 0;
  std::size_t acc_norm = 0;
  std::size_t acc_bytes = 0;
};

template <class Words>
scored score(Words const& words, std::string context, std::vector<std::string> const& choices,
             std::string const& delimiter, any_policy const& policy, std::size_t longest) {
  auto const encode = [&](std::string const& text) {
    std::vector<token> tokens{1};
    for (auto const one : words.encode(text)) tokens.push_back(one);
    return tokens;
  };
  scored result;
  std::vector<double> by_chars;
  std::vector<double> by_bytes;
  for (auto const& choice : choices) {
    auto stem = context;
    auto continuation = delimiter + choice;
    while (!stem.empty() && (stem.back() == ' ' || stem.back() == '\n')) {
      continuation = stem.back() + continuation;
      stem.pop_back();
    }
    auto const whole = encode(stem + continuation);
    auto const first = encode(stem).size();
    std::vector<token> input = whole;
    std::vector<token> const target(whole.begin() + static_cast<std::ptrdiff_t>(first), whole.end());
    while (input.size() > longest + 1) input.erase(input.begin());
    std::vector<token> const prompt(input.begin(), input.end() - static_cast<std::ptrdiff_t>(target.size()));
    result.nats.push_back(test::toy_log_likelihood(prompt, target, policy));
    std::size_t chars = 0;
    for (char const sign : choice)
      if (static_cast<unsigned char>(sign) < 0x80 || static_cast<unsigned char>(sign) >= 0xc0) ++chars;
    by_chars.push_back(result.nats.back() / static_cast<double>(chars));
    by_bytes.push_back(result.nats.back() / static_cast<double>(choice.size()));
  }
  auto const first_best = [](std::vector<double> const& values) {
    std::size_t best = 0;
    for (std::size_t i = 0; i < values.size(); ++i)
      if (values[i] > values[best]) best = i;
    return best;
  };
  result.acc = first_best(result.nats);
  result.acc_norm = first_best(by_chars);
  result.acc_bytes = first_best(by_bytes);
  return result;
}

/// Looks a row up.
row const& find(std::vector<row> const& rows, std::string const& policy, std::string const& prompt,
                std::string const& metric = "acc") {
  auto const found = std::ranges::find_if(
      rows, [&](row const& one) { return one.policy == policy && one.prompt == prompt && one.metric == metric; });
  REQUIRE(found != rows.end());
  return *found;
}

/// Holds the rows of one question against the harness's score.
template <class Words = test::toy_tokenizer>
void check(std::vector<row> const& rows, std::string const& prompt, std::string const& context,
           std::vector<std::string> const& choices, std::size_t gold, std::size_t longest, bool all_metrics = false,
           std::string const& delimiter = " ", Words const& words = {}) {
  CAPTURE(prompt);
  for (auto const& policy : policies) {
    auto const expected = score(words, context, choices, delimiter, policy, longest);
    auto const& one = find(rows, print(policy), prompt);
    CHECK(one.value == (expected.acc == gold ? 1 : 0));
    CHECK(one.more["predicted"] == expected.acc);
    CHECK(one.more["gold"] == gold);
    REQUIRE(one.more["loglik"].size() == choices.size());
    for (std::size_t c = 0; c < choices.size(); ++c)
      CHECK(one.more["loglik"][c].get<double>() == doctest::Approx(expected.nats[c]).epsilon(1e-9));
    if (!all_metrics) continue;
    CHECK(find(rows, print(policy), prompt, "acc_norm").value == (expected.acc_norm == gold ? 1 : 0));
    CHECK(find(rows, print(policy), prompt, "acc_bytes").value == (expected.acc_bytes == gold ? 1 : 0));
  }
}

/// A question of MMLU, with all that CSV can hold, and how it is written there.
struct mmlu_question {
  std::string question;
  std::vector<std::string> choices;
  std::size_t gold;

  [[nodiscard]] std::string csv() const {
    auto const quoted = [](std::string const& text) {
      if (text.find_first_of("\",\n") == text.npos) return text;
      std::string in_quotes = "\"";
      for (char const sign : text) in_quotes += sign == '"' ? std::string{"\"\""} : std::string(1, sign);
      return in_quotes + "\"";
    };
    std::string line = quoted(question);
    for (auto const& choice : choices) line += "," + quoted(choice);
    return line + "," + std::string(1, static_cast<char>('A' + gold)) + "\n";
  }
  [[nodiscard]] std::string text() const {
    return question.substr(0, question.find_last_not_of(" \n") + 1) + "\nA. " + choices[0] + "\nB. " + choices[1] +
           "\nC. " + choices[2] + "\nD. " + choices[3] + "\nAnswer:";
  }
};

std::vector<mmlu_question> mmlu_questions(std::size_t count, std::string const& about) {
  std::vector<mmlu_question> questions;
  for (std::size_t i = 0; i < count; ++i) {
    auto const n = std::to_string(i);
    mmlu_question one{"What of " + about + " " + n, {"one " + n, "two", "three, or so", "the \"fourth\""}, i % 4};
    if (i % 3 == 0) one.question += ", said \"he\",\nwith a second line";
    if (i % 5 == 0) one.question += "  ";
    if (i % 7 == 0) one.choices[1] = "";
    questions.push_back(one);
  }
  return questions;
}

std::map<std::string, json> const glue_lines{{"cola", {{"sentence", "They sat there."}}},
                                             {"mnli", {{"premise", "It rained. "}, {"hypothesis", " It was wet "}}},
                                             {"mrpc", {{"sentence1", "A b."}, {"sentence2", "B a."}}},
                                             {"qnli", {{"question", "Who?"}, {"sentence", "She."}}},
                                             {"qqp", {{"question1", "Why?"}, {"question2", "How?"}}},
                                             {"rte", {{"sentence1", "It rained."}, {"sentence2", "It was wet."}}},
                                             {"sst2", {{"sentence", "a fine film "}}},
                                             {"wnli", {{"sentence1", "It fell."}, {"sentence2", "The cup fell."}}}};

/// Wordings and choices as the harness's templates give them.
std::map<std::string, std::pair<std::string, std::vector<std::string>>> const glue_texts{
    {"cola", {"They sat there.\nQuestion: Does this sentence make sense?\nAnswer:", {"no", "yes"}}},
    {"mnli", {"It rained. \nQuestion: It was wet. True, False or Neither?\nAnswer:", {"True", "Neither", "False"}}},
    {"mrpc",
     {"Sentence 1: A b.\nSentence 2: B a.\nQuestion: Do both sentences mean the same thing?\nAnswer:", {"no", "yes"}}},
    {"qnli", {"Who?\nShe.\nQuestion: Does this response answer the question?\nAnswer:", {"yes", "no"}}},
    {"qqp",
     {"Question 1: Why?\nQuestion 2: How?\nQuestion: Do both questions ask the same thing?\nAnswer:", {"no", "yes"}}},
    {"rte", {"It rained.\nQuestion: It was wet. True or False?\nAnswer:", {"True", "False"}}},
    {"sst2", {"a fine film \nQuestion: Is this sentence positive or negative?\nAnswer:", {"negative", "positive"}}},
    {"wnli", {"It fell.\nQuestion: The cup fell. True or False?\nAnswer:", {"False", "True"}}}};

}  // namespace

TEST_CASE("mmlu: 200 rows score as the harness scores them, at 0 and 5 shots, cut from the left or not") {
  test::temporary_folder const at;
  std::filesystem::create_directories(at.path() / "dev");
  std::filesystem::create_directories(at.path() / "test");
  std::map<std::string, std::size_t> const sizes{{"anatomy", 120}, {"college_physics", 80}};
  for (auto const& [name, size] : sizes) {
    std::string test;
    std::string dev;
    for (auto const& one : mmlu_questions(size, name)) test += one.csv();
    for (auto const& one : mmlu_questions(6, name + " examples")) dev += one.csv();
    at.write("test/" + name + "_test.csv", test);
    at.write("dev/" + name + "_dev.csv", dev);
  }
  for (std::size_t const shots : {0u, 5u}) {
    for (std::size_t const longest : {2048u, 90u}) {
      CAPTURE(shots);
      CAPTURE(longest);
      work done;
      auto const rows =
          rows_of(test::toy_model_under_test(longest), "mmlu", {{"data", at.path().string()}, {"shots", shots}}, &done);
      CHECK(rows.size() == 200 * policies.size());
      CHECK(rows.front().setting == (shots == 0 ? "" : "shots=5"));
      for (auto const& [name, size] : sizes) {
        auto const about = name == "anatomy" ? "anatomy" : std::string{"college physics"};
        std::string before = "The following are multiple choice questions (with answers) about " + about + ".\n\n";
        auto const examples = mmlu_questions(6, name + " examples");
        for (std::size_t i = 0; i < shots; ++i)
          before += examples[i].text() + " " + std::string(1, "ABCD"[examples[i].gold]) + "\n\n";
        auto const questions = mmlu_questions(size, name);
        for (std::size_t i = 0; i < size; ++i)
          check(rows, name + "/" + std::to_string(i), before + questions[i].text(), {"A", "B", "C", "D"},
                questions[i].gold, longest);
      }
      // One reading serves four choices and both policies that leave prefill dense, and shots are read once a part.
      CHECK(done.computed * 4 < done.tokens_without_sharing);
      if (shots == 5 && longest == 2048) CHECK(done.computed * 20 < done.tokens_without_sharing);
    }
  }
  auto const one = rows_of(test::toy_model_under_test(), "mmlu/anatomy", {{"data", at.path().string()}, {"limit", 3}});
  CHECK(one.size() == 3 * policies.size());
  CHECK(one.front().task == "mmlu");
  CHECK(one.back().prompt == "anatomy/2");
  CHECK(test::contains(fault("mmlu", {{"data", at.path().string()}, {"shots", 7}}),
                       "anatomy_dev.csv: it has 6 examples"));
  CHECK(test::contains(fault("mmlu", {{"data", (at.path() / "dev").string()}}), "SUBJECT_test.csv"));
  at.write("test/anatomy_test.csv", "a,b,c,d,e,A\n\nx\na,b,c,d,e,F\n");
  CHECK(test::contains(fault("mmlu", {{"data", at.path().string()}}), "anatomy_test.csv, line 3: it has 1 field"));
  at.write("test/anatomy_test.csv", "a,b,c,d,e,A\na,b,c,d,e,F\n");
  CHECK(test::contains(fault("mmlu", {{"data", at.path().string()}}), "line 2: the answer is \"F\""));
}

TEST_CASE("mmlu: a subject without a question is refused, and each prompt says its subject") {
  test::temporary_folder const at;
  std::filesystem::create_directories(at.path() / "test");
  at.write("test/anatomy_test.csv", "what,a,b,c,d,A\n");
  at.write("test/._anatomy_test.csv", "hidden");
  auto const made =
      make_tasks(test::toy_model_under_test(), "mmlu", task_options{"mmlu", {{"data", at.path().string()}}});
  REQUIRE(made.front().prompts.size() == 1);
  CHECK(made.front().prompts.front().factors == std::vector<factor>{{"subject", "anatomy"}});
  at.write("test/virology_test.csv", "");
  CHECK(test::contains(fault("mmlu", {{"data", at.path().string()}}), "virology_test.csv: it has no question"));
}

TEST_CASE("shots and keys: prompts that share examples, or a set of keys, say so, and none share what is not there") {
  test::temporary_folder const at;
  std::filesystem::create_directories(at.path() / "dev");
  std::filesystem::create_directories(at.path() / "test");
  for (std::string const name : {"anatomy", "virology"}) {
    at.write("dev/" + name + "_dev.csv", name + " example,a,b,c,d,B\nanother,a,b,c,d,C\n");
    at.write("test/" + name + "_test.csv", "what,a,b,c,d,A\nwhere,a,b,c,d,B\n");
  }
  auto const factors = [](char const* task, json const& options, std::string const& name) {
    std::vector<std::string> values;
    auto const made = make_tasks(test::toy_model_under_test(), task, task_options{task, options});
    for (auto const& prompt : made.front().prompts) {
      auto const found = std::ranges::find(prompt.factors, name, &factor::name);
      values.push_back(found == prompt.factors.end() ? "" : found->value);
    }
    return values;
  };
  auto const shots = factors("mmlu", {{"data", at.path().string()}, {"shots", 2}}, "shots");
  REQUIRE(shots.size() == 4);
  CHECK(!shots[0].empty());
  CHECK(shots[0] == shots[1]);
  CHECK(shots[2] == shots[3]);
  CHECK(shots[0] != shots[2]);
  CHECK(shots != factors("mmlu", {{"data", at.path().string()}, {"shots", 1}}, "shots"));
  CHECK(factors("mmlu", {{"data", at.path().string()}}, "shots") == std::vector<std::string>(4));

  // One of three examples each: two prompts with the same one share it.
  std::string lines;
  for (int i = 0; i < 30; ++i)
    lines += json{{"prompt", "question " + std::to_string(i)}, {"choices", {"a", "b"}}, {"gold", 0}}.dump() + "\n";
  auto const items = at.write("items.jsonl", lines).string();
  auto const train = at.write("train.jsonl", lines.substr(0, lines.find("question 3"))
                                                 .substr(0, lines.substr(0, lines.find("question 3")).rfind('\n') + 1))
                         .string();
  auto const drawn = factors("choices", {{"data", items}, {"train", train}, {"shots", 1}}, "shots");
  CHECK(drawn.size() == 30);
  CHECK(std::set<std::string>(drawn.begin(), drawn.end()).size() == 3);
  CHECK(factors("choices", {{"data", items}}, "shots") == std::vector<std::string>(30));

  // Four of five keys: five sets; of many keys a set for each prompt.
  auto const few = factors("mqar", {{"vocabulary", 12}, {"length", 16}}, "keys");
  CHECK(std::set<std::string>(few.begin(), few.end()) ==
        std::set<std::string>{"1,2,3,4", "1,2,3,5", "1,2,4,5", "1,3,4,5", "2,3,4,5"});
  auto const many = factors("mqar", {{"vocabulary", 200}}, "keys");
  CHECK(std::set<std::string>(many.begin(), many.end()).size() == many.size());
}

TEST_CASE("task_options: a task's identity is its options and the content of its data, whatever that is called") {
  test::temporary_folder const at;
  std::filesystem::create_directories(at.path() / "other");
  auto const line = [](char const* gold) {
    return text_of(R"({"prompt": "a", "choices": ["b", "c"], "gold": )", gold, "}\n");
  };
  auto const identity = [&](std::filesystem::path const& data, json options = json::object()) {
    options["data"] = data.string();
    return make_tasks(test::toy_model_under_test(), "choices", task_options{"choices", options}).front().identity;
  };
  auto const first = identity(at.write("d.jsonl", line("0")));
  CHECK(identity(at.write("other/d.jsonl", line("1"))) != first);
  CHECK(identity(at.write("e.jsonl", line("0"))) == first);
  CHECK(identity(at.path() / "d.jsonl", {{"phase", "generation"}}) != first);
  CHECK(identity(at.path() / "d.jsonl", {{"limit", 1}}) == first);
  at.write("d.jsonl", line("1"));
  CHECK(identity(at.path() / "d.jsonl") == identity(at.path() / "other" / "d.jsonl"));
}

TEST_CASE("glue: eight wordings, labels and metrics as the harness has them") {
  test::temporary_folder const at;
  for (auto const& [name, fields] : glue_lines) {
    CAPTURE(name);
    std::filesystem::create_directories(at.path() / name);
    auto const& [text, choices] = glue_texts.at(name);
    std::string lines;
    for (std::size_t label = 0; label < choices.size(); ++label) {
      auto line = fields;
      line["label"] = label;
      line["idx"] = label;
      lines += line.dump() + "\n";
    }
    auto const split = name == "mnli" ? "/validation_matched.jsonl" : "/validation.jsonl";
    auto const rows =
        rows_of(test::toy_model_under_test(), "glue/" + name, {{"data", at.write(name + split, lines).string()}});
    CHECK(rows.size() == choices.size() * policies.size());
    for (std::size_t label = 0; label < choices.size(); ++label)
      check(rows, std::to_string(label), text, choices, label, 2048);
  }
  CHECK(make_tasks(test::toy_model_under_test(), "glue", task_options{"glue", {{"data", at.path().string()}}}).size() ==
        8);
  CHECK(rows_of(test::toy_model_under_test(), "glue/rte", {{"data", at.path().string()}}).size() ==
        2 * policies.size());
  CHECK(test::contains(fault("glue/stsb", {{"data", at.path().string()}}), "cola, mnli"));
  auto const wrong = at.write("wrong.jsonl", R"({"sentence": "a", "label": -1})");
  CHECK(test::contains(fault("glue/sst2", {{"data", wrong.string()}}), "line 1: \"label\""));
  CHECK(test::contains(fault("glue/mrpc", {{"data", wrong.string()}}), "no \"sentence1\""));
}

TEST_CASE("mmlu, glue, shots: with form=instruct, examples are turns of a chat, and nothing goes before a choice") {
  test::temporary_folder const at;
  std::filesystem::create_directories(at.path() / "dev");
  std::filesystem::create_directories(at.path() / "test");
  auto const questions = mmlu_questions(4, "world religions");
  auto const examples = mmlu_questions(2, "examples");
  at.write("test/world_religions_test.csv",
           questions[0].csv() + questions[1].csv() + questions[2].csv() + questions[3].csv());
  at.write("dev/world_religions_dev.csv", examples[0].csv() + examples[1].csv());
  auto const file = at.write("lines.jsonl", R"({"sentence": "a fine film ", "label": 1})").string();
  std::string const description =
      "The following are multiple choice questions (with answers) about world religions.\n\n";
  auto chatting = test::toy_model_under_test();
  chatting.tokenizer = marking_tokenizer{};
  auto const check_chat = [&](std::string const& chat, std::string const& plain_chat) {
    auto const rows = rows_of(chatting, "mmlu", {{"data", at.path().string()}, {"shots", 2}, {"form", "instruct"}});
    CHECK(rows.front().setting == "shots=2, form=instruct");
    for (std::size_t i = 0; i < questions.size(); ++i) {
      auto text = chat;
      text.replace(text.find("QUESTION"), 8, questions[i].text());
      check(rows, "world_religions/" + std::to_string(i), text, {"A", "B", "C", "D"}, questions[i].gold, 2048, false,
            "", marking_tokenizer{});
    }
    check(rows_of(chatting, "glue/sst2", {{"data", file}, {"form", "instruct"}}), "0", plain_chat,
          {"negative", "positive"}, 1, 2048, false, "", marking_tokenizer{});
  };
  std::string const film = "a fine film \nQuestion: Is this sentence positive or negative?\nAnswer:";
  chatting.turns = jamba_turns();
  check_chat("<|bom|><|system|> " + description + "<|eom|><|bom|><|user|> " + examples[0].text() +
                 "<|eom|><|bom|><|assistant|> A<|eom|><|bom|><|user|> " + examples[1].text() +
                 "<|eom|><|bom|><|assistant|> B<|eom|><|bom|><|user|> QUESTION<|eom|><|bom|><|assistant|>",
             "<|bom|><|system|> <|eom|><|bom|><|user|> " + film + "<|eom|><|bom|><|assistant|>");
  chatting.turns = gemma_turns();
  check_chat("<start_of_turn>user\n" + description + examples[0].text() +
                 "<end_of_turn>\n<start_of_turn>model\nA<end_of_turn>\n<start_of_turn>user\n" + examples[1].text() +
                 "<end_of_turn>\n<start_of_turn>model\nB<end_of_turn>\n<start_of_turn>user\nQUESTION<end_of_turn>\n"
                 "<start_of_turn>model\n",
             "<start_of_turn>user\n" + film + "<end_of_turn>\n<start_of_turn>model\n");

  auto const refusal = [&](model_under_test const& asked) {
    return test::message_of(
        [&] { (void)make_tasks(asked, "glue/sst2", task_options{"glue", {{"data", file}, {"form", "instruct"}}}); });
  };
  CHECK(test::contains(refusal(test::toy_model_under_test()), "toy has no chat (allowed: form=base)"));
  auto untold = test::toy_model_under_test();
  untold.turns = gemma_turns();
  CHECK(test::contains(refusal(untold), "reads <start_of_turn> as 7 tokens (allowed: form=base, or a model"));
}

TEST_CASE("glue: five shots are those that the harness draws, from train or from the other lines") {
  test::temporary_folder const at;
  std::string lines;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 40; ++i) {
    auto const sentence = "sentence number " + std::to_string(i);
    lines += json{{"sentence", sentence}, {"label", i % 2}}.dump() + "\n";
    texts.push_back(sentence + "\nQuestion: Is this sentence positive or negative?\nAnswer:");
  }
  auto const shot = [&](std::size_t i) { return texts[i] + (i % 2 == 0 ? " negative\n\n" : " positive\n\n"); };
  // CPython 3: r = random.Random(1234); [r.sample(range(40), 6) for i in range(3)]
  std::vector<std::vector<std::size_t>> const drawn{
      {28, 7, 0, 5, 2, 36}, {6, 22, 15, 1, 36, 35}, {22, 30, 29, 9, 5, 11}};
  std::filesystem::create_directories(at.path() / "sst2");
  auto const file = at.write("sst2/validation.jsonl", lines);
  for (bool const has_train : {false, true}) {
    CAPTURE(has_train);
    if (has_train) at.write("sst2/train.jsonl", lines + lines.substr(0, lines.find('\n') + 1));
    auto const rows =
        rows_of(test::toy_model_under_test(), "glue/sst2",
                {{"data", (has_train ? at.path() : file).string()}, {"shots", 5}, {"limit", has_train ? 1 : 3}});
    CHECK(rows.front().seed == 1234);
    CHECK(rows.front().setting == "shots=5");
    if (has_train) continue;
    for (std::size_t i = 0; i < 3; ++i) {
      std::string context;
      std::size_t count = 0;
      for (auto const j : drawn[i])
        if (j != i && count++ < 5) context += shot(j);
      check(rows, std::to_string(i), context + texts[i], {"negative", "positive"}, i % 2, 2048);
    }
  }
  CHECK(test::contains(fault("glue/sst2", {{"data", file.string()}, {"shots", 40}}), "40 examples to draw 40 shots"));

  // In a sweep, too, unless its plan has seeds.
  sweep_plan plan{.tasks = {json{{"task", "glue/sst2"}, {"data", file.string()}, {"shots", 5}}}};
  auto const seeds = [&] {
    std::vector<std::uint64_t> found;
    for (auto const& one : make_tasks_of(plan, test::toy_model_under_test(), make_tasks)) found.push_back(one.seed);
    return found;
  };
  CHECK(seeds() == std::vector<std::uint64_t>{1234});
  plan.seeds = {7, 8};
  CHECK(seeds() == plan.seeds);
}

TEST_CASE("choices: contexts that end in spaces, long choices and characters that are not bytes") {
  test::temporary_folder const at;
  std::string lines;
  std::vector<json> items;
  for (std::size_t i = 0; i < 60; ++i) {
    json item{{"prompt", "what is " + std::to_string(i) + (i % 2 == 0 ? "" : " of it ")},
              {"choices", {"é", "a long one, with more of it", "two words", "x" + std::to_string(i)}},
              {"gold", i % 4}};
    if (i % 5 == 0) item["prompt"] = "";
    lines += item.dump() + "\n\n";
    items.push_back(item);
  }
  auto const file = at.write("mine.jsonl", lines).string();
  auto const rows = rows_of(test::toy_model_under_test(), "choices", {{"data", file}});
  CHECK(rows.size() == 3 * 60 * policies.size());
  CHECK(rows.front().setting == "data=mine.jsonl");
  for (std::size_t i = 0; i < items.size(); ++i)
    check(rows, std::to_string(i), items[i]["prompt"], items[i]["choices"], items[i]["gold"], 2048, true);
  auto const refused = [&](std::string const& line) {
    return fault("choices", {{"data", at.write("w.jsonl", line).string()}});
  };
  CHECK(test::contains(refused(R"({"choices": ["a", "b"], "gold": 0})"), "no \"prompt\""));
  CHECK(test::contains(refused(R"({"prompt": "a", "choices": ["a", ""], "gold": 0})"), "choices"));
  CHECK(test::contains(refused(R"({"prompt": "a", "choices": ["a", "b"], "gold": 2})"), "0 to 1"));
  CHECK(test::contains(refused("[]"), "line 1"));
  CHECK(test::contains(refused(""), "no line"));
}

TEST_CASE("choices: first index wins ties, and lengths are those of the choice alone") {
  std::vector<std::string> const choices{"éé", "abc", "abcd"};
  auto const verdict = [&](double a, double b, double c) {
    std::vector<likelihood> const found{{a, false}, {b, false}, {c, false}};
    return judge_choices(found, choices);
  };
  CHECK(verdict(-2, -2, -2).best == 0);
  CHECK(verdict(-3, -2, -2).best == 1);
  // Per character -1.5, -1, -1; per byte -0.75, -1, -1.
  CHECK(verdict(-3, -3, -4).best_by_chars == 1);
  CHECK(verdict(-3, -3, -4).best_by_bytes == 0);
  CHECK(characters("aé€😀") == 4);
}

TEST_CASE("facts_task: the right one of four professions, by likelihood of the next token") {
  auto const rows = rows_of(test::toy_model_under_test(), "facts", {{"prompts", 9}, {"seed", 3}});
  CHECK(rows.size() == 9 * policies.size());
  CHECK(rows.front().seed == 3);
  auto const all = rows_of(test::toy_model_under_test(), "facts", {{"seed", 3}});
  for (auto const& one : rows) CHECK(print(find(all, one.policy, one.prompt)) == print(one));
  for (auto const& one : all) {
    auto const& nats = one.more["loglik"];
    REQUIRE(nats.size() == 4);
    auto const& dense_nats = find(all, "dense", one.prompt).more["loglik"];
    CHECK((nats == dense_nats) == (one.policy == "dense" || one.policy == "none @ generation"));
  }
  CHECK(rows_of(test::toy_model_under_test(), "facts", {{"context", 30}, {"limit", 1}}).front().setting ==
        "context=30");
}

TEST_CASE("task_options: names and options that are none are refused") {
  CHECK(test::contains(fault("fact", json::object()), "facts, glue/NAME"));
  CHECK(
      test::contains(fault("facts", {{"contxt", 3}}), "no option \"contxt\" (allowed: context, limit, prompts, seed"));
  CHECK(test::contains(fault("facts", {{"context", -3}}), "context = -3"));
  CHECK(test::contains(fault("facts", {{"context", "3"}}), "a whole number"));
  CHECK(test::contains(fault("mmlu", json::object()), "it needs data"));
  CHECK(test::contains(fault("choices", {{"data", "/nowhere"}}), "/nowhere"));
  CHECK(test::contains(test::message_of([] { task_options const wrong{"plan", json::array()}; }), "plan"));
}
