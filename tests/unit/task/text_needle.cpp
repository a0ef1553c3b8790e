// task/prompt_form.hpp, text_parts.hpp, hidden_needle.hpp, text_needle.hpp and published_needle.hpp, with tokenizers of
// a few lines.

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/task/needle/published_needle.hpp>
#include <headcount/task/needle/text_needle.hpp>
#include <headcount/text/tokenizer.hpp>
#include <unit/reference/support/files.hpp>

using namespace headcount;
using namespace headcount::evaluate;

namespace {

/// A word with the space before it is a token, and so is every other sign; with `fuses`, a full stop and what follows
/// up to the next letter are one. Joining tokens gives the text back.
class toy_words {
 public:
  explicit toy_words(bool fuses = false) : fuses_{fuses} {}

  std::optional<token> bos() const { return 0; }
  std::vector<token> encode(std::string_view text) const {
    auto const is_letter = [&](std::size_t i) {
      return i < text.size() && std::isalnum(static_cast<unsigned char>(text[i])) != 0;
    };
    std::vector<token> tokens;
    for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end) {
      end = begin + 1;
      if (is_letter(begin) || (text[begin] == ' ' && is_letter(end)))
        while (is_letter(end)) ++end;
      else if (fuses_ && text[begin] == '.')
        while (end < text.size() && !is_letter(end)) ++end;
      tokens.push_back(id_of(std::string{text.substr(begin, end - begin)}));
    }
    return tokens;
  }
  std::string decode(std::span<token const> tokens) const {
    std::string text;
    for (auto const id : tokens) text += names_.at(static_cast<std::size_t>(id));
    return text;
  }

 private:
  token id_of(std::string const& piece) const {
    auto const [at, is_new] = ids_.try_emplace(piece, static_cast<token>(names_.size()));
    if (is_new) names_.push_back(piece);
    return at->second;
  }
  bool fuses_;
  mutable std::vector<std::string> names_{"<bos>"};
  mutable std::map<std::string, token> ids_;
};

toy_words const words;

/// Sentences of different lengths, none of them alike.
haystack some_hay() {
  haystack hay;
  char const* const things[] = {"dog", "ship", "lamp", "tree", "river"};
  for (int i = 0; i < 60; ++i) {
    std::string sentence = "Item " + std::to_string(i) + " is a " + things[i % 5];
    for (int more = 0; more < i * 7 % 11; ++more) sentence += " and so on";
    hay.sentences.push_back(sentence + ".");
    hay.text += hay.sentences.back() + " ";
  }
  return hay;
}

std::string text_at(text_needle const& one, token_positions const& where) {
  std::string text;
  for (auto const [first, last] : where)
    text += words.decode(std::span{one.tokens}.subspan(first, last - first + 1)) + "|";
  return text;
}
std::string text_of_prompt(text_needle const& one) { return words.decode(std::span{one.tokens}.subspan(1)); }

std::size_t count_in(std::string const& text, std::string const& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

std::set<std::vector<token>> different(std::vector<text_needle> const& prompts) {
  std::set<std::vector<token>> all;
  for (auto const& one : prompts) all.insert(one.tokens);
  return all;
}

}  // namespace

TEST_CASE("published_needle: the grids are numpy's") {
  published_protocol const how;
  CHECK(rounded_grid(250, 4096, 10) == how.lengths);
  CHECK(rounded_grid(250, 4096, 10) == needle_grid{}.lengths);
  auto const depths = rounded_grid(0, 100, 10);
  CHECK(std::vector<int>{depths.begin(), depths.end()} == how.depths);
  CHECK(rounded_grid(0, 5, 11) == std::vector<std::size_t>{0, 0, 1, 2, 2, 2, 3, 4, 4, 4, 5});  // halves to even
}

