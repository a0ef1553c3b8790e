#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/token.hpp>
#include <headcount/text/pair_texts.hpp>

namespace headcount::v0::evaluate {

/// Any tokenizer, chosen at run time. Copies share it.
class any_tokenizer {
 public:
  template <text_tokenizer Words>
    requires(!std::same_as<Words, any_tokenizer>)
  any_tokenizer(Words words) {
    auto const held = std::make_shared<Words const>(std::move(words));
    bos_ = held->bos();
    encode_ = [held](std::string_view text) { return held->encode(text); };
    decode_ = [held](std::span<token const> tokens) { return held->decode(tokens); };
  }

  [[nodiscard]] std::optional<token> bos() const noexcept { return bos_; }
  [[nodiscard]] std::vector<token> encode(std::string_view text) const { return encode_(text); }
  [[nodiscard]] std::string decode(std::span<token const> tokens) const { return decode_(tokens); }

 private:
  std::optional<token> bos_;
  std::function<std::vector<token>(std::string_view)> encode_;
  std::function<std::string(std::span<token const>)> decode_;
};

static_assert(text_tokenizer<any_tokenizer>);

}  // namespace headcount::v0::evaluate
