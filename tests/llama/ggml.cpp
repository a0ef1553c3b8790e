#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/adapt/ggml.hpp>
#include <headcount/headcount.hpp>

using namespace headcount;

namespace {

/// A tensor by hand, float32 side by side.
ggml_tensor tensor_of(char const* name, ggml_op op, std::array<std::int64_t, 4> extents, std::vector<float>& values) {
  ggml_tensor made{};
  made.type = GGML_TYPE_F32;
  made.op = op;
  std::size_t bytes = sizeof(float);
  for (std::size_t axis = 0; axis < 4; ++axis) {
    made.ne[axis] = extents[axis];
    made.nb[axis] = bytes;
    bytes *= static_cast<std::size_t>(extents[axis]);
  }
  values.resize(bytes / sizeof(float), 1.0f);
  made.data = values.data();
  ggml_set_name(&made, name);
  return made;
}

/// A layer of two heads of two features over four cells, `queries` of them, as llama.cpp lays it out.
struct layer_by_hand {
  explicit layer_by_hand(std::int64_t queries, char const* rows_name = "kq_soft_max-3",
                         char const* outputs_name = "kqv_out-3")
      : key{tensor_of("k", GGML_OP_NONE, {2, 4, 2, 1}, unused[0])},
        logits{tensor_of("kq-3", GGML_OP_MUL_MAT, {4, queries, 2, 1}, unused[1])},
        mask{tensor_of("mask", GGML_OP_NONE, {4, queries, 1, 1}, shown)},
        rows{tensor_of(rows_name, GGML_OP_SOFT_MAX, {4, queries, 2, 1}, weights)},
        value{tensor_of("v", GGML_OP_NONE, {4, 2, 2, 1}, unused[2])},
        product{tensor_of("kqv-3", GGML_OP_MUL_MAT, {2, queries, 2, 1}, unused[3])},
        outputs{tensor_of(outputs_name, GGML_OP_CONT, {4, queries, 1, 1}, results)},
        projection{tensor_of("projection", GGML_OP_MUL_MAT, {4, queries, 1, 1}, unused[4])} {
    logits.src[0] = &key;
    rows.src[0] = &logits;
    rows.src[1] = &mask;
    product.src[0] = &value;
    outputs.src[0] = &product;
    projection.src[1] = &outputs;
    for (auto& one : shown) one = 0;
  }
  layer_by_hand(layer_by_hand const&) = delete;

  template <class Hook>
  void run(Hook& hook) {
    for (auto* node : {&logits, &rows, &product, &outputs, &projection})
      if (hook.visit(*node, true)) hook.visit(*node, false);
  }

  std::vector<float> unused[5], shown, weights, results;
  ggml_tensor key, logits, mask, rows, value, product, outputs, projection;
};

auto const entropy_1 = score::entropy{} | select::top_k{1};
using entropy_hook = ggml::hook<std::remove_const_t<decltype(entropy_1)>>;

kernel::no_observer nobody;
constexpr auto hidden = -std::numeric_limits<float>::infinity();

}  // namespace

TEST_CASE("ggml: the head that looks at one key is kept, the other's output is zeroed") {
  for (auto const* name : {"kq_soft_max-3", "kq_soft_max_ext-3"})
    for (auto const* outputs : {"kqv_out-3", "attn_pregate-3", "kqv_merged_cont-3"}) {
      layer_by_hand layer{1, name, outputs};
      layer.weights = {0.25f, 0.25f, 0.25f, 0.25f, 0, 1, 0, 0};
      layer.rows.data = layer.weights.data();
      if (std::string{outputs} == "attn_pregate-3") layer.projection.op = GGML_OP_MUL;
      ggml::cell_positions cells;
      entropy_hook hook{entropy_1, phase::generation, ggml::batch{{{.position = 3}}}, cells, nobody};
      layer.run(hook);
      hook.check();
      CHECK(layer.results == std::vector<float>{0, 0, 1, 1});
      REQUIRE(hook.layers().size() == 1);
      CHECK(hook.layers().front().layer == 3);
      CHECK(hook.layers().front().heads == 2);
      CHECK(hook.layers().front().group == 1);
      CHECK(hook.layers().front().head_dim == 2);
    }
}

