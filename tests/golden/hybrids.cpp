// The hybrids of 2025 against Hugging Face transformers; see golden.hpp. Their goldens hold, from the dense full pass,
// what single blocks get and give:
//
//     mixer.LAYER.input, .output                     [batch, token, width], the first recurrent block
//     mixer.LAYER.prefill.conv_state                 [batch, channel, K], its last K inputs of the convolution
//     mixer.LAYER.prefill.recurrent_state            [batch, head, ...], its state after prefill_tokens
//     attention.LAYER.input, .output                 the first attention block
//     moe.LAYER.input, .output                       the first experts

#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/phase.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/safetensors.hpp>
#include <headcount/kernel/observer.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/reference/block/attention.hpp>
#include <headcount/reference/block/experts.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/block/recurrence.hpp>
#include <headcount/reference/block/segment.hpp>
#include <headcount/reference/model/forward.hpp>

#include "../unit/reference/support/batch.hpp"
#include "../unit/reference/support/numbers.hpp"
#include "../unit/reference/support/stored.hpp"
#include "golden.hpp"

using namespace headcount;
using namespace headcount::reference;
using test::golden;

namespace {

constexpr double block_tolerance = 1e-4;
constexpr double step_tolerance = 1e-4;  // of logits: token by token against all at once, in float32 both

matrix as_matrix(stored_tensor const& tensor) {
  auto const rows = test::stored_rows<float>(tensor);
  matrix values(index(rows.size()), index(rows.front().size()));
  for (std::size_t row = 0; row < rows.size(); ++row) std::ranges::copy(rows[row], row_of(values, row).begin());
  return values;
}

/// The first `count` tokens of each sequence, side by side.
matrix beginnings(matrix const& all, std::size_t sequences, std::size_t count) {
  auto const length = size(all.rows()) / sequences;
  matrix some(index(sequences * count), all.cols());
  for (std::size_t i = 0; i < sequences; ++i)
    some.middleRows(index(i * count), index(count)) = all.middleRows(index(i * length), index(count));
  return some;
}

std::vector<segment> segments_of(std::size_t sequences, std::size_t count) {
  std::vector<segment> segments;
  for (std::size_t i = 0; i < sequences; ++i) segments.push_back({.begin = i * count, .count = count});
  return segments;
}

/// What a model multiplies a block's output by is left out of a golden's.
test::rows times(double factor, test::rows values) {
  for (auto& row : values)
    for (auto& value : row) value *= factor;
  return values;
}

/// Runs a layer's recurrence on the first `count` tokens of what a golden says it gets; leaves its states.
template <class Block>
matrix run_mixer(Block const& block, golden const& of, matrix const& input, std::size_t count,
                 std::vector<recurrence>& states) {
  auto const sequences = of.texts.size();
  states.assign(sequences, block.empty_state());
  std::vector<recurrence*> pointers;
  for (auto& state : states) pointers.push_back(&state);
  auto const segments = segments_of(sequences, count);
  return apply(block, beginnings(input, sequences, count), segments, std::span<recurrence* const>{pointers},
               wanted::all_tokens);
}

linear const& last_map(mamba2_block const& block) { return block.out_projection; }
linear const& last_map(gated_delta_net const& block) { return block.output; }
linear const& last_map(short_convolution const& block) { return block.out_projection; }

void check_mixer(golden const& of, std::size_t at) {
  auto const name = text_of("mixer.", at, ".");
  auto const tensor = [&](char const* which) -> stored_tensor const& { return of.io.tensors.at(name + which); };
  auto const length = of.texts.front().size();
  std::visit(
      [&]<class Block>(Block const& block) {
        if constexpr (requires { last_map(block); }) {
          std::vector<recurrence> states;
          auto const input = as_matrix(tensor("input"));
          auto const scale = static_cast<double>(last_map(block).scale);
          CHECK(test::distance(run_mixer(block, of, input, length, states),
                               times(scale, test::expected_rows(tensor("output")))) < block_tolerance);

          (void)run_mixer(block, of, input, of.prefill_tokens, states);
          auto const channels = block.convolution.channels;
          auto const width = block.convolution.width;
          auto const inputs = test::expected_rows(tensor("prefill.conv_state"));  // [batch * channel, K]
          REQUIRE(inputs.size() == states.size() * channels);
          test::rows past;
          test::rows hidden;
          for (std::size_t i = 0; i < states.size(); ++i) {
            for (std::size_t channel = 0; channel < channels; ++channel) {
              test::row newest;
              for (std::size_t tap = 0; tap + 1 < width; ++tap)
                newest.push_back(static_cast<double>(states[i].past_inputs[tap * channels + channel]));
              auto const& kept = inputs[i * channels + channel];
              past.push_back({kept.begin() + 1, kept.end()});
              CHECK(test::distance({newest}, {past.back()}) < block_tolerance);
            }
            hidden.emplace_back(states[i].hidden.begin(), states[i].hidden.end());
          }
          auto const found = of.io.tensors.find(name + "prefill.recurrent_state");
          REQUIRE((found == of.io.tensors.end()) == hidden.front().empty());
          if (hidden.front().empty()) return;
          test::rows stored(states.size());
          for (auto const& row : test::expected_rows(found->second))
            for (auto& one : stored)
              if (one.size() < hidden.front().size()) {
                one.insert(one.end(), row.begin(), row.end());
                break;
              }
          CHECK(test::distance(hidden, stored) < block_tolerance);
        } else {
          FAIL("no recurrence of these");
        }
      },
      of.snapshot.model.layers[at].recurrent);
}

void check_attention(golden const& of, std::size_t at, double input_scale) {
  auto const name = text_of("attention.", at, ".");
  auto const& block = *of.snapshot.model.attention_at(at);
  auto const length = of.texts.front().size();
  std::vector<key_value_cache> caches(of.texts.size(), block.empty_state());
  std::vector<attended_sequence> sequences;
  for (std::size_t i = 0; i < caches.size(); ++i)
    sequences.push_back(
        {.cache = &caches[i],
         .where = {.layer = at, .phase = phase::prefill, .heads = block.heads, .group = block.group()}});
  kernel::no_observer nobody;
  attention_control<std::remove_cvref_t<decltype(dense)>, kernel::no_observer> const control{dense, nobody};
  matrix const input = as_matrix(of.io.tensors.at(name + "input")) / static_cast<float>(input_scale);
  auto const segments = segments_of(caches.size(), length);
  auto const output =
      apply(block, input, segments, std::span<attended_sequence const>{sequences}, wanted::all_tokens, control);
  CHECK(test::distance(output, times(static_cast<double>(block.output.scale),
                                     test::expected_rows(of.io.tensors.at(name + "output")))) < block_tolerance);
}

/// Granite's golden has its experts without the MLP beside them and before the residual multiplier.
void check_experts(golden const& of, std::size_t at, bool routed_alone) {
  auto const name = text_of("moe.", at, ".");
  auto const& block = std::get<experts>(of.snapshot.model.layers[at].feed_forward);
  auto const input = as_matrix(of.io.tensors.at(name + "input"));
  auto const expected = test::expected_rows(of.io.tensors.at(name + "output"));
  if (routed_alone) {
    CHECK(test::distance(apply_routed(block, input), times(static_cast<double>(block.scale), expected)) <
          block_tolerance);
  } else {
    CHECK(test::distance(apply(block, input), expected) < block_tolerance);
  }
}

/// A prefill is what its tokens give one by one, and sequences of different lengths side by side are what each is
/// alone.
void check_pieces(golden const& of) {
  auto const& model = of.snapshot.model;
  auto const& text = of.texts.front();
  auto const whole = test::batch{model, {text}}.next(text.size(), phase::prefill);
  for (std::size_t const first : {std::size_t{1}, std::size_t{2}, of.prefill_tokens}) {
    test::batch steps{model, {text}};
    CHECK(test::distance(steps.next(first, phase::prefill), test::slice(whole, 0, first)) < step_tolerance);
    for (auto at = first; at < text.size(); ++at)
      CHECK(test::distance(steps.next(1, phase::generation), test::slice(whole, at, 1)) < step_tolerance);
  }
  std::vector const texts{text, std::vector(text.begin(), text.begin() + 5),
                          std::vector(text.rbegin(), text.rend() - 3)};
  test::batch together{model, texts};
  auto const both = together.next(texts.front().size(), phase::prefill);
  auto const last = test::batch{model, texts}.next(texts.front().size(), phase::prefill, {}, wanted::last_token);
  std::size_t end = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    auto const alone = test::batch{model, {texts[i]}}.next(texts[i].size(), phase::prefill);
    CHECK(test::distance(alone, test::slice(both, end, texts[i].size())) < step_tolerance);
    end += texts[i].size();
    CHECK(test::distance(test::slice(last, i, 1), test::slice(both, end - 1, 1)) < step_tolerance);
  }
}

