// GGUF files in llama.cpp, unpatched. Compiled where llama.cpp was found.

#include "gguf.hpp"

#include <cctype>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <ggml.h>
#include <gguf.h>
#include <llama.h>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/engine/llama.hpp>
#include <headcount/engine/llama_gguf.hpp>
#include <headcount/engine/llama_tokenizer.hpp>
#include <headcount/file/utf8.hpp>
#include <headcount/reference/parallel.hpp>

namespace tool {

using namespace headcount;

namespace {

/// A value of the file's header that is a text; empty where there is none.
std::string text_of_key(llama_model const& model, char const* key) {
  std::string text(256, '\0');
  auto const size = llama_model_meta_val_str(&model, key, text.data(), text.size());
  text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return text;
}

/// The types of a file's tensors, e.g. "F32, Q8_0".
std::string dtypes_of(std::filesystem::path const& file) {
  std::unique_ptr<gguf_context, void (*)(gguf_context*)> const header{
      gguf_init_from_file(file.string().c_str(), {.no_alloc = true, .ctx = nullptr}), &gguf_free};
  std::set<std::string> all;
  for (std::int64_t i = 0; header && i < gguf_get_n_tensors(header.get()); ++i) {
    std::string name = ggml_type_name(gguf_get_tensor_type(header.get(), i));
    for (auto& letter : name) letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
    all.insert(std::move(name));
  }
  std::string list;
  for (auto const& one : all) add_to_list(list, one);
  return list;
}

}  // namespace

loaded_model load_gguf(std::filesystem::path const& file) {
  if (!std::filesystem::is_regular_file(file)) throw error{file.string(), "no such file", "a GGUF model"};
  evaluate::llama const engine{file, {.threads = reference::thread_count()}};
  auto const model = engine.model();
  loaded_model made{.name = reference::escaped_utf8(file.filename().string()),
                    .architecture = text_of_key(*model, "general.architecture"),
                    .model = engine};
  made.file = file;
  made.reader = {
      .model = made.name, .vocabulary = engine.vocabulary(), .tokenizer = evaluate::tokenizer_of_gguf(file, model)};
  made.end = evaluate::end_tokens_of(*model);
  made.longest = engine.context();
  made.parameters = llama_model_n_params(model.get());
  made.dtype = dtypes_of(file);
  made.fits = [engine](any_policy const& policy) { engine.validate(policy); };
  return made;
}

void write_gguf(std::filesystem::path const& folder, std::filesystem::path const& output, std::string_view dtype) {
  if (!std::filesystem::is_directory(folder))
    throw error{folder.string(), "no such model folder", "a folder with config.json and model.safetensors"};
  evaluate::write_gguf(folder, output,
                       dtype == "float16"    ? GGML_TYPE_F16
                       : dtype == "bfloat16" ? GGML_TYPE_BF16
                                             : GGML_TYPE_F32);
}

}  // namespace tool
