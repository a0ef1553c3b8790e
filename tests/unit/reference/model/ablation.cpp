// Taking blocks away: a block that is ablated is one whose last projection has only zeros, in float64 as in float32.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/phase.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/reference/model/ablated_layer.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/sentence/parse.hpp>

#include <unit/reference/support/files.hpp>
#include "../support/batch.hpp"
#include "../support/float64_model.hpp"
#include "../support/models.hpp"
#include "../support/numbers.hpp"

using namespace headcount;
using namespace headcount::reference;

namespace {

constexpr double rounding = 5e-5;  // of float32 through four layers, logits of a few units
constexpr std::size_t read_first = 11;

std::vector<token> const text = test::numbers{7}.text(19, 37);

test::control with(std::string_view edits) {
  return {.policy = dense, .edits = edits.empty() ? std::vector<any_edit>{} : parse_edits(edits)};
}

/// Changes to a model's tensors that take a part of it away.
using surgery = std::vector<std::pair<std::string, std::function<double(std::size_t, double)>>>;

double nothing(std::size_t, double) { return 0; }

/// Zeroes columns of a matrix of so many.
auto without_columns(std::size_t columns, std::vector<std::size_t> gone) {
  return [=](std::size_t i, double value) { return std::ranges::find(gone, i % columns) == gone.end() ? value : 0; };
}

/// Zeroes all taps, `[channel, 1, width]`, of some channels but the newest token's; of all channels where none is said.
auto without_past(std::size_t width, std::vector<std::size_t> gone = {}) {
  return [=](std::size_t i, double value) {
    bool const named = gone.empty() || std::ranges::find(gone, i / width) != gone.end();
    return named && i % width + 1 != width ? 0 : value;
  };
}

template <class Config>
test::tensors operated(test::made_model<Config> const& made, surgery const& changes) {
  auto tensors = made.weights;
  for (auto const& [name, change] : changes) tensors.change(name, change);
  return tensors;
}

/// Reads the text, its beginning in one prefill and the rest token by token, with what each phase is done with.
test::rows read(model const& first, model const& then, test::control const& how = {}) {
  test::batch batch{first, {text}};
  auto logits = test::rows_of(batch.next(read_first, phase::prefill, how));
  batch.model = &then;
  while (batch.read < text.size())
    for (auto& row : test::rows_of(batch.next(1, phase::generation, how))) logits.push_back(std::move(row));
  return logits;
}

/// An ablated model is the model after surgery: in float64, and phase by phase in float32.
template <class Config>
void check(test::made_model<Config> const& made, std::string const& edit, std::string const& layers,
           surgery const& changes) {
  CAPTURE(edit);
  auto tensors = operated(made, changes);
  auto const changed = make_model(made.config, tensors);
  auto const& model = made.model;
  auto const scoped = [&](std::string_view when) {
    return with(text_of(edit, " @ ", when, layers.empty() ? "" : ", layers=", layers));
  };
  auto const everywhere = read(model, model, scoped("all"));
  CHECK(test::distance(everywhere, test::slow::logits(made.config, tensors, text)) < rounding);
  CHECK(test::distance(everywhere, read(model, model)) > 1e-3);
  CHECK(test::distance(read(model, model, scoped("prefill")), read(changed, model)) < rounding);
  CHECK(test::distance(read(model, model, scoped("generation")), read(model, changed)) < rounding);
}

std::string layer_name(std::size_t at) { return text_of("model.layers.", at, "."); }

}  // namespace

