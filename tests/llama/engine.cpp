#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/random_stream.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/engine/llama.hpp>
#include <headcount/engine/llama_gguf.hpp>
#include <headcount/engine/llama_tokenizer.hpp>
#include <headcount/engine/logits.hpp>
#include <headcount/engine/reference_model.hpp>
#include <headcount/headcount.hpp>
#include <headcount/measure/prove_off.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/ranking/train_predictor.hpp>
#include <headcount/reference/checkpoint/load_snapshot.hpp>
#include <headcount/score/predictor.hpp>
#include <headcount/text/tokenizer.hpp>

using namespace headcount;
using namespace headcount::evaluate;

namespace {

std::filesystem::path const folder = HEADCOUNT_MODELS "/tiny-jamba";

/// tiny-jamba as GGUF, written once.
std::filesystem::path const& file() {
  static auto const path = [] {
    auto const made = std::filesystem::temp_directory_path() / "headcount-llama-test.gguf";
    write_gguf(folder, made);
    return made;
  }();
  return path;
}

std::vector<token> tokens_of(std::size_t count, std::uint64_t seed) {
  random_stream random{seed};
  std::vector<token> tokens;
  for (std::size_t i = 0; i < count; ++i) tokens.push_back(static_cast<token>(3 + random.below(800)));
  return tokens;
}

using logits_of_tokens = std::vector<std::vector<float>>;

/// Logits of a prefill and of tokens after it, one by one.
logits_of_tokens read(any_model const& model, any_model::state& state, std::span<token const> tokens,
                      std::size_t prefill, any_policy const& policy, std::span<any_edit const> edits = {}) {
  logits_of_tokens all;
  auto const run = [&](std::span<token const> some, phase when) {
    std::vector<step<any_model::state>> const steps{{some, &state, 0, edits}};
    model.run(steps, {when, true}, policy,
              [&](std::size_t, std::size_t, std::span<float const> v) { all.emplace_back(v.begin(), v.end()); });
  };
  if (prefill > 0) run(tokens.first(prefill), phase::prefill);
  for (auto at = prefill; at < tokens.size(); ++at) run(tokens.subspan(at, 1), phase::generation);
  return all;
}

double furthest(logits_of_tokens const& a, logits_of_tokens const& b) {
  REQUIRE(a.size() == b.size());
  double most = 0;
  for (std::size_t t = 0; t < a.size(); ++t)
    for (std::size_t i = 0; i < a[t].size(); ++i)
      most = std::max(most, std::abs(static_cast<double>(a[t][i]) - static_cast<double>(b[t][i])));
  return most;
}

}  // namespace

TEST_CASE("llama, llama_gguf: tiny-jamba under every kind of policy gives the reference's logits") {
  auto const snapshot = reference::load_snapshot(folder);
  any_model const expected{reference_model{snapshot.model}};
  any_model const asked{llama{file(), {.threads = 1, .ubatch = 64}}};  // a prompt of three ubatches
  CHECK(asked.vocabulary() == expected.vocabulary());
  auto const layers = asked.layers();
  auto const known = expected.layers();
  REQUIRE(layers.size() == known.size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    CHECK(layers[i].heads == known[i].heads);
    if (known[i].heads == 0) continue;
    CHECK(layers[i].group == known[i].group);
    CHECK(layers[i].head_dim == known[i].head_dim);
    CHECK(layers[i].width == known[i].width);
  }
  auto const tokens = tokens_of(140, 1);
  std::vector<any_policy> const policies{dense,
                                         none,
                                         none.during(phase::generation),
                                         score::entropy{} | select::top_k{2},
                                         (score::entropy{} | select::top_k{5}).during(phase::generation),
                                         score::random{.seed = 3} | select::top_k{4},
                                         score::output_norm{} | select::top_k{4},
                                         score::ema{} | select::top_k{4},
                                         score::entropy{} | select::top_k{3} | mask::streaming{.sink = 2, .recent = 8},
                                         (score::recent_mass{} | select::top_k{3}).during(phase::generation)};
  for (auto const& policy : policies) {
    CAPTURE(print(policy));
    auto a = expected.start(), b = asked.start();
    CHECK(furthest(read(expected, a, tokens, 130, policy), read(asked, b, tokens, 130, policy)) < 2e-3);
  }
  std::vector<any_edit> const edits{any_edit{edit::omit{.positions = {{3, 9}}}}};
  auto a = expected.start(), b = asked.start();
  CHECK(furthest(read(expected, a, tokens, 130, dense, edits), read(asked, b, tokens, 130, dense, edits)) < 2e-3);
}