TEST_CASE("published_needle: the place goes back to the end of the sentence before, or to the start") {
  // Full stops are token 9.
  std::vector<token> const context{1, 2, 3, 9, 4, 5, 9, 6, 7, 8};
  std::vector<token> const stop{9};
  std::pair<int, std::size_t> const places[] = {{0, 0},  {10, 0}, {30, 0}, {39, 0}, {40, 4},  {50, 4},
                                                {69, 4}, {70, 7}, {80, 7}, {99, 7}, {100, 10}};
  for (auto const& [depth, place] : places) {
    CAPTURE(depth);
    CHECK(published_place(context, stop, depth) == place);
  }
  CHECK(published_place({}, stop, 50) == 0);
  CHECK(published_place(context, std::vector<token>{3, 4}, 50) == 5);  // any token that "." encodes to
}

TEST_CASE(
    "published_needle: at nominal length 250 depths 0 to 67 are one prompt, and the corrected protocol has none") {
  // The needle has 24 tokens, so 26 are left for the haystack. Its first sentence has 19: 67% of 26 is 17.
  haystack hay;
  hay.text =
      "When they left school that year nobody in the town could have said what became of most people. It was cold. ";
  while (words.encode(hay.text).size() < 5000) hay.text += "Later on he wrote about it, and more. Then he did not. ";
  hay.sentences = split_sentences(hay.text);
  published_protocol const how;
  REQUIRE(words.encode(how.needle).size() == 24);
  REQUIRE(words.encode(hay.sentences.front()).size() == 19);

  auto const prompts = make_published_needles(words, hay);
  REQUIRE(prompts.size() == 100);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 10; ++i) texts.push_back(text_of_prompt(prompts[i]));
  std::string const needle =
      "\nThe best thing to do in San Francisco is eat a sandwich and sit in Dolores Park on a sunny day.\n";
  std::string const first =
      "When they left school that year nobody in the town could have said what became of most people.";
  std::string const tail =
      "\n\nQUESTION: What is the best thing to do in San Francisco?\n\nANSWER: Here is the most relevant sentence in "
      "the "
      "context: ";
  for (std::size_t i = 0; i < 7; ++i)
    CHECK(texts[i] == "CONTEXT: " + needle + first + " It was cold. Later on he" + tail);
  CHECK(texts[7] == "CONTEXT: " + first + needle + " It was cold. Later on he" + tail);
  CHECK(texts[8] == "CONTEXT: " + first + " It was cold." + needle + " Later on he" + tail);
  CHECK(texts[9] == "CONTEXT: " + first + " It was cold. Later on he" + needle + tail);
  CHECK(different({prompts.begin(), prompts.begin() + 10}).size() == 4);
  for (auto const& one : prompts) {
    auto const said = text_at(one, one.needle);  // white space goes with what follows it
    CHECK(said.substr(said.find_first_not_of(" \n")) == needle.substr(1, needle.size() - 2) + "|");
    auto const text = text_of_prompt(one);
    REQUIRE(text.ends_with(tail));
    CHECK(words.encode(std::string_view{text}.substr(9, text.size() - 9 - tail.size())).size() == one.length - 200);
  }
  for (std::size_t i = 0; i < 7; ++i) CHECK(prompts[i].realised_depth == 0);
  CHECK(prompts[0].depth == 0);
  CHECK(prompts[6].depth == 67);
  CHECK(prompts[6].id == "250/67/0");

  auto const corrected = make_text_needles(words, hay, {}, {}, 1);
  CHECK(different(corrected.prompts).size() == corrected.prompts.size());
  CHECK(corrected.prompts.size() + corrected.duplicates == 100);
  CHECK(std::ranges::count(corrected.prompts, 250u, &text_needle::length) == 10);
}

