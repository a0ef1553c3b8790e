// Random tiny hybrids of every layout that is written as GGUF: what llama.cpp makes of them under every policy of their
// goldens is what transformers made.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/engine/any_model.hpp>
#include <headcount/engine/llama.hpp>
#include <headcount/engine/llama_gguf.hpp>
#include <headcount/engine/reference_model.hpp>
#include <headcount/file/write_safetensors.hpp>
#include <headcount/headcount.hpp>
#include <headcount/measure/prove_off.hpp>
#include <headcount/reference/checkpoint/load_snapshot.hpp>

#include "../golden/golden.hpp"

using namespace headcount;
using namespace headcount::evaluate;

namespace {

constexpr double tolerance = 2e-3;  // of logits

/// A model folder in llama.cpp; its file is gone with it.
struct written_model {
  std::filesystem::path file;
  any_model model;

  static std::filesystem::path write(std::string const& folder, std::string const& name, ggml_type type) {
    auto const path = std::filesystem::temp_directory_path() / ("headcount-" + name + ".gguf");
    write_gguf(folder, path, type);
    return path;
  }
  explicit written_model(std::string const& folder, std::string const& name, ggml_type type = GGML_TYPE_F32)
      : file{write(folder, name, type)}, model{llama{file, {.threads = 1, .ubatch = 16}}} {}
  written_model(written_model const&) = delete;
  written_model& operator=(written_model const&) = delete;
  ~written_model() { std::filesystem::remove(file); }
};

/// How far the logits of a golden's pass are from what the golden has for it.
double distance_of(any_model const& model, test::golden const& of, std::string const& pass, test::control const& under,
                   reference::stored_tensor const& tensor) {
  auto const expected = test::expected_rows(tensor);
  std::vector<std::vector<float>> found;
  for (auto const& text : of.texts) {
    auto state = model.start();
    auto const run = [&](std::span<token const> some, phase when, bool compared) {
      std::vector<step<any_model::state>> const steps{{some, &state, 0, under.edits}};
      model.run(steps, {.phase = when, .every_token = true}, under.policy,
                [&](std::size_t, std::size_t, std::span<float const> logits) {
                  if (compared) found.emplace_back(logits.begin(), logits.end());
                });
    };
    std::span<token const> const all{text};
    auto const first = pass == "full" ? all.size() : of.prefill_tokens;
    run(all.first(first), phase::prefill, pass != "decode");
    if (pass != "decode") continue;
    for (auto at = first; at < all.size(); ++at) run(all.subspan(at, 1), phase::generation, true);
  }
  REQUIRE(found.size() == expected.size());
  double most = 0;
  for (std::size_t row = 0; row < found.size(); ++row)
    for (std::size_t i = 0; i < expected[row].size(); ++i)
      most = std::max(most, std::abs(static_cast<double>(found[row][i]) - static_cast<double>(expected[row][i])));
  return most;
}

void check_golden(std::string const& name) {
  test::golden const of{std::string{HEADCOUNT_GOLDENS} + "/" + name};
  written_model const written{of.folder, name};
  std::map<std::string, std::size_t> checked;
  for (auto const& [tag, tensor] : of.io.tensors) {
    auto const words = test::words_of(tag);
    if (words.back() != "logits") continue;
    CAPTURE(tag);
    ++checked[words.front()];
    CHECK(distance_of(written.model, of, words[words.size() - 2], test::control_of(words), tensor) < tolerance);
  }
  CHECK(checked["dense"] == 3);
  CHECK(checked["entropy"] == 3 * of.ks);
  auto const proof = prove_off(written.model, score::entropy{} | select::top_k{1}, of.texts.front(), of.prefill_tokens);
  CHECK(proof.holds());
}

}  // namespace

TEST_CASE("llama_gguf_jamba: random Jambas give what transformers gives") {
  check_golden("jamba_dense");
  check_golden("jamba_moe");
}
TEST_CASE("llama_gguf_lfm2: a random LFM2 gives what transformers gives") { check_golden("lfm2"); }

TEST_CASE("llama_gguf_granite: random Granites give what transformers gives, or are refused with the reason") {
  check_golden("granitemoehybrid_dense");
  CHECK_THROWS_WITH_AS(write_gguf(HEADCOUNT_GOLDENS "/granitemoehybrid_moe", "/tmp/none.gguf"),
                       doctest::Contains("with a norm of each Mamba group"), error);
  CHECK_THROWS_WITH_AS(write_gguf(HEADCOUNT_GOLDENS "/granitemoehybrid_limit", "/tmp/none.gguf"),
                       doctest::Contains("without a time_step_limit"), error);
}

TEST_CASE("llama_gguf_falcon_h1, llama_gguf_mamba2: random Falcon-H1s give what transformers gives") {
  check_golden("falcon_h1");
  check_golden("falcon_h1_norm");
}