TEST_CASE("ggml: the phase is the caller's, whatever the number of queries") {
  layer_by_hand layer{1};
  ggml::cell_positions cells;
  using hook_type = ggml::hook<std::remove_const_t<decltype(none)>>;
  hook_type hook{none.during(phase::generation), phase::prefill, ggml::batch{{{.position = 512}}}, cells, nobody};
  layer.run(hook);
  hook.check();
  CHECK(layer.results == std::vector<float>{1, 1, 1, 1});
}

TEST_CASE("ggml: a padded query, whose row is NaN, is left alone") {
  layer_by_hand layer{2};
  auto const nan = std::numeric_limits<float>::quiet_NaN();
  layer.weights = {0.5f, 0.5f, 0, 0, nan, nan, nan, nan, 0, 1, 0, 0, nan, nan, nan, nan};
  layer.rows.data = layer.weights.data();
  layer.shown = {0, 0, hidden, hidden, hidden, hidden, hidden, hidden};
  layer.mask.data = layer.shown.data();
  ggml::cell_positions cells;
  entropy_hook hook{entropy_1, phase::prefill, ggml::batch{{{.position = 1}, {.position = 2}}}, cells, nobody};
  layer.run(hook);
  hook.check();
  CHECK(layer.results == std::vector<float>{0, 0, 1, 1, 1, 1, 1, 1});
}

TEST_CASE("ggml: what was found is said where nothing fits") {
  ggml::cell_positions cells;
  auto const said = [&](layer_by_hand& layer) {
    entropy_hook hook{entropy_1, phase::prefill, ggml::batch{{{.position = 3}}}, cells, nobody};
    layer.run(hook);
    try {
      hook.check();
    } catch (error const& wrong) {
      return std::string{wrong.what()};
    }
    return std::string{};
  };
  layer_by_hand renamed{1, "kq_soft_max-3", "attn_other-3"};
  CHECK(said(renamed).find("attn_other-3") != std::string::npos);
  layer_by_hand projected{1};
  projected.outputs.op = GGML_OP_MUL_MAT;  // early versions called what comes after the projection kqv_out
  CHECK(said(projected).find("no layer's attention output was found") != std::string::npos);
  layer_by_hand flash{1, "fused-3"};
  CHECK(said(flash).find("turn flash attention off") != std::string::npos);
  layer_by_hand added{1};
  added.projection.op = GGML_OP_ADD;
  CHECK(said(added).find("kqv_out-3 goes into ADD") != std::string::npos);
  layer_by_hand lost{1};
  lost.projection.src[1] = nullptr;
  CHECK(said(lost).find("nothing takes kqv_out-3") != std::string::npos);
  layer_by_hand narrow{1};
  narrow.outputs.ne[0] = 3;
  CHECK(said(narrow).find("no layer's attention output was found") != std::string::npos);
  layer_by_hand more{2};
  CHECK(said(more).find("it computes 2 tokens, and 1 of those given are left") != std::string::npos);
}

TEST_CASE("ggml: the host's own callback sees what it asks for") {
  layer_by_hand layer{1};
  ggml::cell_positions cells;
  std::vector<std::string> seen;
  auto const next = [](ggml_tensor* node, bool ask, void* user) {
    if (ask) return std::string_view{node->name} == "kqv-3" || std::string_view{node->name} == "kqv_out-3";
    static_cast<std::vector<std::string>*>(user)->push_back(node->name);
    return true;
  };
  entropy_hook hook{entropy_1, phase::generation, ggml::batch{{{.position = 3}}}, cells, nobody, next, &seen};
  layer.run(hook);
  hook.check();
  CHECK(seen == std::vector<std::string>{"kqv-3", "kqv_out-3"});
}

