// Where llama.cpp was not found when the tool was built.

#include <string_view>

#include <headcount/core/error.hpp>

#include "gguf.hpp"

namespace tool {
namespace {

[[noreturn]] void refuse(std::filesystem::path const& file) {
  throw headcount::error{file.string(), "GGUF files are llama.cpp's, and this tool was built without it",
                         "a model folder; or run cmake/install_engine.sh llama, configure and build again"};
}

}  // namespace

loaded_model load_gguf(std::filesystem::path const& file) { refuse(file); }

void write_gguf(std::filesystem::path const&, std::filesystem::path const& output, std::string_view) { refuse(output); }

}  // namespace tool
