// headcount cost: what a policy saves and what it cannot, from a configuration alone.

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <fmt/core.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <headcount/cost/model_cost.hpp>
#include <headcount/cost/model_memory.hpp>
#include <headcount/cost/roofline.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/reference/checkpoint/config_json.hpp>

#include "commands.hpp"
#include "machine.hpp"
#include "sentences.hpp"

namespace tool {
namespace {

using namespace headcount;
using evaluate::block_cost;
using evaluate::pass_cost;

struct cost_options {
  std::string model;
  std::string policy;
  std::size_t context = 0;
  double bandwidth = 0;  // GB a second
  double flops = 0;      // GFLOP a second
  bool measure = false;
  bool json = false;

  [[nodiscard]] evaluate::machine_rates rates() const {
    auto rates = measure ? measure_machine() : evaluate::machine_rates{};
    if (bandwidth > 0) rates.bandwidth = bandwidth * 1e9;
    if (flops > 0) rates.flops = flops * 1e9;
    return rates;
  }
};

nlohmann::ordered_json to_json(pass_cost const& pass, pass_cost const& dense) {
  nlohmann::ordered_json json{{"flops", pass.sum(&block_cost::flops)},
                              {"flops_dense", dense.sum(&block_cost::flops)},
                              {"bytes_read", pass.sum(&block_cost::bytes)},
                              {"bytes_read_dense", dense.sum(&block_cost::bytes)},
                              {"blocks", nlohmann::ordered_json::array()}};
  for (auto const& block : pass.blocks) {
    nlohmann::ordered_json one{
        {"layer", block.layer}, {"kind", block.kind}, {"flops", block.flops}, {"bytes_read", block.bytes}};
    if (block.kept) {
      one["heads_kept"] = {block.kept->least, block.kept->most};
      one["cache_bytes"] = block.cache;
      one["cache_bytes_freeable"] = block.freeable;
    }
    json["blocks"].push_back(one);
  }
  return json;
}

void print_pass(std::string_view name, pass_cost const& pass, pass_cost const& dense) {
  fmt::print("{}: at most {:.4g} FLOPs ({:.4g} dense), {:.4g} bytes read ({:.4g} dense)\n", name,
             static_cast<double>(pass.sum(&block_cost::flops)), static_cast<double>(dense.sum(&block_cost::flops)),
             static_cast<double>(pass.sum(&block_cost::bytes)), static_cast<double>(dense.sum(&block_cost::bytes)));
  fmt::print("  {:>5}  {:<10}{:>8}{:>12}{:>12}{:>12}{:>12}\n", "layer", "block", "heads", "FLOPs", "bytes", "cache",
             "freeable");
  for (auto const& block : pass.blocks) {
    auto const heads = !block.kept ? std::string{}
                       : block.kept->least == block.kept->most
                           ? fmt::format("{}", block.kept->most)
                           : fmt::format("{}-{}", block.kept->least, block.kept->most);
    fmt::print("  {:>5}  {:<10}{:>8}{:>12.4g}{:>12.4g}{:>12}{:>12}\n", block.layer, block.kind, heads,
               static_cast<double>(block.flops), static_cast<double>(block.bytes), block.cache, block.freeable);
  }
}

void print_cost(cost_options const& chosen) {
  auto const policy = read_policy(chosen.policy);
  std::filesystem::path path{chosen.model};
  if (std::filesystem::is_directory(path)) path /= "config.json";
  auto const config = reference::read_config(path);
  auto const rates = chosen.rates();
  bool const is_timed = rates.bandwidth > 0 || rates.flops > 0;
  auto const memory = evaluate::memory_of(config, chosen.context);
  nlohmann::ordered_json out{{"policy", print(policy)}, {"context", chosen.context}};
  out["memory"] = {{"weights", memory.weights}, {"copies", memory.copies},   {"cache", memory.cache},
                   {"state", memory.state},     {"working", memory.working}, {"sum", memory.sum()}};
  if (is_timed) out["rates"] = {{"bytes_per_second", rates.bandwidth}, {"flops_per_second", rates.flops}};
  for (auto const when : {phase::prefill, phase::generation}) {
    auto const pass = evaluate::cost_of(config, policy, when, chosen.context);
    auto const full = evaluate::cost_of(config, dense, when, chosen.context);
    if (chosen.json) out[std::string{name_of(when)}] = to_json(pass, full);
    else print_pass(when == phase::prefill ? "prefill" : "generation, one token", pass, full);
    if (is_timed) {
      auto const tokens = when == phase::prefill ? chosen.context : 1;
      auto const seconds = evaluate::least_seconds(pass, rates) / static_cast<double>(tokens);
      auto const seconds_dense = evaluate::least_seconds(full, rates) / static_cast<double>(tokens);
      auto& timed = out[std::string{name_of(when)}];
      timed["least_seconds_per_token"] = seconds;
      timed["least_seconds_per_token_dense"] = seconds_dense;
      if (!chosen.json) fmt::print("  at least {:.3g} seconds a token ({:.3g} dense)\n", seconds, seconds_dense);
    }
    if (when == phase::prefill) continue;
    out["cache_bytes_dense"] = full.sum(&block_cost::cache);
    out["cache_bytes_freeable"] = pass.sum(&block_cost::freeable);
    if (!chosen.json)
      fmt::print("cache in generation: {} of {} bytes can be freed\n", pass.sum(&block_cost::freeable),
                 full.sum(&block_cost::cache));
  }
  if (chosen.json) {
    fmt::print("{}\n", headcount::reference::json_text(out, 2));
    return;
  }
  auto const gigabytes = [](std::size_t bytes) { return static_cast<double>(bytes) * 1e-9; };
  fmt::print(
      "memory: {:.3f} GB; {:.3f} GB of weights and {:.3f} GB of copies; {:.3f} GB of cache, {:.3f} GB of state and "
      "{:.3f} GB to work with for a sequence\n",
      gigabytes(memory.sum()), gigabytes(memory.weights), gigabytes(memory.copies), gigabytes(memory.cache),
      gigabytes(memory.state), gigabytes(memory.working));
  if (is_timed)
    fmt::print("rates: {:.3g} GB and {:.3g} GFLOP a second{}\n", rates.bandwidth * 1e-9, rates.flops * 1e-9,
               rates.bandwidth > 0 && rates.flops > 0 ? "" : "; 0 is unknown and bounds nothing");
}

}  // namespace

void add_cost(CLI::App& app) {
  auto* const command =
      app.add_subcommand("cost", "Say what a policy computes, reads and frees, from a config.json alone");
  auto const chosen = std::make_shared<cost_options>();
  command->add_option("--model", chosen->model, "model folder, or a config.json")->required();
  command->add_option("--policy", chosen->policy, "sentence, e.g. \"entropy | top_k(5) @ generation\"")->required();
  command->add_option("--context", chosen->context, "tokens of the prefill, and those that a generated token sees")
      ->required()
      ->check(CLI::Range(1, 1 << 20));
  auto const positive = CLI::Range(1e-6, 1e9);
  command->add_option("--bandwidth", chosen->bandwidth, "GB a second that the machine reads: adds the least seconds")
      ->check(positive);
  command->add_option("--flops", chosen->flops, "GFLOP a second that it computes, likewise")->check(positive);
  command->add_flag("--measure", chosen->measure, "measure what is not given of the two, on this machine");
  command->add_flag("--json", chosen->json, "print JSON");
  command->footer(
      "Products alone are counted, 2 FLOPs a multiplication and addition; weights and cache are bfloat16. Memory is "
      "that\n"
      "of this tool, whose caches and states are float32. Seconds are a lower bound, for a sequence alone.\n\n"
      "Example:\n  headcount cost --model examples/models/tiny-jamba --policy \"entropy | top_k(5)\" --context 4096");
  command->callback([chosen] { print_cost(*chosen); });
}

}  // namespace tool
