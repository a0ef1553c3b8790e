#pragma once

// Whole models in float64: dense, one sequence, all its tokens from position 0.

#include <cmath>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <headcount/core/token.hpp>
#include <headcount/reference/architecture/jamba.hpp>
#include <headcount/reference/architecture/recurrent_gemma.hpp>
#include <headcount/reference/model/config.hpp>

#include "float64.hpp"

namespace test::slow {

/// The nearest bfloat16: 8 significant bits, ties to even.
inline double to_bfloat16(double value) {
  int exponent = 0;
  double const fraction = std::frexp(value, &exponent);
  return std::ldexp(std::nearbyint(std::ldexp(fraction, 8)), exponent - 8);
}

inline gate_function function_of(headcount::reference::common_config const& config) {
  return config.function == headcount::reference::activation::silu ? gate_function::silu : gate_function::gelu;
}

inline rows embed(tensors const& from, std::vector<headcount::token> const& text, std::size_t width, double scale) {
  auto const& table = from["model.embed_tokens.weight"];
  rows x;
  for (auto const token : text) {
    x.emplace_back();
    for (std::size_t i = 0; i < width; ++i)
      x.back().push_back(scale * table[static_cast<std::size_t>(token) * width + i]);
  }
  return x;
}

/// Adds to x what `mixer(x normalised)` makes of all tokens and then what `feed_forward` makes of each.
template <class Norm, class Mixer, class FeedForward>
void run_layer(rows& x, Norm const& norm_of, std::string const& first, std::string const& second, Mixer const& mixer,
               FeedForward const& feed_forward) {
  rows normal;
  for (auto const& one : x) normal.push_back(norm_of(first, one));
  auto const mixed = mixer(normal);
  for (std::size_t token = 0; token < x.size(); ++token) {
    for (std::size_t i = 0; i < x[token].size(); ++i) x[token][i] += mixed[token][i];
    auto const fed = feed_forward(norm_of(second, x[token]));
    for (std::size_t i = 0; i < x[token].size(); ++i) x[token][i] += fed[i];
  }
}

inline rows head(tensors const& from, bool tied, rows const& x, double cap) {
  rows logits;
  for (auto const& one : x) {
    logits.push_back(linear(from[tied ? "model.embed_tokens.weight" : "lm_head.weight"], {}, one));
    if (cap > 0)
      for (auto& value : logits.back()) value = cap * std::tanh(value / cap);
  }
  return logits;
}

/// The attention weights of a pass by layer, each `[token * head, key]`; filled where a pass is given one.
using layer_weights = std::map<std::size_t, rows>;

/// Logits of every token, `[token, vocabulary]`.
inline rows logits(headcount::reference::recurrent_gemma_config const& config, tensors const& from,
                   std::vector<headcount::token> const& text, layer_weights* weights = nullptr) {
  auto const norm_of = [&](std::string const& name, row const& one) {
    return norm(from[name + ".weight"], 1, static_cast<double>(config.norm_epsilon), one);
  };
  auto x = embed(from, text, config.width, to_bfloat16(std::sqrt(static_cast<double>(config.width))));
  for (std::size_t at = 0; at < config.layers; ++at) {
    auto const name = "model.layers." + std::to_string(at) + ".";
    auto const mixer = [&](rows const& normal) {
      if (!config.attends[at]) return rg_lru(from, name + "temporal_block.", config.heads, normal);
      return attention(from, name + "temporal_block.",
                       {.heads = config.heads,
                        .key_value_heads = config.key_value_heads,
                        .dim = config.head_dim,
                        .window = config.window,
                        .rotated = config.rotated,
                        .base = config.rope_base,
                        .weights = weights == nullptr ? nullptr : &(*weights)[at]},
                       normal);
    };
    run_layer(x, norm_of, name + "temporal_pre_norm", name + "channel_pre_norm", mixer,
              [&](row const& one) { return mlp(from, name + "mlp_block.", function_of(config), one); });
  }
  for (auto& one : x) one = norm_of("model.final_norm", one);
  return head(from, config.tied_embeddings, x, static_cast<double>(config.logit_cap));
}

/// Logits of every token, `[token, vocabulary]`.
inline rows logits(headcount::reference::jamba_config const& config, tensors const& from,
                   std::vector<headcount::token> const& text, layer_weights* weights = nullptr) {
  auto const epsilon = static_cast<double>(config.norm_epsilon);
  auto const norm_of = [&](std::string const& name, row const& one) {
    return norm(from[name + ".weight"], 0, epsilon, one);
  };
  auto x = embed(from, text, config.width, 1);
  for (std::size_t at = 0; at < config.layers; ++at) {
    auto const name = "model.layers." + std::to_string(at) + ".";
    auto const mixer = [&](rows const& normal) {
      if (!config.attends[at]) return mamba(from, name + "mamba.", epsilon, normal);
      return attention(from, name + "self_attn.",
                       {.heads = config.heads,
                        .key_value_heads = config.key_value_heads,
                        .dim = config.head_dim,
                        .weights = weights == nullptr ? nullptr : &(*weights)[at]},
                       normal);
    };
    run_layer(x, norm_of, name + "input_layernorm", name + "pre_ff_layernorm", mixer, [&](row const& one) {
      return config.routes[at] ? experts(from, name + "feed_forward.", config.chosen_experts, function_of(config), one)
                               : mlp(from, name + "feed_forward.", function_of(config), one);
    });
  }
  for (auto& one : x) one = norm_of("model.final_layernorm", one);
  return head(from, config.tied_embeddings, x, 0);
}

}  // namespace test::slow
