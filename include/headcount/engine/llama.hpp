#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <ggml-backend.h>
#include <llama.h>

#include <headcount/adapt/ggml.hpp>
#include <headcount/core/error.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/engine/language_model.hpp>
#include <headcount/engine/llama_backend.hpp>
#include <headcount/engine/llama_state.hpp>
#include <headcount/engine/observed.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/scorer_state.hpp>
#include <headcount/policy/validate.hpp>

namespace headcount::v0::evaluate {

/// How llama.cpp is run.
struct llama_options {
  std::size_t threads = 0;          ///< 0: as many as the machine has
  std::size_t context = 4096;       ///< tokens of a sequence at most; less where the model was trained for less
  std::size_t ubatch = 512;         ///< tokens that are computed together
  ggml_type cache = GGML_TYPE_F32;  ///< of keys and values; llama.cpp's own default is GGML_TYPE_F16
  bool flash_attention = false;     ///< on: policies that read rows are refused
  bool replay = false;              ///< go back to a state by reading its tokens again, as where it cannot be copied
  ggml_backend_sched_eval_callback next = nullptr;  ///< a callback of one's own, called after the policy's
  void* next_data = nullptr;
};

/// A GGUF model in llama.cpp, unpatched, as a language model that shows its attention: policies and edits act through
/// its eval callback (see adapt/ggml.hpp). One sequence is in the context at a time; others are kept as the bytes of
/// llama_state_seq_get_data, so that one prefill serves every policy, or, where an architecture cannot copy its state,
/// are read again (`replays`). Copies share the model and the context; one thread at a time.
class llama {
 public:
  using state = llama_detail::state;

  /// Throws headcount::error when the file cannot be loaded or its attention is not where we look for it.
  explicit llama(std::filesystem::path const& file, llama_options const& options = {})
      : held_{std::make_shared<running>()} {
    llama_detail::start_backend();
    auto& in = *held_;
    in.options = options;
    llama_detail::complaint().clear();
    in.model.reset(llama_model_load_from_file(file.string().c_str(), llama_model_default_params()),
                   [](llama_model* made) { llama_model_free(made); });
    if (!in.model)
      fail(file.string(), text_of("llama.cpp cannot load it: ", llama_detail::complaint()), "a GGUF model");
    auto context = llama_context_default_params();
    auto const trained = static_cast<std::size_t>((std::max)(1, llama_model_n_ctx_train(in.model.get())));
    in.options.context = (std::min)(options.context, trained);
    context.n_ctx = static_cast<std::uint32_t>(in.options.context);
    context.n_batch = context.n_ubatch = static_cast<std::uint32_t>((std::min)(options.ubatch, in.options.context));
    context.n_seq_max = 1;
    context.type_k = context.type_v = options.cache;
    context.swa_full = true;  // cells then hold positions in order, also after a state is brought back
    context.flash_attn_type = options.flash_attention ? LLAMA_FLASH_ATTN_TYPE_ENABLED : LLAMA_FLASH_ATTN_TYPE_DISABLED;
    context.n_threads = context.n_threads_batch = static_cast<std::int32_t>(
        options.threads > 0 ? options.threads : (std::max)(1u, std::thread::hardware_concurrency()));
    context.cb_eval = [](ggml_tensor* node, bool ask, void* user) {
      auto const& now = *static_cast<running const*>(user);
      return now.visit && now.visit(*node, ask);
    };
    context.cb_eval_user_data = &in;
    in.context.reset(llama_init_from_model(in.model.get(), context));
    if (!in.context) fail(file.string(), text_of("llama.cpp cannot run it: ", llama_detail::complaint()));
    look();
  }

  [[nodiscard]] std::size_t vocabulary() const {
    return static_cast<std::size_t>(llama_vocab_n_tokens(llama_model_get_vocab(held_->model.get())));
  }
  [[nodiscard]] state start() const { return {}; }

  /// What heads there are, as a first graph showed them.
  [[nodiscard]] std::vector<site> layers() const { return held_->layers; }

  /// Whether going back to a state reads its tokens again, under the policies they were read under.
  [[nodiscard]] bool replays() const noexcept { return held_->options.replay; }

  /// The most tokens of a sequence.
  [[nodiscard]] std::size_t context() const noexcept { return held_->options.context; }

  /// llama.cpp's own, shared.
  [[nodiscard]] std::shared_ptr<llama_model const> model() const noexcept { return held_->model; }

