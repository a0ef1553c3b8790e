// config.json: whatever is read, every number is one that a model can be built with.

#include <cmath>

#include <nlohmann/json.hpp>

#include <headcount/file/config_reader.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/reference/architecture/jamba.hpp>
#include <headcount/reference/architecture/recurrent_gemma.hpp>
#include <headcount/reference/checkpoint/config_json.hpp>
#include <headcount/reference/model/config.hpp>

#include "target.hpp"

namespace {

using namespace headcount::reference;
using fuzz::require;

void check_common(common_config const& config) {
  for (auto const extent :
       {config.vocabulary, config.width, config.layers, config.heads, config.key_value_heads, config.intermediate})
    require(extent >= 1 && extent <= 1u << 24, "an extent that is 0 or huge");
  require(config.layers <= 1024, "too many layers");
  require(config.heads % config.key_value_heads == 0, "KV heads that do not divide the heads");
  require(config.norm_epsilon >= 0 && config.norm_epsilon <= 1, "an epsilon that is none");
  require(!config.bos || *config.bos >= 0, "a negative token");
  for (auto const id : config.eos) require(id >= 0, "a negative token");
}

void check(recurrent_gemma_config const& config) {
  check_common(config);
  for (auto const extent : {config.head_dim, config.lru_width, config.window, config.convolution_width})
    require(extent >= 1 && extent <= 1u << 24, "an extent that is 0 or huge");
  require(config.intermediate % 2 == 0, "an MLP that cannot be halved");
  require(config.lru_width % config.heads == 0, "a recurrence that does not fall into blocks");
  require(config.attends.size() == config.layers, "layers of no kind");
  require(config.rotated % 2 == 0 && config.rotated <= config.head_dim, "rotated features that are no pairs of a head");
  require(std::isfinite(config.rope_base) && config.rope_base > 0, "a rotary base that is none");
  require(std::isfinite(config.logit_cap) && config.logit_cap >= 0, "a cap that is none");
}

void check(jamba_config const& config) {
  check_common(config);
  require(config.width % config.heads == 0, "a width that does not fall into heads");
  require(config.attends.size() == config.layers && config.routes.size() == config.layers, "layers of no kind");
  for (auto const extent : {config.experts, config.chosen_experts, config.mamba_states, config.mamba_convolution,
                            config.mamba_channels, config.mamba_rank})
    require(extent >= 1, "an extent that is 0");
  for (bool const routes : config.routes)
    require(!routes || config.chosen_experts <= config.experts, "more experts chosen than there are");
}

}  // namespace

int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  nlohmann::json json;
  auto const config = fuzz::read_or_refuse([&] {
    json = parse_json("config.json", fuzz::text_of(data, size));
    return read_config("config.json", json);
  });
  if (!config) return 0;
  check_common(*config);
  if (json["model_type"] == "recurrent_gemma") check(read_recurrent_gemma({"config.json", json}));
  if (json["model_type"] == "jamba") check(read_jamba({"config.json", json}));
  return 0;
}
