#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/text/protobuf_writer.hpp>

namespace headcount::v0::reference {

namespace detail {

/// Reads the parts of a tokenizer.json that was converted from a SentencePiece model; throws where it was not.
class tokenizer_json {
 public:
  explicit tokenizer_json(std::filesystem::path const& path) : name_{path.string()}, json_(read_json(path)) {
    auto const& model = at(json_, "model");
    if (text(model, "type") != "BPE") fail("its model is no BPE");
    if (!model.contains("byte_fallback") || model["byte_fallback"] != true) fail("its BPE has no byte_fallback");
    add_steps("normalizer", "normalizers");
    add_steps("pre_tokenizer", "pretokenizers");
    if (!at(model, "vocab").is_object()) fail("its vocab is no object");
    for (auto const& [piece, id] : at(model, "vocab").items()) put(id, piece);
    if (json_.contains("added_tokens"))
      for (auto const& one : json_["added_tokens"]) {
        put(at(one, "id"), text(one, "content"));
        added_.insert(text(one, "content"));
      }
    unknown_ = text(model, "unk_token");
  }

  [[nodiscard]] std::map<std::uint32_t, std::string> const& pieces() const noexcept { return pieces_; }
  [[nodiscard]] std::string const& unknown() const noexcept { return unknown_; }
  [[nodiscard]] bool prepends_space() const noexcept { return prepends_space_; }

  [[nodiscard]] bool is_added(std::string const& piece) const { return added_.contains(piece); }

  /// The place of each piece among the merges: the earlier, the sooner it is made.
  [[nodiscard]] std::map<std::string, std::size_t, std::less<>> ranks() const {
    std::map<std::string, std::size_t, std::less<>> first;
    auto const& merges = at(json_["model"], "merges");
    for (std::size_t i = 0; i < merges.size(); ++i) {
      auto const& one = merges[i];
      std::string whole;
      if (one.is_array() && one.size() == 2 && one[0].is_string() && one[1].is_string()) {
        whole = one[0].get<std::string>() + one[1].get<std::string>();
      } else if (one.is_string() && one.get<std::string>().find(' ') != std::string::npos) {
        whole = one.get<std::string>();
        whole.erase(whole.find(' '), 1);  // SentencePiece has no space in its pieces
      } else {
        fail(text_of("merge ", i, " is no pair"));
      }
      first.emplace(std::move(whole), i);
    }
    return first;
  }

 private:
  [[noreturn]] void fail(std::string const& what) const {
    throw error{name_, what, "one converted from SentencePiece BPE, or a tokenizer.model beside it"};
  }
  [[nodiscard]] nlohmann::json const& at(nlohmann::json const& from, char const* key) const {
    if (!from.is_object() || !from.contains(key)) fail(text_of("it has no ", key));
    return from[key];
  }
  [[nodiscard]] std::string text(nlohmann::json const& from, char const* key) const {
    if (!at(from, key).is_string()) fail(text_of(key, " is no text"));
    return from[key].get<std::string>();
  }

  void put(nlohmann::json const& id, std::string const& piece) {
    if (!id.is_number_unsigned() || id >= 1u << 24u) fail(text_of("the piece ", in_quotes(piece), " has no id"));
    auto const [found, is_new] = pieces_.emplace(id.get<std::uint32_t>(), piece);
    if (!is_new && found->second != piece) fail(text_of("two pieces have the id ", id.get<std::uint32_t>()));
  }

  /// Spaces become U+2581, and one may go before a text: that is all that SentencePiece does here.
  void add_steps(char const* key, char const* list) {
    if (!json_.contains(key) || json_[key].is_null()) return;
    auto const& whole = json_[key];
    auto const one = text(whole, "type") == "Sequence" ? at(whole, list) : nlohmann::json::array({whole});
    for (auto const& step : one) {
      auto const type = text(step, "type");
      if (type == "Prepend") prepends_space_ = true;
      else if (type == "Metaspace") prepends_space_ |= step.value("prepend_scheme", "always") != "never";
      else if (type != "Replace") fail(text_of("its ", key, " is of the type ", in_quotes(type)));
    }
  }

  std::string name_;
  nlohmann::json json_;
  std::map<std::uint32_t, std::string> pieces_;
  std::set<std::string> added_;
  std::string unknown_;
  bool prepends_space_ = false;
};

}  // namespace detail

/// A SentencePiece model, serialised, that makes the same tokens as a tokenizer.json which transformers converted from
/// one: BPE with bytes for what it does not know, as Llama's and Jamba's. A piece's score is its place among the
/// merges. `bos` is the token that starts a text. Throws headcount::error that names what SentencePiece would do
/// otherwise.
[[nodiscard]] inline std::string sentencepiece_of(std::filesystem::path const& path, std::string_view bos) {
  enum kind : unsigned { normal = 1, unknown = 2, control = 3, unused = 5, byte = 6 };
  detail::tokenizer_json const file{path};
  auto const ranks = file.ranks();
  protobuf_writer model;
  std::uint32_t next = 0;
  auto const add = [&](std::string const& piece, kind what) {
    auto const rank = ranks.find(piece);
    protobuf_writer one;
    one.add_text(1, piece);
    one.add_float(2, rank == ranks.end() ? 0.0f : -static_cast<float>(rank->second));
    one.add_number(3, what);
    model.add_text(1, one.bytes());
    ++next;
  };
  bool has_unknown = false;
  for (auto const& [id, piece] : file.pieces()) {
    while (next < id) add(text_of("<no piece ", next, ">"), unused);
    bool const is_byte = piece.size() == 6 && piece.starts_with("<0x") && piece.ends_with('>');
    has_unknown |= piece == file.unknown();
    add(piece, piece == file.unknown() ? unknown : file.is_added(piece) ? control : is_byte ? byte : normal);
  }
  if (!has_unknown) add(file.unknown(), unknown);

  protobuf_writer trainer;
  constexpr unsigned bpe = 2;
  trainer.add_number(3, bpe);
  trainer.add_number(35, 1);  // byte_fallback
  trainer.add_text(45, file.unknown());
  trainer.add_text(46, bos);
  model.add_text(2, trainer.bytes());
  protobuf_writer normaliser;
  normaliser.add_text(1, "identity");
  normaliser.add_number(3, file.prepends_space() ? 1 : 0);
  normaliser.add_number(4, 0);  // remove_extra_whitespaces
  normaliser.add_number(5, 1);  // escape_whitespaces
  model.add_text(3, normaliser.bytes());
  return model.bytes();
}

}  // namespace headcount::v0::reference
