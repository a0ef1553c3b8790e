#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <variant>

#include <headcount/core/error.hpp>
#include <headcount/core/index_ranges.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/words.hpp>
#include <headcount/edit/ablate.hpp>
#include <headcount/part/print_part.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/reference/block/ablated_channels.hpp>
#include <headcount/reference/model/model.hpp>

namespace headcount::v0::reference {

/// What edits take away of one layer in one pass.
struct ablated_layer {
  bool attention = false;       ///< what attention adds is 0
  bool recurrent = false;       ///< what the recurrence adds is 0
  bool feed_forward = false;    ///< what the feed-forward block adds is 0
  ablated_channels channels{};  ///< of a recurrent mixer
};

/// Whether a layer has a block of a kind.
[[nodiscard]] inline bool has_block(layer const& of, edit::block what) noexcept {
  switch (what) {
    case edit::block::attention:
      return of.attention.has_value();
    case edit::block::convolution:
      return !std::holds_alternative<std::monostate>(of.recurrent);
    case edit::block::mlp:
      return std::holds_alternative<mlp>(of.feed_forward);
    case edit::block::experts:
      return std::holds_alternative<experts>(of.feed_forward);
    case edit::block::layer:
      return true;
    default:
      bool has = false;
      visit_block(of.recurrent, [&](auto const& block) { has = block.kind == word_of(what); });
      return has;
  }
}

/// Channels of a layer's recurrence, or of its convolution, which may have more; 0 where there is none.
[[nodiscard]] inline std::size_t channels_of(layer const& of, edit::block what) noexcept {
  std::size_t channels = 0;
  visit_block(of.recurrent, [&](auto const& block) {
    channels = what == edit::block::convolution ? block.convolution.channels : block.channels();
  });
  return channels;
}

/// What the edits that apply in a layer and phase take away there.
[[nodiscard]] inline ablated_layer ablated(layer const& of, std::size_t at, phase when,
                                           std::span<any_edit const> edits) {
  ablated_layer away;
  auto const add = [](index_ranges& to, index_ranges const& channels) {
    for (auto const range : channels) to.insert(range);
  };
  for (auto const& edit : edits) {
    auto const* const ablation = edit.ablation();
    if (ablation == nullptr || !edit.where.covers({.layer = at, .phase = when}) || !has_block(of, ablation->what))
      continue;
    switch (ablation->what) {
      case edit::block::convolution:
        if (ablation->channels.empty()) away.channels.past_taps.insert({0, channels_of(of, ablation->what) - 1});
        else add(away.channels.past_taps, ablation->channels);
        break;
      case edit::block::mlp:
      case edit::block::experts:
        away.feed_forward = true;
        break;
      case edit::block::layer:
        away.attention = away.recurrent = away.feed_forward = true;
        break;
      case edit::block::attention:
        away.attention = true;
        break;
      default:
        if (ablation->channels.empty()) away.recurrent = true;
        else add(away.channels.outputs, ablation->channels);
    }
  }
  return away;
}

/// Throws headcount::error when an edit does not fit a model: no layer of its scope has what it changes, or has fewer
/// heads or channels than it names.
inline void validate(any_edit const& edit, model const& model) {
  auto const* const ablation = edit.ablation();
  if (ablation == nullptr) {
    validate(edit.where, model);
    for (std::size_t at = 0; at < model.layers.size(); ++at)
      if (auto const* const block = model.attention_at(at); block != nullptr && edit.where.reaches(at))
        edit.validate({.layer = at, .heads = block->heads, .group = block->group()});
    return;
  }
  auto const fail = [&](std::string const& problem, std::string const& allowed) {
    throw error{text_of("edit \"", print(edit), "\""), problem, allowed};
  };
  if (edit.heads) fail("heads are those of weights", "ablate without heads");
  auto const& what = ablation->what;
  auto const has_channels = what != edit::block::attention && what != edit::block::mlp &&
                            what != edit::block::experts && what != edit::block::layer;
  if (!ablation->channels.empty() && !has_channels)
    fail(text_of(word_of(what), " has no channels"), "channels of a recurrence, or of convolution");
  if (edit.where.layers)
    for (auto const at : *edit.where.layers)
      if (at >= model.layers.size())
        fail(text_of("the model has no layer ", at), text_of("0 to ", model.layers.size() - 1));
  std::string known;
  bool found = false;
  for (std::size_t at = 0; at < model.layers.size(); ++at) {
    auto const& layer = model.layers[at];
    if (!has_block(layer, what)) continue;
    add_to_list(known, text_of(at));
    if (!edit.where.reaches(at)) continue;
    found = true;
    for (auto const range : ablation->channels)
      if (range.last >= channels_of(layer, what))
        fail(text_of("layer ", at, " has no channel ", range.last), text_of("0 to ", channels_of(layer, what) - 1));
  }
  if (known.empty()) {
    std::string has;
    for (std::size_t any = 0; any < words_of<edit::block>.size(); ++any)
      if (std::ranges::any_of(model.layers, [&](layer const& one) { return has_block(one, edit::block(any)); }))
        add_to_list(has, words_of<edit::block>[any]);
    fail(text_of("the model has no ", word_of(what)), has);
  }
  if (!found) fail(text_of("none of these layers has ", word_of(what)), text_of("layers ", known));
}

}  // namespace headcount::v0::reference
