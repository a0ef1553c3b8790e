// load/tokenizer.hpp, special_tokens.hpp and tokenizer_json.hpp: a SentencePiece BPE with bytes, the tokenizer.json
// that transformers' converter makes of it, and the ids that Hugging Face's tokenizers gives for that.

#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/file/json_file.hpp>
#include <headcount/text/tokenizer.hpp>

#include <unit/reference/support/files.hpp>

using namespace headcount;
using reference::tokenizer;

namespace {

std::filesystem::path const goldens{HEADCOUNT_GOLDENS};

/// What is said of a small tokenizer.json with one of its keys as given; nothing when it is taken.
std::string fault(std::string const& at, nlohmann::json const& value) {
  nlohmann::json json{{"added_tokens", nlohmann::json::array()},
                      {"normalizer", {{"type", "Replace"}}},
                      {"pre_tokenizer", nullptr},
                      {"model",
                       {{"type", "BPE"},
                        {"byte_fallback", true},
                        {"unk_token", "?"},
                        {"vocab", {{"?", 0}, {"a", 1}, {"b", 2}, {"ab", 3}}},
                        {"merges", {"a b"}}}}};
  for (int byte = 0; byte < 256; ++byte) {
    constexpr auto digits = "0123456789ABCDEF";
    json["model"]["vocab"][std::string{"<0x"} + digits[byte / 16] + digits[byte % 16] + ">"] = 4 + byte;
  }
  json[nlohmann::json::json_pointer{at}] = value;
  test::temporary_folder const folder;
  auto const path = folder.write("tokenizer.json", json.dump());
  return test::message_of([&] { (void)tokenizer{path}.encode("ab"); });
}

}  // namespace

TEST_CASE("tokenizer: tokenizer.model and tokenizer.json give the ids of Hugging Face's tokenizers") {
  for (std::string const name : {"tokenizer_plain", "tokenizer_prefix"}) {  // without and with a space before a text
    CAPTURE(name);
    auto const folder = goldens / name;
    tokenizer const from_model{folder / "tokenizer.model"};
    tokenizer const from_json{folder / "tokenizer.json"};
    CHECK(from_model.bos() == 1);
    CHECK(from_json.bos() == 1);
    for (auto const& one : reference::read_json(folder / "ids.json")) {
      auto const text = one["text"].get<std::string>();
      auto const ids = one["ids"].get<std::vector<token>>();
      CAPTURE(text);
      CHECK(from_model.encode(text) == ids);
      CHECK(from_json.encode(text) == ids);
      CHECK(from_json.decode(ids) == from_model.decode(ids));
    }
  }
}

TEST_CASE("tokenizer: a special token stands for itself where the folder says so, and nowhere else") {
  test::temporary_folder const folder;
  std::filesystem::copy_file(goldens / "tokenizer_plain/tokenizer.model", folder.path() / "tokenizer.model");
  CHECK(tokenizer::of_folder(folder.path())->encode("<|bom|>").size() > 1);
  folder.write("tokenizer_config.json", R"({"added_tokens_decoder": {"7": {"content": "<|bom|>", "special": true},
    "8": {"content": "<|bom|><", "special": true}, "9": {"content": "a", "special": false}}})");
  auto const words = *tokenizer::of_folder(folder.path());
  CHECK(words.encode("<|bom|>") == std::vector<token>{7});
  CHECK(words.encode("<|bom|><|bom|>").front() == 8);  // the longest
  auto const around = words.encode("best<|bom|>best");
  auto const best = words.encode("best");
  REQUIRE(around.size() == 2 * best.size() + 1);
  CHECK(around[best.size()] == 7);
  CHECK(words.encode("a").front() != 9);
  folder.write("tokenizer_config.json", R"({"added_tokens_decoder": {"x": {"content": "<|bom|>"}}})");
  CHECK(test::contains(test::message_of([&] { (void)tokenizer::of_folder(folder.path()); }), "\"<|bom|>\" has no id"));
  folder.write("tokenizer_config.json", R"({"added_tokens_decoder": {"7": {}}})");
  CHECK(test::contains(test::message_of([&] { (void)tokenizer::of_folder(folder.path()); }), "has no content"));
  test::temporary_folder const empty;
  CHECK(!tokenizer::of_folder(empty.path()).has_value());
}

TEST_CASE("tokenizer: a tokenizer.json that is of another kind is refused by what it is") {
  CHECK(fault("/version", "1.0").empty());
  CHECK(test::contains(fault("/model/type", "WordPiece"), "its model is no BPE"));
  CHECK(test::contains(fault("/model/byte_fallback", false), "no byte_fallback"));
  CHECK(test::contains(fault("/pre_tokenizer", {{"type", "ByteLevel"}}),
                       "its pre_tokenizer is of the type \"ByteLevel\""));
  CHECK(test::contains(fault("/normalizer", {{"type", "NFKC"}}), "its normalizer is of the type \"NFKC\""));
  CHECK(test::contains(fault("/model/vocab", 3), "its vocab is no object"));
  CHECK(test::contains(fault("/model/merges/0", "ab"), "merge 0 is no pair"));
  CHECK(test::contains(fault("/model/vocab/c", 2), "two pieces have the id 2"));
  CHECK(test::contains(fault("/model/vocab/c", "2"), "\"c\" has no id"));
}