TEST_CASE(
    "ablated_layer: RecurrentGemma without a block, a layer or channels is that of other weights, in float64 too") {
  test::made_model const made{test::small_recurrent_gemma()};
  auto const mixer = [](std::size_t at) {
    auto const output = layer_name(at) + "temporal_block." + (at % 2 == 1 ? "o_proj" : "linear_out");
    return surgery{{output + ".weight", nothing}, {output + ".bias", nothing}};
  };
  auto const mlp = [](std::size_t at) {
    auto const down = layer_name(at) + "mlp_block.down_proj";
    return surgery{{down + ".weight", nothing}, {down + ".bias", nothing}};
  };
  auto const both = [](surgery a, surgery const& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  auto const recurrent = [](std::string const& tensor, auto const& change) {
    return surgery{{layer_name(0) + "temporal_block." + tensor, change},
                   {layer_name(2) + "temporal_block." + tensor, change}};
  };
  check(made, "ablate(rg_lru)", "", both(mixer(0), mixer(2)));
  check(made, "ablate(rg_lru)", "0-1", mixer(0));
  check(made, "ablate(attention)", "3", mixer(3));
  check(made, "ablate(mlp)", "", both(both(mlp(0), mlp(1)), both(mlp(2), mlp(3))));
  check(made, "ablate(mlp)", "3", mlp(3));
  check(made, "ablate(layer)", "2", both(mixer(2), mlp(2)));
  check(made, "ablate(layer)", "1", both(mixer(1), mlp(1)));
  check(made, "ablate(rg_lru, channels=0,3-5,19)", "",
        recurrent("linear_out.weight", without_columns(20, {0, 3, 4, 5, 19})));
  check(made, "ablate(convolution)", "", recurrent("conv_1d.weight", without_past(4)));
  check(made, "ablate(convolution, channels=2-7)", "",
        recurrent("conv_1d.weight", without_past(4, {2, 3, 4, 5, 6, 7})));
}

TEST_CASE("ablated_layer: Jamba without a block, a layer or channels is that of other weights, in float64 too") {
  auto config = test::small_jamba();
  config.mamba_projection_bias = true;
  test::made_model const made{config};
  auto const mamba = [](std::string const& tensor, auto const& change) {
    return surgery{{layer_name(0) + "mamba." + tensor, change}, {layer_name(2) + "mamba." + tensor, change}};
  };
  auto const whole = [&] {
    auto changes = mamba("out_proj.weight", nothing);
    for (auto const& bias : mamba("out_proj.bias", nothing)) changes.push_back(bias);
    return changes;
  };
  auto const experts = [&](std::size_t at) {
    surgery changes;
    for (std::size_t i = 0; i < config.experts; ++i)
      changes.emplace_back(text_of(layer_name(at), "feed_forward.experts.", i, ".down_proj.weight"), nothing);
    return changes;
  };
  check(made, "ablate(mamba)", "", whole());
  check(made, "ablate(attention)", "",
        {{layer_name(1) + "self_attn.o_proj.weight", nothing}, {layer_name(3) + "self_attn.o_proj.weight", nothing}});
  check(made, "ablate(experts)", "0", experts(0));
  check(made, "ablate(experts)", "3", experts(3));
  check(made, "ablate(mlp)", "",
        {{layer_name(1) + "feed_forward.down_proj.weight", nothing},
         {layer_name(2) + "feed_forward.down_proj.weight", nothing}});
  auto layer = experts(3);
  layer.emplace_back(layer_name(3) + "self_attn.o_proj.weight", nothing);
  check(made, "ablate(layer)", "3", layer);
  check(made, "ablate(mamba, channels=1-8)", "",
        mamba("out_proj.weight", without_columns(40, {1, 2, 3, 4, 5, 6, 7, 8})));
  check(made, "ablate(convolution)", "", mamba("conv1d.weight", without_past(4)));
  check(made, "ablate(convolution, channels=39)", "", mamba("conv1d.weight", without_past(4, {39})));
}

TEST_CASE("ablated_layer: several blocks are taken away one by one, whatever else is done to the weights") {
  test::for_both([](model const& model) {
    auto const together =
        read(model, model, with("ablate(convolution); null @ generation; ablate(mlp) @ all, layers=1"));
    auto const apart =
        read(model, model,
             with("ablate(mlp) @ all, layers=1; ablate(convolution); ablate(mlp) @ all, layers=1; null @ generation"));
    CHECK(together == apart);
    CHECK(test::distance(together, read(model, model, with("ablate(convolution); null @ generation"))) > 1e-3);
    // Dropping every head leaves what the recurrent layers do alone: attention without its projection's bias.
    auto const headless = read(model, model, {.policy = none, .edits = {}});
    auto const ablated = read(model, model, with("ablate(attention)"));
    bool const has_bias = !model.attention_at(1)->output.bias.empty();
    CHECK((test::distance(headless, ablated) < rounding) == !has_bias);
  });
}

TEST_CASE("ablated_layer: where nothing is taken away, logits are bit for bit those of the whole model") {
  test::for_both([](model const& model) {
    auto const whole = read(model, model);
    test::batch prefilled{model, {text}};
    auto const prefill = test::rows_of(prefilled.next(read_first, phase::prefill, with("ablate(layer) @ generation")));
    CHECK(std::equal(prefill.begin(), prefill.end(), whole.begin()));
    std::vector<any_edit> const of_others{
        any_edit{edit::ablate{edit::block::attention}, {.during = {}, .layers = layer_set::first(1)}}};
    CHECK(ablated(model.layers[1], 1, phase::prefill, of_others).attention == false);
    CHECK(ablated(model.layers[0], 0, phase::prefill, of_others).attention == false);
  });
}

TEST_CASE("ablated_layer: only the last token's logits are those of the last token") {
  test::for_both([](model const& model) {
    for (auto const* edits : {"ablate(layer) @ all, layers=3", "ablate(attention)", "ablate(convolution)",
                              "ablate(mlp) @ all, layers=2", "balanced(2-4, mass=pass)"}) {
      CAPTURE(edits);
      auto const every = test::batch{model, {text}}.next(text.size(), phase::prefill, with(edits));
      auto const last = test::batch{model, {text}}.next(text.size(), phase::prefill, with(edits), wanted::last_token);
      CHECK(test::distance(last, test::slice(every, text.size() - 1, 1)) < rounding);
    }
  });
}

TEST_CASE("ablated_layer: what a model does not have cannot be taken away") {
  test::made_model const gemma{test::small_recurrent_gemma()};
  test::made_model const jamba{test::small_jamba()};
  auto const refused = [](model const& model, std::string_view edits) {
    test::batch batch{model, {text}};
    return test::message_of([&] { (void)batch.next(3, phase::prefill, with(edits)); });
  };
  CHECK(refused(gemma.model, "ablate(mamba)") ==
        "edit \"ablate(mamba)\": the model has no mamba (allowed: attention, rg_lru, convolution, mlp, layer)");
  CHECK(
      refused(jamba.model, "ablate(rg_lru)") ==
      "edit \"ablate(rg_lru)\": the model has no rg_lru (allowed: attention, mamba, convolution, mlp, experts, layer)");
  CHECK(refused(jamba.model, "ablate(mlp) @ generation, layers=0,3") ==
        "edit \"ablate(mlp) @ generation, layers=0,3\": none of these layers has mlp (allowed: layers 1, 2)");
  CHECK(refused(jamba.model, "ablate(layer) @ all, layers=4") ==
        "edit \"ablate(layer) @ all, layers=4\": the model has no layer 4 (allowed: 0 to 3)");
  CHECK(refused(jamba.model, "ablate(mamba, channels=3,40)") ==
        "edit \"ablate(mamba, channels=3,40)\": layer 0 has no channel 40 (allowed: 0 to 39)");
  CHECK(refused(gemma.model, "ablate(rg_lru, channels=20)") ==
        "edit \"ablate(rg_lru, channels=20)\": layer 0 has no channel 20 (allowed: 0 to 19)");
  CHECK(refused(gemma.model, "ablate(mlp, channels=0)") ==
        "edit \"ablate(mlp, channels=0)\": mlp has no channels (allowed: channels of a recurrence, or of convolution)");
  CHECK(refused(gemma.model, "ablate(mlp) @ all, heads=1") ==
        "edit \"ablate(mlp) @ all, heads=1\": heads are those of weights (allowed: ablate without heads)");
  CHECK(refused(gemma.model, "null @ all, heads=4") ==
        "edit \"null @ all, heads=4\": layer 1 has 4 heads (allowed: heads 0 to 3)");
}