TEST_CASE("ggml_nodes: names say what a node is and of which layer") {
  CHECK(ggml::role_of("kq_soft_max-12").kind == ggml::node_kind::weights);
  CHECK(ggml::role_of("kq_soft_max-12").layer == 12);
  CHECK(ggml::role_of("attn_pregate-0").kind == ggml::node_kind::outputs);
  for (auto const* other : {"kq_soft_max", "kq_soft_max-", "kq_soft_max-1x", "kq-1", "kqv_wo-1", ""})
    CHECK(ggml::role_of(other).kind == ggml::node_kind::other);
}

TEST_CASE("ggml_cells: cells of a ring are ordered by position, and those of other sequences are left out") {
  ggml::cell_positions cells;
  auto const see = [&](std::size_t sequence, std::size_t position, std::vector<std::size_t> const& shown) {
    auto const seen = cells.visible(0, sequence, position, 4,
                                    [&](std::size_t cell) { return std::ranges::find(shown, cell) != shown.end(); });
    return std::vector<std::size_t>{seen.begin(), seen.end()};
  };
  CHECK(see(0, 0, {0}) == std::vector<std::size_t>{0});
  CHECK(see(0, 1, {0, 1}) == std::vector<std::size_t>{0, 1});
  CHECK(see(1, 0, {2}) == std::vector<std::size_t>{2});
  CHECK(see(0, 2, {0, 1, 3}) == std::vector<std::size_t>{0, 1, 3});
  CHECK(see(0, 3, {0, 1, 3}) == std::vector<std::size_t>{1, 3, 0});  // a window of three: cell 0 was let go
  CHECK(see(0, 4, {0, 1, 3}) == std::vector<std::size_t>{3, 0, 1});
  cells.clear();
  CHECK(see(0, 7, {0, 1, 3}) == std::vector<std::size_t>{0, 1, 3});
}

TEST_CASE("ggml_batch: a ubatch takes equally many tokens of each sequence, or tokens as they stand") {
  std::vector<ggml::batch_token> const tokens{{.sequence = 0, .position = 0},
                                              {.sequence = 1, .position = 0},
                                              {.sequence = 0, .position = 1},
                                              {.sequence = 0, .position = 2}};
  auto const order = [](ggml::batch const& one) {
    std::vector<std::pair<std::size_t, std::size_t>> places;
    for (auto const* token : one.ubatch()) places.emplace_back(token->sequence, token->position);
    return places;
  };
  using places = std::vector<std::pair<std::size_t, std::size_t>>;
  ggml::batch fair{tokens};
  fair.meet(0, 2, false);
  CHECK(order(fair) == places{{0, 0}, {1, 0}});
  fair.meet(1, 2, true);
  CHECK_THROWS_WITH_AS(fair.meet(2, 3, true), doctest::Contains("layer 2 computes 3 tokens of 2"), error);
  fair.meet(0, 2, false);
  CHECK(order(fair) == places{{0, 1}, {0, 2}});
  ggml::batch plain{tokens, ggml::batch_order::as_given};
  plain.meet(0, 3, false);
  CHECK(order(plain) == places{{0, 0}, {1, 0}, {0, 1}});
}

TEST_CASE("ggml_batch: sequences that llama.cpp would not take together are refused") {
  ggml::cell_positions cells;
  kernel::no_observer nobody;
  std::vector<ggml::batch_token> const tokens{{.sequence = 0}, {.sequence = 2}};
  CHECK_THROWS_WITH_AS(
      (ggml::hook{dense, phase::prefill, ggml::batch{tokens}, cells, nobody}),
      "batch: it holds sequences 0 and 2, and none between (allowed: sequences one after the other, or "
      "another batch for each)",
      error);
  CHECK_NOTHROW((ggml::hook{dense, phase::prefill, ggml::batch{tokens, ggml::batch_order::as_given}, cells, nobody}));
}