/// Checks every tensor of a golden, and that there are as many of each kind as its case.json asks for.
void check_golden(std::string const& name) {
  golden const of{std::string{HEADCOUNT_GOLDENS} + "/" + name};
  auto const settings = read_json(of.folder + "/case.json");
  auto const config = read_json(of.folder + "/config.json");
  auto const attention_layers = settings["attention_layers"].get<std::vector<std::size_t>>();
  bool const full_only = name == "granitemoehybrid_limit";
  for (std::size_t layer = 0; layer < of.snapshot.model.layers.size(); ++layer)
    CHECK((of.snapshot.model.attention_at(layer) != nullptr) ==
          (std::ranges::find(attention_layers, layer) != attention_layers.end()));

  std::map<std::string, std::size_t> checked;
  for (auto const& [tag, tensor] : of.io.tensors) {
    CAPTURE(tag);
    if (tag == "input_ids") continue;
    auto const words = test::words_of(tag);
    auto const layer = [&](std::string const& text) { return std::stoul(text); };
    if (words[words.size() - 2] == "attn") {
      ++checked["attention layers"];
      CHECK(test::distance(test::dense_weights(of, layer(words.back()), tensor), test::expected_rows(tensor)) <
            test::weight_tolerance);
    } else if (words.back() == "logits") {
      ++checked[words.front()];
      auto const& pass = words[words.size() - 2];
      REQUIRE((pass == "full" || pass == "prefill" || pass == "decode"));
      CHECK(test::distance_from(of, pass, test::control_of(words), tensor) < test::logit_tolerance);
    } else if (words.back() == "input") {
      ++checked["blocks"];
      if (words[0] == "mixer") check_mixer(of, layer(words[1]));
      else if (words[0] == "attention")
        check_attention(of, layer(words[1]), config.value("attention_in_multiplier", 1.0));
      else check_experts(of, layer(words[1]), config["model_type"] == "granitemoehybrid");
    }
  }
  bool const routes = of.io.tensors.lower_bound("moe.") != of.io.tensors.lower_bound("moe/");
  CHECK(checked["attention layers"] == attention_layers.size());
  CHECK(checked["blocks"] == (routes ? 3 : 2));
  CHECK(checked["dense"] == (full_only ? 1 : 3));
  for (auto const* const metric : {"entropy", "l2"}) CHECK(checked[metric] == (full_only ? 1 : 3) * of.ks);
  CHECK(checked.size() == 5);
  check_pieces(of);
}

}  // namespace

