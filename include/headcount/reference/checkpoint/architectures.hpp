#pragma once

#include <array>
#include <string>
#include <string_view>

#include <headcount/core/text.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/reference/architecture/bamba.hpp>
#include <headcount/reference/architecture/falcon_h1.hpp>
#include <headcount/reference/architecture/granite_hybrid.hpp>
#include <headcount/reference/architecture/jamba.hpp>
#include <headcount/reference/architecture/lfm2.hpp>
#include <headcount/reference/architecture/nemotron_h.hpp>
#include <headcount/reference/architecture/olmo_hybrid.hpp>
#include <headcount/reference/architecture/qwen3_next.hpp>
#include <headcount/reference/architecture/recurrent_gemma.hpp>
#include <headcount/reference/architecture/zamba2.hpp>
#include <headcount/reference/model/config.hpp>

namespace headcount::v0::reference {

/// A model type that can be read.
struct architecture {
  std::string_view type;   ///< model_type of its config.json
  std::string_view mixes;  ///< tokens, beside attention
  std::string_view reads;  ///< what of its files is run
  model_config (*read)(config_reader const&);
};

/// All model types that can be read: the one list of them.
inline constexpr std::array architectures{
    architecture{"recurrent_gemma", "RG-LRU", "sliding-window attention with rotary positions, gated MLP",
                 [](config_reader const& file) { return model_config{read_recurrent_gemma(file)}; }},
    architecture{"jamba", "Mamba", "attention without positions, experts and MLP",
                 [](config_reader const& file) { return model_config{read_jamba(file)}; }},
    architecture{"qwen3_next", "gated DeltaNet",
                 "attention with gates, norms and partial rotary positions, experts and MLP",
                 [](config_reader const& file) { return model_config{read_qwen3_next(file)}; }},
    architecture{"qwen3_5_text", "gated DeltaNet",
                 "attention with gates, norms and partial rotary positions, gated MLP",
                 [](config_reader const& file) { return model_config{read_qwen3_5(file)}; }},
    architecture{"qwen3_5", "gated DeltaNet", "the text part, as qwen3_5_text; vision is left out",
                 [](config_reader const& file) { return model_config{read_qwen3_5(file)}; }},
    architecture{"granitemoehybrid", "Mamba-2",
                 "attention with or without positions, experts beside an MLP, multipliers",
                 [](config_reader const& file) { return model_config{read_granite_hybrid(file)}; }},
    architecture{"nemotron_h", "Mamba-2",
                 "layers of one block each: attention without positions, MLP without gate, experts",
                 [](config_reader const& file) { return model_config{read_nemotron_h(file)}; }},
    architecture{"lfm2", "gated short convolution", "attention with norms and rotary positions, gated MLP",
                 [](config_reader const& file) { return model_config{read_lfm2(file)}; }},
    architecture{"falcon_h1", "Mamba-2", "attention beside it in every layer, multipliers",
                 [](config_reader const& file) { return model_config{read_falcon_h1(file)}; }},
    architecture{"bamba", "Mamba-2", "attention with rotary positions on half of each head, gated MLP",
                 [](config_reader const& file) { return model_config{read_bamba(file)}; }},
    architecture{"zamba2", "Mamba-2", "shared attention blocks with adapters, which the recurrence reads",
                 [](config_reader const& file) { return model_config{read_zamba2(file)}; }},
    architecture{"olmo_hybrid", "gated DeltaNet", "attention with norms after it, with or without positions",
                 [](config_reader const& file) { return model_config{read_olmo_hybrid(file)}; }},
};

/// The names of them, in one line.
[[nodiscard]] inline std::string model_types() {
  std::string types;
  for (auto const& one : architectures) add_to_list(types, one.type);
  return types;
}

}  // namespace headcount::v0::reference
