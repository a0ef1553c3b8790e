#pragma once

#include <filesystem>
#include <string>

#include <ggml.h>

#include <headcount/core/error.hpp>
#include <headcount/engine/llama_gguf_falcon_h1.hpp>
#include <headcount/engine/llama_gguf_granite.hpp>
#include <headcount/engine/llama_gguf_jamba.hpp>
#include <headcount/engine/llama_gguf_lfm2.hpp>
#include <headcount/engine/llama_gguf_qwen35.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/reference/checkpoint/checkpoint.hpp>
#include <headcount/reference/checkpoint/config_json.hpp>

namespace headcount::v0::evaluate {

/// Writes a model folder as a GGUF file, its matrices in one type. Throws headcount::error for an architecture whose
/// layout is not written, or that llama.cpp does not run.
inline void write_gguf(std::filesystem::path const& folder, std::filesystem::path const& output,
                       ggml_type matrices = GGML_TYPE_F32) {
  auto const path = folder / "config.json";
  auto const json = reference::read_config_json(path);
  reference::config_reader const file{path.string(), json};
  reference::checkpoint files{folder};
  if (file.is("model_type", "jamba")) return write_jamba(file, files, matrices).write(output);
  if (file.is("model_type", "lfm2")) return write_lfm2(file, files, matrices).write(output);
  if (file.is("model_type", "granitemoehybrid")) return write_granite_hybrid(file, files, matrices).write(output);
  if (file.is("model_type", "falcon_h1")) return write_falcon_h1(file, files, matrices).write(output);
  if (file.is("model_type", "qwen3_next"))
    return write_qwen35(file, reference::read_qwen3_next(file), files, matrices).write(output);
  if (file.is("model_type", "qwen3_5_text"))
    return write_qwen35(file, reference::read_qwen3_5(file), files, matrices).write(output);
  fail(path.string(), "this architecture is not written as GGUF",
       "model_type jamba, lfm2, granitemoehybrid, falcon_h1, qwen3_next, qwen3_5_text");
}

}  // namespace headcount::v0::evaluate
