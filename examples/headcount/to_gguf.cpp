// headcount to-gguf: a model folder as a GGUF file, for llama.cpp.

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "commands.hpp"
#include "gguf.hpp"

namespace tool {

void add_to_gguf(CLI::App& app) {
  struct to_gguf_options {
    std::string model;
    std::string output;
    std::string dtype = "float32";
  };
  auto* const command = app.add_subcommand("to-gguf", "Write a model folder as a GGUF file, for llama.cpp");
  auto const chosen = std::make_shared<to_gguf_options>();
  command->add_option("MODEL", chosen->model, "folder with config.json and model.safetensors")->required();
  command->add_option("--output", chosen->output, "GGUF file to write")->required();
  command->add_option("--dtype", chosen->dtype, "of matrices")
      ->check(CLI::IsMember({"float32", "float16", "bfloat16"}))
      ->capture_default_str();
  command->footer("Example:\n  headcount to-gguf examples/models/tiny-jamba --output tiny-jamba.gguf");
  command->callback([chosen] { write_gguf(chosen->model, chosen->output, chosen->dtype); });
}

}  // namespace tool