TEST_CASE("published_needle: a haystack that is too short is repeated, and tokens that fuse are no full stops") {
  haystack hay;
  hay.text = "One two three. ";
  published_protocol how{.needle = "N.", .lengths = {20}, .depths = {70}, .buffer = 4};
  // 16 tokens for both, 14 of them the haystack's. 70% is 9 tokens, and 8 are two sentences.
  CHECK(published_context(words, hay.text, how, 20, 100) == "One two three. One two three. One two three. One twoN.");
  CHECK(published_context(words, hay.text, how, 20, 70) == "One two three. One two three.N. One two three. One two");
  toy_words const fused{true};
  CHECK(published_context(fused, hay.text, how, 20, 70).starts_with("N.One two"));  // ". " is no "."
  hay.text = "";
  CHECK(published_context(words, hay.text, how, 20, 50) == "N.");
}

TEST_CASE(
    "text_needle, hidden_needle: prompts are as long as asked for, the needle stands where it is said to and close to "
    "the depth") {
  auto const hay = some_hay();
  std::size_t const longest = words.encode(" " + hay.sentences[40]).size() + 40;
  needle_grid const grid{.lengths = {250, 300, 777}, .depths = {0, 25, 50, 75, 100}, .needles = 3, .distractors = 2};
  auto const made = make_text_needles(words, hay, {}, grid, 7);
  CHECK(made.prompts.size() == 45);
  CHECK(made.duplicates == 0);
  CHECK(different(made.prompts).size() == 45);
  std::set<std::string> ids;
  for (auto const& one : made.prompts) {
    CAPTURE(one.id);
    CHECK(ids.insert(one.id).second);
    CHECK(one.tokens.front() == 0);
    CHECK(one.tokens.size() <= one.length);
    CHECK(one.tokens.size() + longest > one.length);
    auto const text = text_of_prompt(one);
    auto said = text_at(one, one.needle);
    said.pop_back();
    if (said.front() == ' ') said.erase(0, 1);
    CHECK(said == one.answer);
    CHECK(count_in(text, one.answer) == 1);
    CHECK(count_in(text, "The best thing to do in ") == 3);  // and two about other cities
    // The question comes last, and nothing of it before `before_question`.
    auto const city = one.answer.substr(24, one.answer.find(" is ") - 24);
    auto const tail = "\n\nQUESTION: What is the best thing to do in " + city +
                      "?\n\nANSWER: Here is the most relevant sentence in the context:";
    CHECK(text.ends_with(tail));
    CHECK(words.decode(std::span{one.tokens}.subspan(one.before_question)) == tail);
    CHECK(text_at(one, one.context) + tail ==
          " " + text.substr(8, text.size() - 8 - tail.size()).substr(1) + "|" + tail);
    // Depth by counting tokens in the text.
    auto const context = text.substr(9, text.size() - 9 - tail.size());
    auto const straw = static_cast<double>(words.encode(context).size() - words.encode(" " + one.answer).size());
    auto const before = static_cast<double>(words.encode(context.substr(0, context.find(one.answer))).size());
    CHECK(std::abs(one.realised_depth - 100 * before / straw) < 100 * 1.5 / straw);
    CHECK(std::abs(one.realised_depth - one.depth) < 100 * 45 / straw);  // half a sentence, and distractors
  }
}

TEST_CASE(
    "needle: without distractors, depth 0 is the start and 100 the end, and only gaps that are not there collide") {
  // One sentence over and over, and one needle: else each prompt is about something of its own.
  haystack const hay{.text = {}, .sentences = {some_hay().sentences.front()}};
  needle_kind kind;
  for (auto& [name, list] : kind.words) list.resize(1);
  auto const made = make_text_needles(words, hay, kind, {.lengths = {500}, .depths = {0, 0.01, 100, 50}}, 3);
  REQUIRE(made.prompts.size() == 3);
  CHECK(made.duplicates == 1);
  CHECK(made.prompts[0].realised_depth == 0);
  CHECK(made.prompts[1].realised_depth == 100);
  CHECK(made.prompts[2].id == "500/50/0");
  CHECK(std::abs(made.prompts[2].realised_depth - 50) < 5);
}