TEST_CASE("llama, llama_state: a prefill that policies share is continued from copies, or read again") {
  for (bool const replay : {false, true}) {
    llama const engine{file(), {.threads = 1, .replay = replay}};
    CHECK(engine.replays() == replay);
    any_model const model{engine};
    auto const tokens = tokens_of(40, 2);
    auto prompt = model.start();
    read(model, prompt, std::span{tokens}.first(30), 30, dense);
    auto one = prompt, other = prompt;
    auto const rest = std::span{tokens}.subspan(30);
    any_policy const sparse = score::entropy{} | select::top_k{1};
    auto const first = read(model, one, rest, 0, sparse);
    auto const second = read(model, other, rest, 0, dense);
    auto const third = read(model, prompt, rest, 0, sparse);
    CHECK(furthest(first, second) > 1e-2);
    CHECK(furthest(first, third) < 1e-4);
    auto fresh = model.start();
    auto alone = read(model, fresh, tokens, 30, dense);
    alone.erase(alone.begin(), alone.begin() + 30);
    CHECK(furthest(second, alone) < 1e-4);
  }
}

TEST_CASE("llama: flash attention serves policies that read nothing, and is refused for others") {
  any_model const fused{llama{file(), {.threads = 1, .cache = GGML_TYPE_F16, .flash_attention = true}}};
  any_model const plain{llama{file(), {.threads = 1, .cache = GGML_TYPE_F16}}};
  auto const tokens = tokens_of(40, 3);
  any_policy const random = score::random{.seed = 1} | select::top_k{4};
  auto a = fused.start(), b = plain.start();
  CHECK(furthest(read(fused, a, tokens, 30, random), read(plain, b, tokens, 30, random)) < 2e-2);
  CHECK_THROWS_WITH_AS(read(fused, a, tokens, 30, score::entropy{} | select::top_k{4}),
                       doctest::Contains("turn flash attention off"), error);
}

TEST_CASE("llama: an observer is shown every query's rows, which sum to 1, and what was kept") {
  any_model const model{llama{file(), {.threads = 1, .ubatch = 16}}};
  auto const tokens = tokens_of(40, 4);
  std::size_t rows = 0, kept = 0;
  observer watch;
  watch.row = [&](site const& where, std::size_t, std::span<float const> row) {
    ++rows;
    CHECK(row.size() == where.position + 1);
    double sum = 0;
    for (auto const weight : row) sum += static_cast<double>(weight);
    CHECK(sum == doctest::Approx(1).epsilon(1e-5));
  };
  watch.kept = [&](site const&, head_set const& heads) { kept += heads.size(); };
  auto state = model.start();
  std::vector<step<any_model::state>> const steps{{tokens, &state}};
  model.run(steps, {}, score::entropy{} | select::top_k{3}, [](auto&&...) {}, watch);
  CHECK(rows == 2 * 16 * 40);
  CHECK(kept == 2 * 3 * 40);
}

TEST_CASE(
    "ggml_rows, ggml_supported: blocks' inputs are shown, and scorers that read them choose the reference's heads") {
  auto const snapshot = reference::load_snapshot(folder);
  any_model const expected{reference_model{snapshot.model}};
  any_model const asked{llama{file(), {.threads = 1, .ubatch = 16}}};
  auto const tokens = tokens_of(40, 9);
  auto const inputs_of = [&](any_model const& model) {
    std::map<std::pair<std::size_t, std::size_t>, std::vector<float>> all;
    observer watch;
    watch.input = [&](site const& where, std::span<float const> values) {
      all[{where.layer, where.position}] = {values.begin(), values.end()};
    };
    auto state = model.start();
    std::vector<step<any_model::state>> const steps{{tokens, &state}};
    model.run(steps, {}, dense, [](auto&&...) {}, watch);
    return all;
  };
  auto const known = inputs_of(expected);
  auto const shown = inputs_of(asked);
  REQUIRE(shown.size() == 2 * 40);
  for (auto const& [at, values] : known) CHECK(furthest({values}, {shown.at(at)}) < 1e-3);

  std::vector<calibration_text> texts;
  for (std::uint64_t seed = 20; seed < 24; ++seed)
    texts.push_back({.prompt = tokens_of(30, seed), .answer = tokens_of(20, seed + 9)});
  any_policy const oracle = (score::entropy{} | select::top_k{3}).during(phase::generation);
  score::predictor const learned{in_memory("here", train_predictor(asked, texts, oracle).predictor)};
  any_policy const policy = learned | select::top_k{3};
  auto a = expected.start(), b = asked.start();
  CHECK(furthest(read(expected, a, tokens, 30, policy), read(asked, b, tokens, 30, policy)) < 2e-3);
  CHECK_THROWS_WITH_AS(read(asked, b, tokens, 30, score::contribution_norm{} | select::top_k{3}),
                       doctest::Contains("its scorer reads contributions"), error);
}

TEST_CASE("llama_tokenizer: a file that we wrote reads texts as its folder does") {
  llama const engine{file(), {.threads = 1}};
  auto const own = tokenizer_of_gguf(file(), engine.model());
  REQUIRE(own.has_value());
  auto const known = *reference::tokenizer::of_folder(folder);
  CHECK(own->bos() == known.bos());
  for (std::string const text :
       {"the lively chair wash the puppet .", " two  spaces", "new \xE6\xBC\xA2 words\n", ""}) {
    CHECK(own->encode(text) == known.encode(text));
    CHECK(own->decode(known.encode(text)) == known.decode(known.encode(text)));
  }
  CHECK(end_tokens_of(*engine.model()) == reference::load_snapshot(folder).config.eos);
  CHECK_FALSE(llama_tokenizer::of_model(engine.model()).has_value());  // it has no tokens of single bytes
}

