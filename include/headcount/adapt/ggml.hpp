#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ggml-backend.h>
#include <ggml.h>

#include <headcount/adapt/ggml_batch.hpp>
#include <headcount/adapt/ggml_cells.hpp>
#include <headcount/adapt/ggml_nodes.hpp>
#include <headcount/adapt/ggml_rows.hpp>
#include <headcount/adapt/ggml_supported.hpp>
#include <headcount/core/error.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/core/text.hpp>
#include <headcount/kernel/observer.hpp>
#include <headcount/mask/mask.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/policy/scorer_state.hpp>
#include <headcount/policy/validate.hpp>
#include <headcount/score/attention_tensors.hpp>

// Any policy in llama.cpp as it is, through the callback that ggml makes for every node of a graph. The names are those
// of llama-graph.cpp: `kq_soft_max-L` or, in early 2025, `kq_soft_max_ext-L`, `[key, query, head, stream]`, fastest
// first; `kqv_out-L`, `attn_pregate-L` where a gate follows, or `kqv_merged_cont-L`, `[head * dim, token]`, before the
// output projection; `attn_norm-L`, `[width, token]`, where a scorer or an observer wants the block's input. Names are
// no interface: shapes, producers and consumers are checked as well.
namespace headcount::v0::ggml {

/// Follows a policy in the graphs of one batch. Give `on_node` and the hook as `cb_eval` and `cb_eval_user_data` of
/// llama_context_params; make one before llama_decode, ask `check` after it. The phase is the caller's to say: the
/// shape of a graph does not tell. Flash attention may be on where `reads_rows` is false.
template <head_policy Policy, kernel::attention_observer Observer = kernel::no_observer>
class hook {
 public:
  /// `next` is the callback that the host has already.
  hook(Policy policy, phase when, batch tokens, cell_positions& cells, Observer& observer,
       ggml_backend_sched_eval_callback next = nullptr, void* next_data = nullptr)
      : policy_{std::move(policy)},
        when_{when},
        batch_{std::move(tokens)},
        cells_{&cells},
        observer_{&observer},
        next_{next},
        next_data_{next_data} {
    require_supported(policy_);
    batch_.require_edits_of_rows();
    batch_.require_sequences_in_a_row();
  }

  /// Whether flash attention must be off.
  [[nodiscard]] bool reads_rows() const {
    return watched || policy_.reads().contains(reading::row) || attention_of(policy_.mask, 1).has_value() ||
           std::ranges::any_of(batch_.tokens(), [](batch_token const& one) { return !one.edits.empty(); });
  }

  /// The layers with attention that were met, as sites; of the last graph's last token.
  [[nodiscard]] std::vector<site> const& layers() const noexcept { return met_; }

  /// Throws what went wrong in the graphs, and headcount::error when they held no attention that we know.
  void check() const {
    if (failed_) std::rethrow_exception(failed_);
    if (met_.empty())
      fail("llama.cpp", text_of("no layer's attention output was found; its nodes: ", found_.empty() ? "none" : found_),
           "kqv_out-L, attn_pregate-L or kqv_merged_cont-L before the output projection");
    if (reads_rows() && !weights_met_)
      fail("llama.cpp", text_of("no attention rows were found; its nodes: ", found_),
           "kq_soft_max-L: turn flash attention off (LLAMA_FLASH_ATTN_TYPE_DISABLED)");
    waiting_.end();
  }

  std::size_t width = 0;  ///< site::width, where the caller says it and the layer's input is there to be seen

  /// ggml's callback; `user` is the hook.
  static bool on_node(ggml_tensor* node, bool ask, void* user) noexcept {
    return static_cast<hook*>(user)->visit(*node, ask);
  }

  bool visit(ggml_tensor& node, bool ask) noexcept {
    if (ask) {
      next_wants_ = next_ != nullptr && next_(&node, true, next_data_);
      mine_ = !failed_ && guarded([&] { mine_role_ = wanted(node); }) && mine_role_.kind != node_kind::other;
      return mine_ || next_wants_;
    }
    if (mine_ && !guarded([&] {
          if (mine_role_.kind == node_kind::input) inputs_.take(node, mine_role_.layer);
          else if (mine_role_.kind == node_kind::weights) take_rows(node, mine_role_.layer);
          else mask_outputs(node, mine_role_.layer);
        }))
      return false;
    return !next_wants_ || next_(&node, false, next_data_);
  }

 private:
  static constexpr bool watched = !std::same_as<Observer, kernel::no_observer>;

