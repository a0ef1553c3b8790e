#pragma once

#include <CLI/CLI.hpp>

namespace tool {

// Each adds one subcommand, which runs when it is parsed. Errors leave as headcount::error.
void add_inspect(CLI::App& app);
void add_decide(CLI::App& app);
void add_logits(CLI::App& app);
void add_generate(CLI::App& app);
void add_loglik(CLI::App& app);
void add_evaluate(CLI::App& app);
void add_sweep(CLI::App& app);
void add_merge(CLI::App& app);
void add_demo(CLI::App& app);
void add_rank(CLI::App& app);
void add_compact(CLI::App& app);
void add_train_predictor(CLI::App& app);
void add_compare(CLI::App& app);
void add_record(CLI::App& app);
void add_budget(CLI::App& app);
void add_bridge(CLI::App& app);
void add_heads(CLI::App& app);
void add_cost(CLI::App& app);
void add_list(CLI::App& app);
void add_explain(CLI::App& app);
void add_report(CLI::App& app);
void add_calibrate(CLI::App& app);
void add_masks(CLI::App& app);
void add_to_gguf(CLI::App& app);
void add_prove_off(CLI::App& app);

}  // namespace tool
