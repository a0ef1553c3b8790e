// json_tokenizer.hpp and text/json/ against Hugging Face's tokenizers: tests/golden/data/tokenizers holds files of
// published kinds over small vocabularies, and what the reference makes of 1,000 fuzzed texts with each
// (tests/text/make_tokenizers.mjs, fuzz_ids.mjs). HEADCOUNT_FUZZED names another folder of texts and ids, made now.

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/text/json/normal_form.hpp>
#include <headcount/text/json/pattern.hpp>
#include <headcount/text/json_tokenizer.hpp>

#include <unit/reference/support/files.hpp>

using namespace headcount;
using reference::json_tokenizer;

namespace {

std::filesystem::path const goldens = std::filesystem::path{HEADCOUNT_GOLDENS} / "tokenizers";

/// Ids as two digits of base 64 each.
std::vector<token> ids_of(std::string const& line) {
  std::string const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<token> ids;
  for (std::size_t i = 0; i + 1 < line.size(); i += 2)
    ids.push_back(static_cast<token>(64 * digits.find(line[i]) + digits.find(line[i + 1])));
  return ids;
}

/// A folder with a tokenizer.json of a few pieces, which a test changes.
class small_tokenizer {
 public:
  nlohmann::json json = nlohmann::json::parse(R"({"version": "1.0", "truncation": null, "padding": null,
    "added_tokens": [{"id": 5, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false,
      "normalized": false, "special": true}],
    "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": {"type": "Fuse"},
    "model": {"type": "BPE", "unk_token": "?", "vocab": {"?": 0, "a": 1, "b": 2, "ab": 3, "c": 4}, "merges": ["a b"]}})");
  test::temporary_folder folder{};

  [[nodiscard]] json_tokenizer read() const { return json_tokenizer{folder.write("tokenizer.json", json.dump())}; }
  /// What is said of the file with the value at a place; empty when it is read.
  [[nodiscard]] static std::string fault(std::string const& at, nlohmann::json const& value) {
    small_tokenizer one;
    one.json[nlohmann::json::json_pointer{at}] = value;
    return test::message_of([&] { (void)one.read().encode("ab"); });
  }
};

nlohmann::json const begins{
    {"type", "TemplateProcessing"},
    {"single", {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}}, {{"Sequence", {{"id", "A"}}}}}},
    {"pair", nlohmann::json::array()},
    {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {5}}, {"tokens", {"<s>"}}}}}}};

}  // namespace

TEST_CASE(
    "json_tokenizer, normalizer, pre_tokenizer, byte_pairs, added_tokens, token_decoder: 1,000 fuzzed texts of each "
    "published kind become the reference's ids") {
  auto const* const made_now = std::getenv("HEADCOUNT_FUZZED");
  auto const fuzzed = made_now != nullptr ? std::filesystem::path{made_now} : goldens;
  auto const texts = reference::read_json(fuzzed / "texts.json").get<std::vector<std::string>>();
  REQUIRE(texts.size() == 1000);
  std::size_t kinds = 0;
  for (auto const& folder : std::filesystem::directory_iterator{goldens}) {
    if (!folder.is_directory()) continue;
    ++kinds;
    auto const kind = folder.path().filename().string();
    CAPTURE(kind);
    json_tokenizer const words{folder.path() / "tokenizer.json"};
    std::ifstream lines{fuzzed / kind / "ids.txt"};
    auto const said = reference::read_json(fuzzed / kind / "said.json").get<std::vector<std::string>>();
    REQUIRE(said.size() == 100);
    std::size_t tokens = 0;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      std::string line;
      REQUIRE(std::getline(lines, line));
      auto const ids = ids_of(line);
      tokens += ids.size();
      CAPTURE(nlohmann::json(texts[i]).dump());
      CHECK(words.encode(texts[i]) == ids);
      if (i < said.size()) CHECK(words.decode(ids) == said[i]);
    }
    CHECK(tokens > 5000);
  }
  CHECK(kinds == 16);
}