  template <class Work>
  bool guarded(Work const& work) noexcept {
    try {
      work();
      return true;
    } catch (...) {
      failed_ = std::current_exception();
      return false;
    }
  }

  /// Which node this is of those that we read or write; checks on the way who takes the last outputs.
  node_role wanted(ggml_tensor& node) {
    waiting_.meet(node);
    std::string_view const name{node.name};
    auto role = role_of(name);
    if (found_.size() < 400 && (name.starts_with("kq") || name.find("attn") != name.npos)) add_to_list(found_, name);
    if (role.kind == node_kind::input) inputs_.meet(role.layer);
    if (role.kind == node_kind::input && !kernel::watches_inputs<Observer> && !policy_.reads().contains(reading::input))
      role.kind = node_kind::other;
    if (role.kind == node_kind::weights && !reads_rows()) role.kind = node_kind::other;
    if (role.kind == node_kind::outputs && shape_of_outputs(node).heads == 0) role.kind = node_kind::other;
    return role;
  }

  void meet(std::size_t layer, std::size_t count) {
    bool const goes_on = last_layer_ && (layer > *last_layer_ || (layer == *last_layer_ && last_weights_ == layer));
    last_layer_ = layer;
    if (!goes_on) met_.clear();
    batch_.meet(layer, count, goes_on);
  }
  [[nodiscard]] site site_of(std::size_t layer, batch_token const& token, head_shape const& shape) const {
    return {.layer = layer,
            .phase = when_,
            .sequence_id = token.sequence_id,
            .position = token.position,
            .heads = shape.heads,
            .group = shape.group,
            .width = inputs_.met(layer) ? width : 0,
            .head_dim = shape.dim};
  }

  void take_rows(ggml_tensor& node, std::size_t layer) {
    require_float(node);
    auto const size = [&](int axis) { return static_cast<std::size_t>(node.ne[axis]); };
    auto const heads = size(2), queries = size(1), streams = size(3), keys = size(0);
    if (heads == 0 || heads > head_set::capacity() || node.op != GGML_OP_SOFT_MAX)
      fail(node.name, text_of("it is ", ggml_op_name(node.op), " of ", heads, " heads"),
           text_of("a softmax of at most ", head_set::capacity(), " heads"));
    head_shape const shape{.heads = heads, .group = group_of_rows(node)};
    meet(layer, queries * streams);
    last_weights_ = layer;
    weights_met_ = true;
    kept_.assign(batch_.ubatch().size(), std::nullopt);
    rows_.resize(batch_.ubatch().size());
    for (auto& rows : rows_) rows.clear();
    host_values values{node};
    std::optional<host_values> mask;
    if (node.src[1] != nullptr) mask.emplace(*node.src[1]);
    bool changed = false;
    for (std::size_t stream = 0; stream < streams; ++stream)
      for (std::size_t query = 0; query < queries; ++query) {
        auto const index = stream * queries + query;
        auto const& token = *batch_.ubatch()[index];
        auto const seen = cells_->visible(layer, token.sequence, token.position, keys, [&](std::size_t cell) {
          return !mask || shows(*node.src[1], mask->data(), cell, query, stream);
        });
        if (seen.empty()) continue;  // a padded query: its row means nothing
        query_rows const of_query{node, values.data(), query, stream};
        auto& rows = rows_[index];
        of_query.read(seen, heads, rows);
        if (!edit_rows(site_of(layer, token, shape), token, index, {rows.data(), {heads, seen.size()}})) continue;
        changed = true;
        of_query.write(seen, heads, rows);
      }
    if (changed) values.store();
  }

  /// Decides by rows, shows them, edits them; whether they changed.
  bool edit_rows(site const& where, batch_token const& token, std::size_t index, strided_view<float, 2> rows) {
    for (std::size_t head = 0; head < where.heads; ++head) observer_->row(where, head, rows[head].as_span());
    if (policy_.reads().last() <= reading::row) kept_[index] = decide_at(where, index, rows, {});
    bool changed = false;
    if (kept_[index])
      if (auto const otherwise = attention_of(policy_.mask, rows.extent(1)))
        for (std::size_t head = 0; head < where.heads; ++head)
          if (!kept_[index]->contains(head)) attend_only(*otherwise, rows[head].as_span()), changed = true;
    for (auto const& edit : token.edits)
      if (edit.edits_weights(where))
        edit(rows, head_set::first(where.heads), {.first = where.position + 1 - rows.extent(1), .phase = when_}),
            changed = true;
    if constexpr (kernel::watches_edited_rows<Observer>)
      for (std::size_t head = 0; head < where.heads; ++head) observer_->edited_row(where, head, rows[head].as_span());
    return changed;
  }

