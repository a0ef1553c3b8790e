// Any policy in llama.cpp, unpatched: its heads are chosen and masked in the callback that ggml makes for every node.
// llama_hook MODEL.gguf "entropy | top_k(5) @ generation" TOKEN...: the 12 tokens that follow.
#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <vector>

#include <headcount/adapt/ggml.hpp>
#include <headcount/headcount.hpp>

#include <llama.h>

using namespace headcount;

int main(int count, char** arguments) {
  if (count < 4) return std::fputs("usage: llama_hook MODEL.gguf SENTENCE TOKEN...\n", stderr), 2;
  auto const policy = parse_policy(arguments[2]);
  std::vector<llama_token> next;
  for (int i = 3; i < count; ++i) next.push_back(std::atoi(arguments[i]));

  llama_log_set([](ggml_log_level, char const*, void*) {}, nullptr);
  llama_backend_init();
  Dl_info library{};  // the devices that lie beside llama.cpp's library
  dladdr(reinterpret_cast<void*>(&llama_backend_init), &library);
  ggml_backend_load_all_from_path(std::filesystem::path{library.dli_fname}.parent_path().c_str());
  auto* const model = llama_model_load_from_file(arguments[1], llama_model_default_params());
  if (model == nullptr) return std::fputs("no model that llama.cpp loads\n", stderr), 2;
  std::function<bool(ggml_tensor&, bool)> visit;
  auto settings = llama_context_default_params();
  settings.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;  // the policy reads rows
  settings.cb_eval = [](ggml_tensor* node, bool ask, void* user) {
    return (*static_cast<std::function<bool(ggml_tensor&, bool)>*>(user))(*node, ask);
  };
  settings.cb_eval_user_data = &visit;
  auto* const context = llama_init_from_model(model, settings);

  // What follows is all that a policy asks of an engine's loop.
  ggml::cell_positions cells;
  kernel::no_observer nobody;
  scorer_state memory;
  for (std::size_t position = 0, made = 0; made < 12; ++made) {
    std::vector<ggml::batch_token> tokens;
    for (std::size_t i = 0; i < next.size(); ++i) tokens.push_back({.position = position++, .memory = &memory});
    ggml::hook hook{policy, made == 0 ? phase::prefill : phase::generation, ggml::batch{tokens}, cells, nobody};
    visit = [&](ggml_tensor& node, bool ask) { return hook.visit(node, ask); };
    llama_decode(context, llama_batch_get_one(next.data(), static_cast<int>(next.size())));
    llama_synchronize(context);
    hook.check();

    auto const* const logits = llama_get_logits_ith(context, -1);
    llama_token best = 0;
    for (llama_token id = 0; id < llama_vocab_n_tokens(llama_model_get_vocab(model)); ++id)
      if (logits[id] > logits[best]) best = id;
    next = {best};
    std::printf("%d ", best);
  }
  std::printf("\n");
  llama_free(context);
  llama_model_free(model);
}