TEST_CASE("llama: dropped heads are off and kept ones on") {
  any_model const model{llama{file(), {.threads = 1}}};
  auto const tokens = tokens_of(20, 10);
  for (auto const& policy : std::vector<any_policy>{score::entropy{} | select::top_k{2},
                                                    (score::entropy{} | select::top_k{5}).during(phase::generation),
                                                    score::random{.seed = 1} | select::top_k{4}}) {
    CAPTURE(print(policy));
    auto const proof = prove_off(model, policy, tokens, 16, 8);
    CHECK(proof.holds());
    CHECK(proof.kept.size() == 8);
  }
}

TEST_CASE("llama, llama_backend: what cannot be loaded or run is said") {
  CHECK_THROWS_WITH_AS(llama{"/nowhere.gguf"}, doctest::Contains("/nowhere.gguf: llama.cpp cannot load it"), error);
  llama model{file(), {.threads = 1, .context = 16}};
  auto const tokens = tokens_of(17, 5);
  auto state = model.start();
  std::vector<step<llama::state>> const steps{{tokens, &state}};
  CHECK_THROWS_WITH_AS(model.run(steps, {}, dense, [](auto&&...) {}), doctest::Contains("at most 16"), error);
  CHECK_THROWS_AS(model.run(steps, {}, score::entropy{} | select::top_k{17}, [](auto&&...) {}), error);
  CHECK_THROWS_WITH_AS(write_gguf(HEADCOUNT_MODELS "/tiny-recurrent-gemma", "/tmp/none.gguf"),
                       doctest::Contains("not written as GGUF"), error);
}

TEST_CASE("ggml: several sequences share a batch, in one cache or in several, over several ubatches") {
  any_model const alone{llama{file(), {.threads = 1}}};
  any_policy const policy = score::entropy{} | select::top_k{3};
  std::vector<std::vector<token>> const texts{tokens_of(40, 6), tokens_of(23, 7), tokens_of(31, 8)};
  logits_of_tokens expected;
  for (auto const& text : texts) {
    auto state = alone.start();
    expected.push_back(read(alone, state, text, text.size(), policy).back());
  }
  std::unique_ptr<llama_model, llama_detail::free_it> const model{
      llama_model_load_from_file(file().c_str(), llama_model_default_params())};
  for (bool const unified : {true, false}) {
    struct user {
      ggml::hook<any_policy>* hook = nullptr;
    } to;
    auto options = llama_context_default_params();
    options.n_ctx = 1024;
    options.n_batch = 256;
    options.n_ubatch = 16;
    options.n_seq_max = 3;
    options.n_threads = options.n_threads_batch = 1;
    options.kv_unified = unified;
    options.type_k = options.type_v = GGML_TYPE_F32;
    options.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    options.cb_eval = [](ggml_tensor* node, bool ask, void* data) {
      auto* const hook = static_cast<user*>(data)->hook;
      return hook != nullptr && hook->visit(*node, ask);
    };
    options.cb_eval_user_data = &to;
    std::unique_ptr<llama_context, llama_detail::free_it> const context{llama_init_from_model(model.get(), options)};
    REQUIRE(context);
    auto batch = llama_batch_init(256, 0, 1);
    std::vector<ggml::batch_token> tokens;
    std::vector<std::int32_t> last(texts.size());
    for (std::size_t at = 0; at < 40; ++at)  // token by token of each, so that cells are mixed
      for (std::size_t s = 0; s < texts.size(); ++s) {
        if (at >= texts[s].size()) continue;
        auto const i = batch.n_tokens++;
        batch.token[i] = texts[s][at];
        batch.pos[i] = static_cast<llama_pos>(at);
        batch.n_seq_id[i] = 1;
        batch.seq_id[i][0] = static_cast<llama_seq_id>(s);
        batch.logits[i] = at + 1 == texts[s].size();
        if (batch.logits[i] != 0) last[s] = i;
        tokens.push_back({.sequence = s, .position = at, .sequence_id = s});
      }
    ggml::cell_positions cells;
    kernel::no_observer nobody;
    ggml::hook<any_policy> hook{policy, phase::prefill, ggml::batch{std::move(tokens)}, cells, nobody};
    to.hook = &hook;
    CHECK(llama_decode(context.get(), batch) == 0);
    llama_synchronize(context.get());
    hook.check();
    for (std::size_t s = 0; s < texts.size(); ++s) {
      auto const* const logits = llama_get_logits_ith(context.get(), last[s]);
      CAPTURE(unified);
      CAPTURE(s);
      CHECK(furthest({expected[s]}, {{logits, logits + expected[s].size()}}) < 2e-3);
    }
    llama_batch_free(batch);
  }
}