TEST_CASE("llama_gguf_granite: a Granite with experts gives what the reference engine gives") {
  // The golden's Mamba has two groups, which transformers normalises together and llama.cpp apart: one is left.
  std::filesystem::path const from = HEADCOUNT_GOLDENS "/granitemoehybrid_moe";
  auto const folder = std::filesystem::temp_directory_path() / "headcount-one-group";
  std::filesystem::create_directories(folder);
  auto config = reference::read_json(from / "config.json");
  config["mamba_n_groups"] = 1;
  std::ofstream{folder / "config.json"} << config.dump();
  auto const file = reference::open_safetensors((from / "model.safetensors").string());
  std::deque<std::vector<float>> kept;
  std::vector<reference::tensor_to_write> tensors;
  for (auto const& [name, tensor] : file.tensors) {
    auto shape = tensor.shape;
    auto const* const values = reinterpret_cast<float const*>(tensor.bytes.data());
    auto const row = tensor.bytes.size() / sizeof(float) / shape[0];
    auto const begin = name.find(".mamba.in_proj.") != name.npos ? 96u : 48u;  // of B and C, 12 rows each
    bool const cut = begin == 96 || name.find(".mamba.conv1d.") != name.npos;
    auto& own = kept.emplace_back();
    for (std::size_t at = 0; at < shape[0]; ++at) {
      bool const other = cut && at >= begin && at < begin + 24 && (at - begin) % 12 >= 6;
      if (!other) own.insert(own.end(), values + at * row, values + (at + 1) * row);
    }
    shape[0] = own.size() / row;
    tensors.push_back(reference::to_write(name, own, shape));
  }
  reference::write_safetensors(folder / "model.safetensors", tensors);
  {
    auto const snapshot = reference::load_snapshot(folder);
    any_model const expected{reference_model{snapshot.model}};
    written_model const written{folder.string(), "one-group"};
    std::vector<token> const tokens{5, 1, 17, 44, 90, 3, 3, 61, 28, 12, 70, 9};
    for (auto const& policy : {any_policy{dense}, any_policy{score::entropy{} | select::top_k{1}}}) {
      std::vector<std::vector<float>> found;
      for (auto const* model : {&expected, &written.model}) {
        auto state = model->start();
        std::vector<step<any_model::state>> const steps{{tokens, &state}};
        auto& all = found.emplace_back();
        model->run(steps, {.every_token = true}, policy, [&](auto, auto, std::span<float const> logits) {
          all.insert(all.end(), logits.begin(), logits.end());
        });
      }
      CHECK(evaluate::detail::furthest_change(found[0], found[1]) < tolerance);
    }
  }
  std::filesystem::remove_all(folder);
}

TEST_CASE(
    "llama_gguf_qwen35: a Qwen3-Next without experts, with gates of heads, gives what the reference engine gives") {
  auto const snapshot = reference::load_snapshot(HEADCOUNT_MODELS "/tiny-qwen3-next");
  any_model const expected{reference_model{snapshot.model}};
  written_model const written{HEADCOUNT_MODELS "/tiny-qwen3-next", "qwen3-next"};
  std::vector<token> const tokens{2, 6, 4, 8, 22, 486, 23, 21, 5, 7, 4, 9, 31, 44, 100, 7, 61, 300, 12, 70};
  for (auto const& policy : {any_policy{dense}, any_policy{score::entropy{} | select::top_k{1}},
                             any_policy{score::entropy{} | select::top_k{5}}.during(phase::generation)}) {
    std::vector<std::vector<float>> found;
    for (auto const* model : {&expected, &written.model}) {
      auto state = model->start();
      auto& all = found.emplace_back();
      for (std::size_t at = 0; at < tokens.size(); at += at == 0 ? 17 : 1) {
        std::vector<step<any_model::state>> const steps{{std::span{tokens}.subspan(at, at == 0 ? 17 : 1), &state}};
        model->run(
            steps, {at == 0 ? phase::prefill : phase::generation, true}, policy,
            [&](auto, auto, std::span<float const> logits) { all.insert(all.end(), logits.begin(), logits.end()); });
      }
    }
    CHECK(evaluate::detail::furthest_change(found[0], found[1]) < tolerance);
  }
  CHECK(prove_off(written.model, score::entropy{} | select::top_k{2}, tokens, 17, 8).holds());
  for (auto const* name : {"qwen3_next", "qwen3_5_text"})
    CHECK_THROWS_WITH_AS(write_gguf(std::string{HEADCOUNT_GOLDENS "/"} + name, "/tmp/none.gguf"),
                         doctest::Contains("as wide as keys"), error);
}

TEST_CASE("llama_gguf_file: halves are what they were rounded to") {
  std::string const folder = HEADCOUNT_MODELS "/tiny-lfm2";
  written_model const whole{folder, "whole"}, half{folder, "half", GGML_TYPE_F16},
      brain{folder, "brain", GGML_TYPE_BF16};
  CHECK(std::filesystem::file_size(half.file) < 6 * std::filesystem::file_size(whole.file) / 10);
  CHECK(std::filesystem::file_size(brain.file) == std::filesystem::file_size(half.file));
  std::vector<token> const tokens{2, 6, 4, 8, 22, 486, 23, 21, 5, 7, 4};
  auto const logits_of = [&](any_model const& model) {
    auto state = model.start();
    std::vector<float> all;
    std::vector<step<any_model::state>> const steps{{tokens, &state}};
    model.run(steps, {}, dense,
              [&](auto, auto, std::span<float const> logits) { all.assign(logits.begin(), logits.end()); });
    return all;
  };
  auto const expected = logits_of(whole.model);
  for (auto const* one : {&half, &brain}) {
    double most = 0;
    auto const found = logits_of(one->model);
    for (std::size_t i = 0; i < expected.size(); ++i)
      most = std::max(most, std::abs(static_cast<double>(found[i]) - static_cast<double>(expected[i])));
    CHECK(most > 0);
    CHECK(most < (one == &half ? 0.2 : 1.0));
  }
}