TEST_CASE("fields, json_tokenizer: what is not implemented is an error that names it") {
  auto const fault = &small_tokenizer::fault;
  CHECK(fault("/version", "1.0").empty());
  for (auto const& [at, value, said] : std::vector<std::tuple<std::string, nlohmann::json, std::string>>{
           {"/stemmer", 1, "tokenizer.json: the field \"stemmer\" is not implemented"},
           {"/truncation", {{"max_length", 4}}, "truncation: it is {\"max_length\":4} (allowed: null)"},
           {"/padding", {{"pad_id", 4}}, "padding: it is"},
           {"/model/type", "WordPiece", "model: the type \"WordPiece\" is not implemented (allowed: BPE)"},
           {"/model/stemmer", 1, "model: the field \"stemmer\" is not implemented"},
           {"/model/dropout", 0.5, "model.dropout: it is 0.5"},
           {"/model/end_of_word_suffix", "</w>", "model.end_of_word_suffix: it is \"</w>\""},
           {"/model/unk_token", "nope", "model.unk_token: it is \"nope\""},
           {"/model/fuse_unk", 1, "model.fuse_unk: it is 1 (allowed: true, false)"},
           {"/model/vocab", 3, "model.vocab: it is no object"},
           {"/model/vocab/d", "2", "the piece \"d\" has no id"},
           {"/model/merges/0", "ab", "model.merges[0]: \"ab\" is no pair"},
           {"/model/merges/0", "a b c", "is no pair"},
           {"/model/merges/0", "a d", "the piece \"d\" is not in the vocabulary"},
           {"/model/merges/0", "a c", "the piece \"ac\" is not in the vocabulary"},
           {"/added_tokens/0/id", 9, "added_tokens[0]: the added token \"<s>\" has the id 9, and would be read as 5"},
           {"/added_tokens/0/stem", true, "added_tokens[0]: the field \"stem\" is not implemented"},
           {"/normalizer", {{"type", "Lowercase"}}, "normalizer: the type \"Lowercase\" is not implemented"},
           {"/normalizer", {{"type", "NFC"}, {"x", 1}}, "normalizer: the field \"x\" is not implemented"},
           {"/normalizer",
            {{"type", "Sequence"}, {"normalizers", {{{"type", "Nmt"}}}}},
            "normalizer.normalizers[0]: the type \"Nmt\""},
           {"/pre_tokenizer", {{"type", "Whitespace"}}, "pre_tokenizer: the type \"Whitespace\" is not implemented"},
           {"/pre_tokenizer",
            {{"type", "Split"}, {"pattern", {{"Regex", "("}}}, {"behavior", "Removed"}, {"invert", false}},
            "\"(\": end pattern with unmatched parenthesis"},
           {"/pre_tokenizer",
            {{"type", "Split"}, {"pattern", "a"}, {"behavior", "Removed"}, {"invert", false}},
            "pre_tokenizer.pattern: it is \"a\""},
           {"/pre_tokenizer",
            {{"type", "Split"}, {"pattern", {{"String", "a"}}}, {"behavior", "Kept"}, {"invert", false}},
            "pre_tokenizer.behavior: it is \"Kept\""},
           {"/pre_tokenizer", {{"type", "Digits"}}, "pre_tokenizer: it has no \"individual_digits\""},
           {"/pre_tokenizer",
            {{"type", "Metaspace"}, {"replacement", "__"}},
            "pre_tokenizer.replacement: it is \"__\""},
           {"/pre_tokenizer",
            {{"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", "last"}},
            "pre_tokenizer.prepend_scheme: it is \"last\""},
           {"/pre_tokenizer",
            {{"type", "Metaspace"}, {"replacement", "_"}, {"add_prefix_space", false}},
            "pre_tokenizer.add_prefix_space: it is false"},
           {"/decoder", {{"type", "WordPiece"}}, "decoder: the type \"WordPiece\" is not implemented"},
           {"/post_processor",
            {{"type", "BertProcessing"}},
            "post_processor: the type \"BertProcessing\" is not implemented"},
       }) {
    CAPTURE(at);
    CAPTURE(value.dump());
    auto const message = fault(at, value);
    CHECK_MESSAGE(test::contains(message, said), message);
  }
}

TEST_CASE("first_token: one token before the text is its BOS, and anything more is refused") {
  small_tokenizer one;
  CHECK(!one.read().bos());
  one.json["post_processor"] = begins;
  CHECK(one.read().bos() == 5);
  one.json["post_processor"] = {{"type", "Sequence"},
                                {"processors", {{{"type", "ByteLevel"}, {"trim_offsets", true}}, begins}}};
  CHECK(one.read().bos() == 5);
  auto more = begins;
  more["single"].push_back(begins["single"][0]);
  CHECK(test::contains(one.fault("/post_processor", more), "post_processor.single[2]: a token behind the text"));
  more = begins;
  more["single"].insert(more["single"].begin(), begins["single"][0]);
  CHECK(test::contains(one.fault("/post_processor", more), "single[1]: a second token before the text"));
  more = begins;
  more["special_tokens"].clear();
  CHECK(test::contains(one.fault("/post_processor", more), "special_tokens: it has no \"<s>\""));
}

