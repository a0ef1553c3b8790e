#pragma once

#include <array>
#include <cstddef>
#include <string>

#include <headcount/engine/llama_gguf_file.hpp>
#include <headcount/reference/architecture/take_blocks.hpp>

namespace headcount::v0::evaluate {

/// The sizes of Mamba-2 blocks under llama.cpp's keys.
inline void describe_mamba2(reference::mamba2_config const& config, gguf_file& made) {
  made.set("ssm.conv_kernel", config.convolution);
  made.set("ssm.inner_size", config.channels());
  made.set("ssm.state_size", config.states);
  made.set("ssm.group_count", config.groups);
  made.set("ssm.time_step_rank", config.heads);
}

/// What a block's maps are multiplied by: the parts of the first (z, x, B, C, dt), and the last.
struct mamba2_scales {
  std::array<float, 5> parts{1, 1, 1, 1, 1};
  float output = 1;
};

/// Mamba-2's tensors under llama.cpp's names.
inline void write_mamba2(reference::mamba2_config const& config, gguf_tensors& tensors, std::string const& from,
                         std::string const& to, mamba2_scales const& scales = {}) {
  auto const inputs = config.channels(), states = config.groups * config.states;  // rows of z, x; of B, C
  tensors.copy_scaled(from + "in_proj.weight", to + "ssm_in.weight",
                      {{inputs, scales.parts[0]},
                       {inputs, scales.parts[1]},
                       {states, scales.parts[2]},
                       {states, scales.parts[3]},
                       {config.heads, scales.parts[4]}});
  tensors.copy(from + "conv1d.weight", to + "ssm_conv1d.weight");
  tensors.copy_if_there(from + "conv1d.bias", to + "ssm_conv1d.bias");
  tensors.copy(from + "dt_bias", to + "ssm_dt.bias");
  tensors.copy_decay(from + "A_log", to + "ssm_a", {config.heads, 1});
  tensors.copy_as(from + "D", to + "ssm_d", {config.heads, 1});
  if (config.ending != reference::gated_norm::gated)
    tensors.copy_as(from + "norm.weight", to + "ssm_norm.weight", {config.groups, config.channels() / config.groups});
  tensors.copy_scaled(from + "out_proj.weight", to + "ssm_out.weight", {{0, scales.output}});
}

}  // namespace headcount::v0::evaluate