TEST_CASE("text_needle: a seed gives its prompts, another others, and each prompt has a needle of its own") {
  auto const hay = some_hay();
  needle_grid const grid{.lengths = {200, 400}, .depths = {10, 90}, .needles = 2};
  auto const once = make_text_needles(words, hay, {}, grid, 1).prompts;
  auto const again = make_text_needles(words, hay, {}, grid, 1).prompts;
  auto const other = make_text_needles(words, hay, {}, grid, 2).prompts;
  REQUIRE(once.size() == 8);
  std::set<std::string> answers;
  std::size_t same = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    CHECK(once[i].tokens == again[i].tokens);
    same += once[i].tokens == other[i].tokens ? 1 : 0;
    answers.insert(once[i].answer);
  }
  CHECK(same == 0);
  CHECK(answers.size() == 8);
}

TEST_CASE("haystack: sentences of Chinese and Japanese end without white space, and those that never end are refused") {
  CHECK(split_sentences("\u4eca\u5929\u3002\u82b1\uff01\u8272\uff1f\u84dd") ==
        std::vector<std::string>{"\u4eca\u5929\u3002", "\u82b1\uff01", "\u8272\uff1f", "\u84dd"});
  std::string endless_sentence;
  for (int i = 0; i < 1000; ++i) endless_sentence += "more and ";
  haystack const endless{.text = {}, .sentences = {endless_sentence}};
  CHECK(test::contains(
      test::message_of([&] { (void)make_text_needles(words, endless, {}, {.lengths = {400}, .depths = {50}}, 1); }),
      "no sentence of the haystack fits into length 400"));
}

TEST_CASE("text_needle: read twice, both readings have the needle and both are known") {
  auto const hay = some_hay();
  needle_kind kind;
  kind.form.read = context_reading::twice;
  auto const twice = make_text_needles(words, hay, kind, {.lengths = {400}, .depths = {50}}, 1).prompts.front();
  CHECK(std::ranges::distance(twice.needle) == 2);
  CHECK(std::ranges::distance(twice.context) == 2);
  CHECK(text_at(twice, twice.needle) == " " + twice.answer + "| " + twice.answer + "|");
  CHECK(twice.tokens.size() <= 400);
  CHECK(twice.tokens.size() > 330);
  CHECK(std::abs(twice.realised_depth - 50) < 15);
  kind.form = question_first_form();
  auto const first = make_text_needles(words, hay, kind, {.lengths = {400}, .depths = {50}}, 1).prompts.front();
  CHECK(first.before_question == 1);
  CHECK(std::ranges::distance(first.needle) == 2);
}

TEST_CASE("text_needle: scores by phrases that were drawn with it") {
  auto const one = make_text_needles(words, some_hay(), {}, {.lengths = {200}, .depths = {50}}, 4).prompts.front();
  CHECK(score_phrases(one.phrases, "Well. " + one.answer) == 5);
  CHECK(score_phrases(one.phrases, one.answer.substr(one.answer.find(" is ") + 4)) == 3);
  CHECK(score_phrases(one.phrases, one.answer.substr(one.answer.find("on a "))) == 1);
  CHECK(score_phrases(one.phrases, "something else") == 0);
}

TEST_CASE("text_needle: what cannot be made is refused") {
  auto const hay = some_hay();
  auto const refusal = [&](needle_grid const& grid) {
    return test::message_of([&] { (void)make_text_needles(words, hay, {}, grid, 1); });
  };
  CHECK(test::contains(refusal({.lengths = {20}}), "needle: length 20 is too short (allowed: at least "));
  CHECK(test::contains(refusal({.depths = {101}}), "a depth is out of range (allowed: 0 to 100, in percent)"));
  CHECK(test::contains(refusal({.depths = {std::nan("")}}), "a depth is out of range"));
  CHECK(test::contains(refusal({.lengths = {999}, .distractors = 8}),
                       "9 needles in one context, and 8 words for {weather} (allowed: as many words as needles)"));
}