TEST_CASE("json_tokenizer: what stands beside the file says whether a text begins with BOS") {
  small_tokenizer one;
  auto const bos = [&] { return one.read().bos(); };
  one.folder.write("config.json", R"({"bos_token_id": 4})");
  CHECK(bos() == 4);
  one.folder.write("tokenizer_config.json", R"({"bos_token": {"content": "c"}})");
  CHECK(bos() == 4);
  one.folder.write("tokenizer_config.json", R"({"bos_token": "<s>"})");
  CHECK(bos() == 5);
  one.folder.write("tokenizer_config.json", R"({"bos_token": "<s>", "add_bos_token": false})");
  CHECK(!bos());
  one.json["post_processor"] = begins;
  CHECK(!bos());
  one.folder.write("tokenizer_config.json", R"({"bos_token": "c", "add_bos_token": true})");
  CHECK(bos() == 4);
  one.folder.write("tokenizer_config.json", R"({"bos_token": "c"})");
  CHECK(bos() == 5);
  one.json["post_processor"] = nullptr;
  one.json["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
  CHECK(!bos());
}

TEST_CASE("added_token_list, tokenizer_config: tokens beside the file are added, special ones by name alone") {
  small_tokenizer one;
  CHECK(one.read().encode("<s>a<t>") == std::vector<token>{5, 1, 0, 0, 0});
  one.folder.write("tokenizer_config.json", R"({"added_tokens_decoder": {"6": {"content": "<t>", "lstrip": true},
    "5": {"content": "<s>", "rstrip": true, "special": true}}, "eos_token": "<e>", "pad_token": "b", "extra_special_tokens": ["<t>"]})");
  auto const words = one.read();
  CHECK(words.encode("a <t><s> a<e>ab") == std::vector<token>{1, 6, 5, 1, 7, 1, 2});  // "b" is special: no merge
  CHECK(words.decode(std::vector<token>{1, 6, 5, 3, 99, 4}) == "aabc");
  one.folder.write("tokenizer_config.json", R"({"added_tokens_decoder": {"9": {"content": "<t>"}}})");
  CHECK(test::contains(test::message_of([&] { (void)one.read(); }), "\"<t>\" has the id 9, and would be read as 6"));
}

TEST_CASE("byte_pairs: two pieces may share an id, as a sign and its byte in Gemma's files") {
  small_tokenizer one;
  one.json["model"]["vocab"]["d"] = 2;
  one.json["added_tokens"].clear();
  auto const words = one.read();
  CHECK(words.encode("dac") == std::vector<token>{2, 1, 4});
  CHECK(words.decode(std::vector<token>{2, 1}) == "ba");
}

TEST_CASE("json_tokenizer: what is no UTF-8 is read as U+FFFD, a maximal part at a time") {
  CHECK(small_tokenizer{}.read().encode("a\xff"
                                        "b") == std::vector<token>{1, 0, 2});
}

TEST_CASE("json_tokenizer: time is linear in a text, of any kind") {
  for (std::string const kind : {"qwen", "gemma", "metaspace_first", "gpt2"}) {
    CAPTURE(kind);
    json_tokenizer const words{goldens / kind / "tokenizer.json"};
    for (std::string const part : {" ", "a", "\n", "the heads ", "1", "▁", "<"}) {
      CAPTURE(part);
      auto const time_of = [&](std::size_t bytes) {
        std::string text;
        while (text.size() < bytes) text += part;
        auto const begin = std::chrono::steady_clock::now();
        CHECK(!words.encode(text).empty());
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      };
      // Quadratic time would take 256 times as long; noise on a busy machine does not.
      CHECK(time_of(std::size_t{1} << 17) < 64 * time_of(std::size_t{1} << 13) + 0.05);
    }
  }
}

TEST_CASE("pattern: one that goes back too often for the engine is told, never taken for no match") {
  auto const slow = reference::text_pattern::of_expression("(?:a|a)*(?:a|a)*(?:c|\\d)", "here");
  auto const text = std::string(40, 'a') + "b";
  auto const gives_up = "text: the tokenizer's pattern gives up: retry-limit-in-match over";
  CHECK_THROWS_WITH_AS((void)slow.begins(text), gives_up, error);
  CHECK_THROWS_WITH_AS((void)slow.spans(text), gives_up, error);
  CHECK(slow.begins("aac"));
  CHECK_FALSE(slow.begins("baac"));
  CHECK(slow.spans("baac").size() == 2);
}

TEST_CASE("normal_form: the forms of Unicode 9, which the reference's tables have") {
  using reference::in_normal_form;
  using reference::normal_form;
  CHECK(in_normal_form("e\u0301\u212b\ufb01", normal_form::nfc) == "\u00e9\u00c5\ufb01");
  CHECK(in_normal_form("\u00e9\ufb01", normal_form::nfd) == "e\u0301\ufb01");
  CHECK(in_normal_form("\ufb01e\u0301", normal_form::nfkc) == "fi\u00e9");
  CHECK(in_normal_form("\ufb01\u00e9", normal_form::nfkd) == "fie\u0301");
  CHECK(in_normal_form("\u32ff\ufb01", normal_form::nfkc) == "\u32fffi");       // of Unicode 12.1
  CHECK(in_normal_form("\ucc28\u11a7", normal_form::nfc) == "\ucc28\u11a7");    // no final consonant
  CHECK(in_normal_form("a\u07fd\u0334", normal_form::nfd) == "a\u07fd\u0334");  // no mark yet
  CHECK(in_normal_form(std::string_view{"a\0e\u0301", 5}, normal_form::nfc) == std::string_view{"a\0\u00e9", 4});
  CHECK(in_normal_form("", normal_form::nfc).empty());
}
