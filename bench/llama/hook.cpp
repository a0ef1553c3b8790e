// Question: what does a policy in llama.cpp's callback cost a token, beside llama.cpp without one?
// bench_llama_hook [MODEL.gguf]: tiny-jamba when left out. Each contender has a context of its own, all in step.

#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <headcount/adapt/ggml.hpp>
#include <headcount/engine/llama_backend.hpp>
#include <headcount/engine/llama_gguf.hpp>
#include <headcount/sentence/parse.hpp>

#include <llama.h>

namespace {

using namespace headcount;
using evaluate::llama_detail::free_it;

/// A context that generates under a policy, or without any callback.
class contender {
 public:
  contender(llama_model* model, std::string sentence) : name{std::move(sentence)} {
    auto settings = llama_context_default_params();
    settings.n_ctx = 1024;
    settings.n_threads = settings.n_threads_batch = 1;
    settings.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    if (!name.empty()) {
      policy_ = parse_policy(name);
      settings.cb_eval = [](ggml_tensor* node, bool ask, void* user) {
        return (*static_cast<std::function<bool(ggml_tensor&, bool)>*>(user))(*node, ask);
      };
      settings.cb_eval_user_data = &visit_;
    }
    context_.reset(llama_init_from_model(model, settings));
  }
  contender(contender const&) = delete;
  contender& operator=(contender const&) = delete;

  /// Reads tokens and keeps how long that took, in seconds.
  void read(std::vector<llama_token> tokens, phase when) {
    auto const begin = std::chrono::steady_clock::now();
    auto const batch = llama_batch_get_one(tokens.data(), static_cast<std::int32_t>(tokens.size()));
    if (name.empty()) {
      llama_decode(context_.get(), batch);
    } else {
      std::vector<ggml::batch_token> own;
      for (std::size_t i = 0; i < tokens.size(); ++i) own.push_back({.position = position_++, .memory = &memory_});
      ggml::hook hook{policy_, when, ggml::batch{std::move(own)}, cells_, nobody_};
      visit_ = [&](ggml_tensor& node, bool ask) { return hook.visit(node, ask); };
      llama_decode(context_.get(), batch);
      llama_synchronize(context_.get());
      hook.check();
    }
    llama_synchronize(context_.get());
    std::chrono::duration<double> const seconds = std::chrono::steady_clock::now() - begin;
    if (when == phase::generation) taken_.push_back(seconds.count());
  }

  [[nodiscard]] double median() {
    std::ranges::nth_element(taken_, taken_.begin() + static_cast<std::ptrdiff_t>(taken_.size() / 2));
    return taken_[taken_.size() / 2];
  }

  std::string name;

 private:
  any_policy policy_{dense};
  ggml::cell_positions cells_;
  kernel::no_observer nobody_;
  scorer_state memory_;
  std::function<bool(ggml_tensor&, bool)> visit_;
  std::unique_ptr<llama_context, free_it> context_;
  std::size_t position_ = 0;
  std::vector<double> taken_;
};

}  // namespace

int main(int count, char** arguments) {
  evaluate::llama_detail::start_backend();
  std::filesystem::path file = count > 1 ? arguments[1] : "";
  if (file.empty()) {
    file = std::filesystem::temp_directory_path() / "headcount-bench.gguf";
    evaluate::write_gguf(HEADCOUNT_MODELS "/tiny-jamba", file);
  }
  std::unique_ptr<llama_model, free_it> const model{
      llama_model_load_from_file(file.string().c_str(), llama_model_default_params())};
  if (count < 2) std::filesystem::remove(file);
  if (!model) return std::fprintf(stderr, "%s: llama.cpp cannot load it\n", file.string().c_str()), 2;

  std::deque<contender> all;
  for (auto const* sentence : {"", "dense", "random | top_k(5)", "entropy | top_k(5)"})
    all.emplace_back(model.get(), sentence);
  auto const word = [&](std::size_t i) {
    return static_cast<llama_token>(
        3 + i * 37 % static_cast<std::size_t>(llama_vocab_n_tokens(llama_model_get_vocab(model.get())) - 3));
  };
  std::vector<llama_token> prompt;
  for (std::size_t i = 0; i < 240; ++i) prompt.push_back(word(i));
  for (auto& one : all) one.read(prompt, phase::prefill);
  for (std::size_t i = 0; i < 600; ++i)
    for (auto& one : all) one.read({word(i)}, phase::generation);
  std::printf("%-36s%8s\n", "a token under", "x without callback");
  for (std::size_t i = 1; i < all.size(); ++i)
    std::printf("%-36s%8.2f\n", all[i].name.c_str(), all[i].median() / all[0].median());
}
