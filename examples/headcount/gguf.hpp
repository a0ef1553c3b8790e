#pragma once

// GGUF files, in llama.cpp: gguf.cpp where it was found, no_gguf.cpp elsewhere.

#include <filesystem>
#include <string_view>

#include "engine.hpp"

namespace tool {

/// A GGUF file as a model. Throws headcount::error when it cannot be loaded, or llama.cpp is not there to do it.
[[nodiscard]] loaded_model load_gguf(std::filesystem::path const& file);

/// Writes a model folder as a GGUF file, matrices in "float32", "float16" or "bfloat16". Throws headcount::error when
/// its layout is not written, or llama.cpp, whose functions write it, is not there.
void write_gguf(std::filesystem::path const& folder, std::filesystem::path const& output, std::string_view dtype);

}  // namespace tool