  /// Throws headcount::error when a policy cannot work here: it does not fit the model, or reads what is not shown.
  void validate(any_policy const& policy) const {
    headcount::validate(policy, std::span<site const>{held_->layers});
    ggml::require_supported(policy);
  }

  /// Throws headcount::error, before anything changes, for tokens, policies and edits that do not fit the model. What
  /// goes wrong in a graph (a policy that reads rows under flash attention) ends the state: go on with a copy of it.
  void run(std::span<step<state> const> steps, pass const& how, any_policy const& policy, logits_user const& use) {
    kernel::no_observer nobody;
    run_watched(steps, how, policy, use, nobody);
  }
  /// Shows rows, kept heads, scores, outputs and, in layers whose `width` is not 0, the block's input.
  void run(std::span<step<state> const> steps, pass const& how, any_policy const& policy, logits_user const& use,
           observer const& watch) {
    run_watched(steps, how, policy, use, watch);
  }

 private:
  using node_visitor = std::function<bool(ggml_tensor&, bool)>;
  struct running {
    llama_options options;
    std::shared_ptr<llama_model> model;
    std::unique_ptr<llama_context, llama_detail::free_it> context;
    std::vector<site> layers;
    std::weak_ptr<llama_detail::cache_slot> resident;  ///< whose sequence the context holds
    ggml::cell_positions cells;
    node_visitor visit;
  };

  /// Runs one token to see which layers have attention, and whether their states can be copied.
  void look() {
    auto& in = *held_;
    in.layers.resize(static_cast<std::size_t>(llama_model_n_layer(in.model.get())));
    for (std::size_t i = 0; i < in.layers.size(); ++i) in.layers[i].layer = i;
    auto seen = start();
    std::vector<token> const one{0};
    kernel::no_observer nobody;
    step<state> const first{one, &seen};
    decode(first, phase::prefill, dense, false, [](std::size_t, std::span<float const>) {}, nobody);
    if (llama_state_seq_get_size(in.context.get(), 0) == 0) in.options.replay = true;
  }

  template <class Observer>
  void run_watched(std::span<step<state> const> steps, pass const& how, any_policy const& policy,
                   logits_user const& use, Observer& watch) {
    validate(policy);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      auto const name = text_of("sequence ", i);
      if (steps[i].tokens.empty()) fail(name, "it has no token", "one token or more");
      headcount::validate(steps[i].tokens, vocabulary(), name);
      if (steps[i].state->position + steps[i].tokens.size() > context())
        fail(name, text_of("it has ", steps[i].state->position + steps[i].tokens.size(), " tokens"),
             text_of("at most ", context(), ", llama_options::context"));
      for (auto const& edit : steps[i].edits)
        for (auto const& layer : held_->layers)
          if (layer.heads > 0) edit.validate(layer);
    }
    for (std::size_t i = 0; i < steps.size(); ++i)
      decode(
          steps[i], how.phase, policy, how.every_token,
          [&](std::size_t t, std::span<float const> logits) { use(i, t, logits); }, watch);
  }

  /// Brings a state's sequence into the context, for it alone to go on with.
  void bring(state& wanted) {
    auto& in = *held_;
    auto const resident = in.resident.lock();
    bool const is_here = wanted.slot && resident == wanted.slot;
    bool const is_shared = wanted.slot && wanted.slot.use_count() > (is_here ? 2 : 1);
    if (resident && (!is_here || is_shared) && !in.options.replay && resident->bytes.empty()) {
      resident->bytes.resize(llama_state_seq_get_size(in.context.get(), 0));
      if (llama_state_seq_get_data(in.context.get(), resident->bytes.data(), resident->bytes.size(), 0) == 0)
        fail("llama.cpp", "it cannot copy the state of a sequence", "llama_options::replay");
    }
    if (!is_here) {
      llama_memory_clear(llama_get_memory(in.context.get()), true);
      in.cells.clear();
      in.resident.reset();
      if (wanted.position > 0 && in.options.replay) read_again(wanted.past.get());
      else if (wanted.position > 0 &&
               llama_state_seq_set_data(in.context.get(), wanted.slot->bytes.data(), wanted.slot->bytes.size(), 0) == 0)
        fail("llama.cpp", "it cannot take back the state of a sequence", "llama_options::replay");
    }
    if (!is_here || is_shared) wanted.slot = std::make_shared<llama_detail::cache_slot>();
    wanted.slot->bytes.clear();
    in.resident = wanted.slot;
  }

