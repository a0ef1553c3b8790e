#pragma once

#include <dlfcn.h>

#include <filesystem>
#include <string>

#include <ggml-backend.h>
#include <llama.h>

#include <headcount/core/text.hpp>

namespace headcount::v0::evaluate::llama_detail {

/// What llama.cpp last complained of.
inline std::string& complaint() {
  static std::string text;
  return text;
}

/// Starts llama.cpp once: quiet, with the devices that lie beside its library where the program has none linked.
inline void start_backend() {
  static bool const started = [] {
    llama_log_set(
        [](ggml_log_level level, char const* text, void*) {
          if (level == GGML_LOG_LEVEL_ERROR) complaint() = on_one_line(text);
        },
        nullptr);
    llama_backend_init();
    if (ggml_backend_dev_count() == 0) {
      Dl_info about{};
      if (dladdr(reinterpret_cast<void*>(&ggml_backend_load_all_from_path), &about) != 0)
        ggml_backend_load_all_from_path(std::filesystem::path{about.dli_fname}.parent_path().c_str());
    }
    return true;
  }();
  static_cast<void>(started);
}

struct free_it {
  void operator()(llama_model* model) const { llama_model_free(model); }
  void operator()(llama_context* context) const { llama_free(context); }
};

}  // namespace headcount::v0::evaluate::llama_detail
