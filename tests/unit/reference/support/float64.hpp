#pragma once

// The blocks of the reference models in float64, as plain loops over whole sequences from position 0: what the tests
// compare the library with. Nothing here is shared with it but the names of tensors.

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "tensors.hpp"

namespace test::slow {

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
inline double softplus(double x) { return x > 30 ? x : std::log1p(std::exp(x)); }
inline double silu(double x) { return x * sigmoid(x); }
inline double gelu(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
}

/// W x + b: `weight` is `[out, in]`, `bias` `[out]` or empty.
inline row linear(row const& weight, row const& bias, row const& x) {
  row y(weight.size() / x.size());
  for (std::size_t out = 0; out < y.size(); ++out) {
    y[out] = bias.empty() ? 0 : bias[out];
    for (std::size_t in = 0; in < x.size(); ++in) y[out] += weight[out * x.size() + in] * x[in];
  }
  return y;
}
/// The linear map called `name` in some tensors, with a bias where there is one.
inline row linear(tensors const& from, std::string const& name, row const& x) {
  return linear(from[name + ".weight"], from.bias(name + ".bias"), x);
}
inline rows linear(tensors const& from, std::string const& name, rows const& x) {
  rows y;
  for (auto const& one : x) y.push_back(linear(from, name, one));
  return y;
}

inline row norm(row const& weight, double offset, double epsilon, row const& x) {
  double squares = 0;
  for (auto const value : x) squares += value * value;
  row y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    y[i] = (weight[i] + offset) * x[i] / std::sqrt(squares / static_cast<double>(x.size()) + epsilon);
  return y;
}

inline row softmax(row x) {
  double const largest = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (auto& value : x) sum += value = std::exp(value - largest);
  for (auto& value : x) value /= sum;
  return x;
}

/// Pairs (i, i + n/2) of the first n features of a head as complex numbers, turned by position * base^(-2i / n).
inline void rotate(double* head, std::size_t rotated, double base, std::size_t position) {
  for (std::size_t i = 0; i < rotated / 2; ++i) {
    double const angle =
        static_cast<double>(position) / std::pow(base, 2 * static_cast<double>(i) / static_cast<double>(rotated));
    auto const turned = std::complex{head[i], head[i + rotated / 2]} * std::polar(1.0, angle);
    head[i] = turned.real();
    head[i + rotated / 2] = turned.imag();
  }
}

struct attention_shape {
  std::size_t heads = 1;
  std::size_t key_value_heads = 1;
  std::size_t dim = 1;
  std::optional<std::size_t> window{};
  std::size_t rotated = 0;
  double base = 10000;
  rows* weights = nullptr;  ///< gets a row of all keys for every token and head, `[token * head, key]`
};

/// Per-head outputs before the output projection, `[token, head * dim]`.
inline rows attend(attention_shape const& shape, rows queries, rows keys, rows const& values) {
  auto const dim = shape.dim;
  for (std::size_t token = 0; token < queries.size(); ++token) {
    for (std::size_t head = 0; head < shape.heads; ++head)
      rotate(&queries[token][head * dim], shape.rotated, shape.base, token);
    for (std::size_t head = 0; head < shape.key_value_heads; ++head)
      rotate(&keys[token][head * dim], shape.rotated, shape.base, token);
  }
  rows outputs(queries.size(), row(shape.heads * dim));
  for (std::size_t token = 0; token < queries.size(); ++token) {
    for (std::size_t head = 0; head < shape.heads; ++head) {
      auto const shared = head * shape.key_value_heads / shape.heads;
      std::vector<std::size_t> seen;
      for (std::size_t key = 0; key <= token; ++key)
        if (!shape.window || token - key < *shape.window) seen.push_back(key);
      row logits;
      for (auto const key : seen) {
        double product = 0;
        for (std::size_t i = 0; i < dim; ++i) product += queries[token][head * dim + i] * keys[key][shared * dim + i];
        logits.push_back(product / std::sqrt(static_cast<double>(dim)));
      }
      auto const weights = softmax(logits);
      if (shape.weights != nullptr) {
        auto& whole = shape.weights->emplace_back(queries.size());
        for (std::size_t n = 0; n < seen.size(); ++n) whole[seen[n]] = weights[n];
      }
      for (std::size_t n = 0; n < seen.size(); ++n)
        for (std::size_t i = 0; i < dim; ++i)
          outputs[token][head * dim + i] += weights[n] * values[seen[n]][shared * dim + i];
    }
  }
  return outputs;
}

inline rows attention(tensors const& from, std::string const& name, attention_shape const& shape, rows const& x) {
  return linear(from, name + "o_proj",
                attend(shape, linear(from, name + "q_proj", x), linear(from, name + "k_proj", x),
                       linear(from, name + "v_proj", x)));
}

/// y_t = bias + sum_i taps[channel][i] x_{t - width + 1 + i}, as PyTorch stores taps: `[channel, 1, width]`.
inline rows convolve(row const& taps, row const& bias, rows const& x) {
  auto const width = taps.size() / x.front().size();
  rows y = x;
  for (std::size_t token = 0; token < x.size(); ++token)
    for (std::size_t channel = 0; channel < x.front().size(); ++channel) {
      y[token][channel] = bias.empty() ? 0 : bias[channel];
      for (std::size_t back = 0; back < width && back <= token; ++back)
        y[token][channel] += taps[channel * width + width - 1 - back] * x[token - back][channel];
    }
  return y;
}

/// The recurrent block of RecurrentGemma.
inline rows rg_lru(tensors const& from, std::string const& name, std::size_t heads, rows const& x) {
  auto const u =
      convolve(from[name + "conv_1d.weight"], from[name + "conv_1d.bias"], linear(from, name + "linear_x", x));
  auto const width = u.front().size();
  auto const block = width / heads;
  auto const gate = [&](row const& weight, row const& bias, row const& input, std::size_t channel) {
    auto const first = channel / block * block;  // of the channel's head
    double sum = bias[channel];
    for (std::size_t i = 0; i < block; ++i) sum += input[first + i] * weight[(first + i) * block + channel % block];
    return sigmoid(sum);
  };
  auto const& input_weight = from[name + "rg_lru.input_gate_weight"];
  auto const& input_bias = from[name + "rg_lru.input_gate_bias"];
  auto const& recurrent_weight = from[name + "rg_lru.recurrent_gate_weight"];
  auto const& recurrent_bias = from[name + "rg_lru.recurrent_gate_bias"];
  auto const& parameter = from[name + "rg_lru.recurrent_param"];
  row hidden(width);
  rows y;
  for (std::size_t token = 0; token < x.size(); ++token) {
    for (std::size_t channel = 0; channel < width; ++channel) {
      double const input = gate(input_weight, input_bias, u[token], channel) * u[token][channel];
      double const decay =
          std::exp(-8 * gate(recurrent_weight, recurrent_bias, u[token], channel) * softplus(parameter[channel]));
      hidden[channel] = token == 0 ? input : decay * hidden[channel] + std::sqrt(1 - decay * decay) * input;
    }
    auto gated = linear(from, name + "linear_y", x[token]);
    for (std::size_t channel = 0; channel < width; ++channel) gated[channel] = gelu(gated[channel]) * hidden[channel];
    y.push_back(linear(from, name + "linear_out", gated));
  }
  return y;
}

/// Mamba-1 with Jamba's norms.
inline rows mamba(tensors const& from, std::string const& name, double epsilon, rows const& x) {
  auto const& a_log = from[name + "A_log"];
  auto const& skip = from[name + "D"];
  auto const channels = skip.size();
  auto const states = a_log.size() / channels;
  rows inputs;
  rows gates;
  for (auto const& both : linear(from, name + "in_proj", x)) {
    inputs.emplace_back(both.begin(), both.begin() + static_cast<std::ptrdiff_t>(channels));
    gates.emplace_back(both.begin() + static_cast<std::ptrdiff_t>(channels), both.end());
  }
  auto u = convolve(from[name + "conv1d.weight"], from.bias(name + "conv1d.bias"), inputs);
  rows hidden(channels, row(states));
  rows y;
  for (std::size_t token = 0; token < x.size(); ++token) {
    for (auto& value : u[token]) value = silu(value);
    auto const selected = linear(from, name + "x_proj", u[token]);
    auto const part = [&](std::size_t begin, std::size_t count, std::string const& which) {
      auto const first = selected.begin() + static_cast<std::ptrdiff_t>(begin);
      return norm(from[name + which + "_layernorm.weight"], 0, epsilon,
                  row(first, first + static_cast<std::ptrdiff_t>(count)));
    };
    auto const rank = selected.size() - 2 * states;
    auto const step = linear(from, name + "dt_proj", part(0, rank, "dt"));
    auto const b = part(rank, states, "b");
    auto const c = part(rank + states, states, "c");
    row out(channels);
    for (std::size_t channel = 0; channel < channels; ++channel) {
      double const dt = softplus(step[channel]);
      out[channel] = skip[channel] * u[token][channel];
      for (std::size_t n = 0; n < states; ++n) {
        auto& h = hidden[channel][n];
        h = std::exp(-dt * std::exp(a_log[channel * states + n])) * h + dt * b[n] * u[token][channel];
        out[channel] += c[n] * h;
      }
      out[channel] *= silu(gates[token][channel]);
    }
    y.push_back(linear(from, name + "out_proj", out));
  }
  return y;
}

enum class gate_function { gelu, silu };

inline row mlp(tensors const& from, std::string const& name, gate_function function, row const& x) {
  auto hidden = linear(from, name + "gate_proj", x);
  auto const up = linear(from, name + "up_proj", x);
  for (std::size_t i = 0; i < hidden.size(); ++i)
    hidden[i] = (function == gate_function::gelu ? gelu(hidden[i]) : silu(hidden[i])) * up[i];
  return linear(from, name + "down_proj", hidden);
}

/// The `chosen` likeliest experts' outputs, each times its probability; of equal ones the lower index is chosen.
inline row experts(tensors const& from, std::string const& name, std::size_t chosen, gate_function function,
                   row const& x) {
  auto const probability = softmax(linear(from, name + "router", x));
  row y(x.size());
  for (std::size_t expert = 0; expert < probability.size(); ++expert) {
    std::size_t before = 0;
    for (std::size_t other = 0; other < probability.size(); ++other)
      before +=
          probability[other] > probability[expert] || (probability[other] == probability[expert] && other < expert);
    if (before >= chosen) continue;
    auto const output = mlp(from, name + "experts." + std::to_string(expert) + ".", function, x);
    for (std::size_t i = 0; i < y.size(); ++i) y[i] += probability[expert] * output[i];
  }
  return y;
}

}  // namespace test::slow