  /// Reads the tokens of passes again, oldest first, as they were read.
  void read_again(llama_detail::past_pass const* last) {
    std::vector<llama_detail::past_pass const*> passes;
    for (; last != nullptr; last = last->before.get()) passes.push_back(last);
    std::ranges::reverse(passes);
    state again;
    kernel::no_observer nobody;
    for (auto const* one : passes) {
      if (one->policy.state_size() > 0) again.memory.belong_to(one->policy.score, one->policy.select);
      step<state> const at{one->tokens, &again, one->sequence_id, one->edits};
      compute(at, one->when, one->policy, false, [](std::size_t, std::span<float const>) {}, nobody);
      again.position += one->tokens.size();
    }
  }

  template <class Use, class Observer>
  void decode(step<state> const& one, phase when, any_policy const& policy, bool every_token, Use const& use,
              Observer& watch) {
    auto& reached = *one.state;
    bring(reached);
    if (policy.state_size() > 0) reached.memory.belong_to(policy.score, policy.select);
    try {
      compute(one, when, policy, every_token, use, watch);
    } catch (...) {
      held_->resident.reset();  // what the context holds is nobody's
      throw;
    }
    if (held_->options.replay)
      reached.past = std::make_shared<llama_detail::past_pass const>(
          llama_detail::past_pass{reached.past,
                                  {one.tokens.begin(), one.tokens.end()},
                                  when,
                                  policy,
                                  one.sequence_id,
                                  {one.edits.begin(), one.edits.end()}});
    reached.position += one.tokens.size();
  }

  template <class Use, class Observer>
  void compute(step<state> const& one, phase when, any_policy const& policy, bool every_token, Use const& use,
               Observer& watch) {
    auto& in = *held_;
    auto const most = static_cast<std::size_t>(llama_n_batch(in.context.get()));
    for (std::size_t begin = 0; begin < one.tokens.size(); begin += most) {
      auto const tokens = one.tokens.subspan(begin, (std::min)(most, one.tokens.size() - begin));
      std::vector<llama_token> ids(tokens.begin(), tokens.end());
      std::vector<llama_pos> positions;
      std::vector<std::int32_t> sequences(ids.size(), 1);
      llama_seq_id sequence = 0;
      std::vector<llama_seq_id*> sequence_ids(ids.size(), &sequence);
      std::vector<std::int8_t> wanted(ids.size(), every_token ? 1 : 0);
      if (begin + ids.size() == one.tokens.size()) wanted.back() = 1;
      std::vector<ggml::batch_token> batch;
      for (std::size_t i = 0; i < ids.size(); ++i) {
        auto const position = one.state->position + begin + i;
        positions.push_back(static_cast<llama_pos>(position));
        batch.push_back(
            {.position = position, .sequence_id = one.sequence_id, .memory = &one.state->memory, .edits = one.edits});
      }
      ggml::hook<any_policy, Observer> hook{
          policy, when, ggml::batch{std::move(batch)}, in.cells, watch, in.options.next, in.options.next_data};
      hook.width = static_cast<std::size_t>(llama_model_n_embd(in.model.get()));
      in.visit = [&](ggml_tensor& node, bool ask) { return hook.visit(node, ask); };
      llama_detail::complaint().clear();
      auto const failed = llama_decode(in.context.get(), {.n_tokens = static_cast<std::int32_t>(ids.size()),
                                                          .token = ids.data(),
                                                          .embd = nullptr,
                                                          .pos = positions.data(),
                                                          .n_seq_id = sequences.data(),
                                                          .seq_id = sequence_ids.data(),
                                                          .logits = wanted.data()});
      llama_synchronize(in.context.get());
      in.visit = nullptr;
      hook.check();
      if (failed != 0) fail("llama.cpp", text_of("llama_decode gives ", failed, ": ", llama_detail::complaint()));
      for (auto const& met : hook.layers()) {
        auto& layer = in.layers.at(met.layer);
        layer = {
            .layer = met.layer, .heads = met.heads, .group = met.group, .width = met.width, .head_dim = met.head_dim};
      }
      for (std::size_t i = 0; i < ids.size(); ++i)
        if (wanted[i] != 0)
          use(begin + i, {llama_get_logits_ith(in.context.get(), static_cast<std::int32_t>(i)), vocabulary()});
    }
  }

  std::shared_ptr<running> held_;
};

static_assert(observed<llama>);

}  // namespace headcount::v0::evaluate
