// tokenizer.hpp and sentencepiece_tokenizer.hpp: a SentencePiece BPE with bytes, the tokenizer.json that transformers'
// converter makes of it, and the ids that Hugging Face's tokenizers gives for that.

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
    }
  }
}

TEST_CASE(
    "sentencepiece_tokenizer, tokenizer_config: an added token stands for itself where the folder says so, special or "
    "not, and nowhere else") {
  test::temporary_folder const folder;
  std::filesystem::copy_file(goldens / "tokenizer_plain/tokenizer.model", folder.path() / "tokenizer.model");
  auto const read = [&] { return *tokenizer::of_folder(folder.path()); };
  auto const best = read().encode("best");
  CHECK(read().encode("<|bom|>").size() > 1);
  CHECK(read().bos() == 1);
  folder.write("tokenizer_config.json", R"({"added_tokens_decoder": {"7": {"content": "<|bom|>", "special": true},
    "8": {"content": "<|bom|><", "special": true}, "9": {"content": "a", "special": false, "single_word": true}}})");
  auto const words = read();
  CHECK(words.kind() == "SentencePiece");
  CHECK(words.encode("<|bom|>") == std::vector<token>{7});
  CHECK(words.encode("<|bom|><|bom|>").front() == 8);  // the longest
  CHECK(words.encode("\xff<|bom|>").back() == 7);      // no UTF-8
  auto const around = words.encode("best<|bom|>best");
  REQUIRE(around.size() == 2 * best.size() + 1);
  CHECK(around[best.size()] == 7);
  CHECK(words.encode("a") == std::vector<token>{9});
  CHECK(words.encode("ab").front() != 9);
  CHECK(words.bos() == 1);
  folder.write("tokenizer_config.json", R"({"add_bos_token": false})");
  CHECK(!read().bos());
  auto const fault = [&](char const* text) {
    folder.write("tokenizer_config.json", text);
    return test::message_of(read);
  };
  CHECK(test::contains(fault(R"({"added_tokens_decoder": {"x": {"content": "<|bom|>"}}})"),
                       "added_tokens_decoder.x: the key is no token id"));
  CHECK(test::contains(fault(R"({"added_tokens_decoder": {"7": {}}})"), "it has no \"content\""));
  CHECK(test::contains(fault(R"({"added_tokens_decoder": [7]})"), "added_tokens_decoder: it is [7]"));
  CHECK(test::contains(fault(R"({"add_eos_token": true})"), "add_eos_token: it is true (allowed: false)"));
  CHECK(test::contains(fault(R"({"split_special_tokens": true})"), "split_special_tokens: it is true"));
  CHECK(test::contains(fault("[]"), "it is [] (allowed: an object)"));
  test::temporary_folder const empty;
  CHECK(!tokenizer::of_folder(empty.path()).has_value());
}

TEST_CASE("tokenizer: of both files, tokenizer.json is read, as transformers does") {
  CHECK(tokenizer::of_folder(goldens / "tokenizer_plain")->kind() == "tokenizer.json");
}