TEST_CASE("goldens: qwen3_next gives what transformers gives") { check_golden("qwen3_next"); }
TEST_CASE("goldens: qwen3_5_text gives what transformers gives") { check_golden("qwen3_5_text"); }
TEST_CASE("goldens: granitemoehybrid without experts gives what transformers gives") {
  check_golden("granitemoehybrid_dense");
}
TEST_CASE("goldens: granitemoehybrid with experts gives what transformers gives") {
  check_golden("granitemoehybrid_moe");
}
TEST_CASE("goldens: granitemoehybrid with limited steps gives what transformers gives") {
  check_golden("granitemoehybrid_limit");
}
TEST_CASE("goldens: lfm2 gives what transformers gives") { check_golden("lfm2"); }
TEST_CASE("goldens: nemotron_h gives what transformers gives") { check_golden("nemotron_h"); }
TEST_CASE("goldens: falcon_h1 gives what transformers gives") { check_golden("falcon_h1"); }
TEST_CASE("goldens: falcon_h1 with a norm before its gate gives what transformers gives") {
  check_golden("falcon_h1_norm");
}
TEST_CASE("goldens: bamba gives what transformers gives") { check_golden("bamba"); }
TEST_CASE("goldens: zamba2 gives what transformers gives") { check_golden("zamba2"); }
TEST_CASE("goldens: olmo_hybrid gives what transformers gives") { check_golden("olmo_hybrid"); }