TEST_CASE("prompt_form: the published ones, word for word") {
  std::vector<evaluate::text_piece> const context{{piece_kind::context, "A. "}, {piece_kind::needle, "N."}};
  auto const text = [&](prompt_form const& form) {
    std::string all;
    for (auto const& piece : pieces_of_prompt(form, context, "Q?")) all += piece.text;
    return all;
  };
  CHECK(text({}) == "CONTEXT: A. N.\n\nQUESTION: Q?\n\nANSWER: Here is the most relevant sentence in the context: ");
  CHECK(text({.read = context_reading::twice}) ==
        "CONTEXT: A. N.\n\nQUESTION: Q?\n\nCONTEXT: A. N.\n\nQUESTION: Q?\n\nANSWER: Here is the most relevant "
        "sentence in "
        "the context: ");
  CHECK(text(question_first_form()) == "Q?\nA. N.\nA. N.\nQ?");
  CHECK(text(instruct_form(gemma_turns())) ==
        "<start_of_turn>user\nCONTEXT: A. N.\n\nQUESTION: Q?\n\nReturn the most relevant sentence in the context, word "
        "for "
        "word.<end_of_turn>\n<start_of_turn>model\n");
  CHECK(
      text(instruct_form(jamba_turns())) ==
      "<|bom|><|system|> <|eom|><|bom|><|user|> CONTEXT: A. N.\n\nQUESTION: Q?\n\nReturn the most relevant sentence in "
      "the context, word for word.<|eom|><|bom|><|assistant|>");
  CHECK(document_twice("Doc.", "Name") == "information about Name. Doc.\nDoc.\nName:");
}

TEST_CASE("text_parts: a token over a border counts to the piece before it, white space to the one after") {
  std::vector<std::string> const pieces{"One two. ", "Three.", "\n\nFour", "", " five"};
  auto const apart = encode_parts(words, pieces);
  CHECK(apart.begins == std::vector<std::size_t>{1, 4, 6, 9, 9, 10});
  CHECK(words.decode(std::span{apart.tokens}.subspan(4, 2)) == " Three.");
  CHECK(apart.positions(3).empty());
  toy_words const fused{true};  // One, two, ". ", Three, ".\n\n", Four, five
  auto const together = encode_parts(fused, pieces);
  CHECK(together.begins == std::vector<std::size_t>{1, 4, 6, 7, 7, 8});
  CHECK(together.tokens.size() == 8);
}

TEST_CASE("text_needle: the small hybrids' haystack is of their language") {
  std::filesystem::path const models{HEADCOUNT_MODELS};
  reference::tokenizer const tokenizer{models / "tiny-jamba" / "tokenizer.model"};
  auto const hay = read_haystack(models / "haystack");
  CHECK(hay.sentences.size() == 600);
  auto const kind = read_needle_kind(models / "haystack" / "needles.json");
  needle_grid const grid{.lengths = {96, 240}, .depths = {0, 50, 100}, .needles = 2, .distractors = 2};
  auto const made = make_text_needles(tokenizer, hay, kind, grid, 1);
  CHECK(made.prompts.size() == 12);
  for (auto const& one : made.prompts) {
    CHECK(std::ranges::count(one.tokens, 774) == 0);  // <unk>
    CHECK(one.tokens.size() <= one.length);
    CHECK(one.tokens.size() + 10 > one.length);
    REQUIRE(std::ranges::distance(one.needle) == 1);
    auto const [first, last] = *one.needle.begin();
    CHECK(last - first + 1 == 20);
    auto const needle = tokenizer.decode(std::span{one.tokens}.subspan(first, 20));
    CHECK(needle.starts_with("the best thing to do in "));
    CHECK(needle.ends_with(one.answer + " ."));
    auto const tail = tokenizer.decode(std::span{one.tokens}.subspan(one.before_question));
    CHECK(tail.starts_with("question : what is the best thing to do in "));
    CHECK(tail.ends_with(" ? answer :"));
  }
  for (auto const& sentence : hay.sentences) CHECK(std::ranges::count(tokenizer.encode(sentence), 774) == 0);
}