  [[nodiscard]] head_set decide_at(site const& where, std::size_t index, strided_view<float const, 2> rows,
                                   strided_view<float const, 2> outputs) {
    auto const& token = *batch_.ubatch()[index];
    auto const row_of = [&](std::size_t head) -> row_view { return rows[head]; };
    auto const output_of = [&](std::size_t head) { return head_output{outputs[head]}; };
    auto const input = inputs_.of(where.layer, index);
    if (input.empty() && policy_.reads().contains(reading::input))
      fail("llama.cpp", text_of("what layer ", where.layer, "'s attention is given was not found; its nodes: ", found_),
           "attn_norm-L, [width, token]");
    attention_tensors tensors{.input = {input}, .rows = row_of, .outputs = output_of};
    if (auto const slots = policy_.state_size(); slots > 0) {
      if (token.memory == nullptr)
        fail("policy", "its scorer remembers, and the token's sequence has no memory", "batch_token::memory");
      tensors.memory = token.memory->of(where.layer, slots, where.heads);
    }
    if constexpr (kernel::watches_scores<Observer>) {
      head_scores scores;
      auto const kept = decide(policy_, where, tensors, scores);
      if (policy_.where.covers(where)) observer_->scored(where, std::span<double const>{scores}.first(where.heads));
      return kept;
    } else {
      return decide(policy_, where, tensors);
    }
  }

  void mask_outputs(ggml_tensor& node, std::size_t layer) {
    require_float(node);
    auto const shape = shape_of_outputs(node);
    auto const tokens = static_cast<std::size_t>(node.ne[1] * node.ne[2] * node.ne[3]);
    meet(layer, tokens);
    bool const has_rows = last_weights_ == layer;
    if (reads_rows() && !has_rows)
      fail("llama.cpp", text_of("layer ", layer, " has ", node.name, " and no attention rows before it"),
           "kq_soft_max-L: turn flash attention off (LLAMA_FLASH_ATTN_TYPE_DISABLED)");
    last_weights_.reset();
    waiting_.begin(node);
    auto const last = site_of(layer, *batch_.ubatch().back(), shape);
    validate(policy_, last);
    met_.push_back(last);
    host_values values{node};
    bool changed = false;
    for (std::size_t index = 0; index < tokens; ++index) {
      auto const& token = *batch_.ubatch()[index];
      auto const where = site_of(layer, token, shape);
      strided_view<float, 2> const outputs{reinterpret_cast<float*>(values.data() + index * node.nb[1]),
                                           {shape.heads, shape.dim}};
      strided_view<float const, 2> rows;
      if (has_rows) {
        if (rows_[index].empty()) continue;
        rows = {rows_[index].data(), {shape.heads, rows_[index].size() / shape.heads}};
      }
      auto const kept = has_rows && kept_[index] ? *kept_[index] : decide_at(where, index, rows, outputs);
      if constexpr (kernel::watches_inputs<Observer>)
        if (auto const input = inputs_.of(layer, index); !input.empty()) observer_->input(where, input);
      observer_->kept(where, kept);
      auto const factor = static_cast<float>(policy_.mask.factors(kept.size(), where.heads).outputs);
      for (std::size_t head = 0; head < where.heads; ++head) {
        if (!kept.contains(head)) {
          if (!attention_of(policy_.mask, 1)) mask_output(policy_.mask, where, head, outputs[head]), changed = true;
          continue;
        }
        if constexpr (kernel::watches_outputs<Observer>) observer_->output(where, head, outputs[head].as_span());
        if (factor == 1) continue;
        for (auto& value : outputs[head]) value *= factor;
        changed = true;
      }
    }
    if (changed) values.store();
  }

  Policy policy_;
  phase when_;
  batch batch_;
  cell_positions* cells_;
  Observer* observer_;
  ggml_backend_sched_eval_callback next_;
  void* next_data_;
  std::vector<std::optional<head_set>> kept_;
  std::vector<std::vector<float>> rows_;  ///< of each token of the ubatch, `[head, key]`, in the layer at work
  block_inputs inputs_;
  std::optional<std::size_t> last_layer_;
  std::optional<std::size_t> last_weights_;
  std::vector<site> met_;
  bool weights_met_ = false;
  consumer_check waiting_;
  std::string found_;
  bool mine_ = false;
  bool next_wants_ = false;
  node_role mine_role_;
  std::exception_ptr failed_;
};

}  // namespace headcount::v0::ggml
