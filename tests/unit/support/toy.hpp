#pragma once

// An engine and a tokenizer of a few lines: tasks are tested on them against loops that share nothing.

#include <cctype>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <headcount/core/random.hpp>
#include <headcount/core/token.hpp>
#include <headcount/engine/language_model.hpp>
#include <headcount/policy/any_policy.hpp>

namespace test {

using headcount::token;

inline constexpr std::size_t toy_vocabulary = 840;

/// Tokens are words with the spaces before them, or single other signs, hashed; BOS is 1.
struct toy_tokenizer {
  [[nodiscard]] std::optional<token> bos() const { return 1; }
  [[nodiscard]] std::vector<token> encode(std::string_view text) const {
    std::vector<token> tokens;
    for (std::size_t at = 0; at < text.size();) {
      auto const begin = at;
      while (at < text.size() && text[at] == ' ') ++at;
      if (at < text.size()) ++at;
      auto const is_word = [&](std::size_t i) { return std::isalnum(static_cast<unsigned char>(text[i])) != 0; };
      while (at < text.size() && is_word(at - 1) && is_word(at)) ++at;
      std::uint64_t hash = 7;
      for (char const sign : text.substr(begin, at - begin))
        hash = headcount::mix_bits(hash + static_cast<unsigned char>(sign));
      tokens.push_back(static_cast<token>(2 + hash % (toy_vocabulary - 2)));
    }
    return tokens;
  }
  [[nodiscard]] std::string decode(std::span<token const> tokens) const {
    std::string text;
    for (auto const one : tokens) text += std::to_string(one) + " ";
    return text;
  }
};

/// Logits are a hash of all that was read, of the policies that it was read under, and of the row where they look at
/// nothing: whatever is read wrongly, twice or under another policy shows.
class toy_model {
 public:
  using state = std::uint64_t;

  [[nodiscard]] std::size_t vocabulary() const { return toy_vocabulary; }
  [[nodiscard]] state start() const { return 5; }

  static void read(state& so_far, token next, headcount::phase when, headcount::any_policy const& policy) {
    auto const acts = policy.where.during.value_or(when) == when && print(policy) != "dense";
    std::uint64_t salt = 0;
    if (acts)
      for (char const sign : print(policy)) salt = headcount::mix_bits(salt + static_cast<unsigned char>(sign));
    so_far = headcount::mix_bits(so_far + static_cast<std::uint64_t>(next) + salt);
  }
  [[nodiscard]] static std::vector<float> logits(state so_far) {
    std::vector<float> values;
    for (std::size_t id = 0; id < toy_vocabulary; ++id)
      values.push_back(static_cast<float>(headcount::mix_bits(so_far ^ (id + 1)) >> 40) * 0x1p-24f * 5);
    return values;
  }

  void run(std::span<headcount::evaluate::step<state> const> steps, headcount::evaluate::pass const& how,
           headcount::any_policy const& policy, headcount::evaluate::logits_user const& use) const {
    for (std::size_t i = 0; i < steps.size(); ++i)
      for (std::size_t t = 0; t < steps[i].tokens.size(); ++t) {
        read(*steps[i].state, steps[i].tokens[t], how.phase, policy);
        if (how.every_token || t + 1 == steps[i].tokens.size()) use(i, t, logits(*steps[i].state));
      }
  }
};

/// ln of a continuation's probability after a prompt, read token by token, in float64.
[[nodiscard]] inline double toy_log_likelihood(std::span<token const> prompt, std::span<token const> continuation,
                                               headcount::any_policy const& policy,
                                               headcount::phase continuation_is = headcount::phase::prefill) {
  auto so_far = toy_model{}.start();
  for (auto const one : prompt) toy_model::read(so_far, one, headcount::phase::prefill, policy);
  double nats = 0;
  for (auto const one : continuation) {
    auto const logits = toy_model::logits(so_far);
    double sum = 0;
    for (double const logit : logits) sum += std::exp(logit);
    nats += static_cast<double>(logits[static_cast<std::size_t>(one)]) - std::log(sum);
    toy_model::read(so_far, one, continuation_is, policy);
  }
  return nats;
}

}  // namespace test
