#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <headcount/core/error.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/words.hpp>
#include <headcount/part/validate_part.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/policy/print.hpp>
#include <headcount/policy/scope.hpp>
#include <headcount/score/scorer.hpp>

namespace headcount::v0 {

/// Throws headcount::error when a policy cannot work at a site like this one: no heads, more than head_set holds, heads
/// that do not share key/value heads evenly, or, in a layer that its scope names, a part that validate_part refuses.
/// Run once a layer, not per token.
template <head_policy Policy>
void validate(Policy const& policy, site const& where) {
  if (where.heads == 0)
    fail(text_of("layer ", where.layer), "site::heads is 0, and nobody keeps heads of none", "1 or more");
  if (where.heads > head_set::capacity())
    fail(text_of("layer ", where.layer), text_of("it has ", where.heads, " heads"),
         text_of("at most ", head_set::capacity()));
  if (where.group == 0 || where.heads % where.group != 0)
    fail(text_of("layer ", where.layer),
         text_of("its ", where.heads, " heads cannot share key/value heads by ", where.group),
         "a group size that divides the heads");
  if (!policy.where.reaches(where.layer)) return;
  validate_part(policy.score, where);
  validate_part(policy.select, where);
  validate_part(policy.mask, where);
}

/// Throws headcount::error when a policy's scorer reads anything but what is `given`; `allowed` says what it may read.
template <head_policy Policy>
void require_readings(Policy const& policy, reading_set given, std::string_view allowed) {
  if (auto const missing = (policy.reads() - given).last(); missing != reading::nothing)
    fail("policy", text_of("its scorer reads ", word_of(missing)), allowed);
}

/// Throws headcount::error when layers are named that a model does not have, or none of those named has attention.
/// `layers` has a site a layer, with 0 heads where there is no attention.
inline void validate(scope const& where, std::span<site const> layers) {
  if (!where.layers) return;
  std::size_t with_attention = 0;
  std::string known;
  for (std::size_t index = 0; index < layers.size(); ++index) {
    if (layers[index].heads == 0) continue;
    add_to_list(known, text_of(index));
    with_attention += where.layers->contains(index) ? 1u : 0u;
  }
  auto const refuse = [&](std::string const& problem) {
    fail(text_of("scope", print(where)), problem, text_of("attention layers ", known));
  };
  for (auto const index : *where.layers)
    if (index >= layers.size()) refuse(text_of("the model has no layer ", index));
  if (with_attention == 0) refuse("none of these layers has attention");
}

/// Throws headcount::error when a policy cannot work in a model: k above a layer's heads, layers that are not there.
template <head_policy Policy>
void validate(Policy const& policy, std::span<site const> layers) {
  validate(policy.where, layers);
  for (auto const& layer : layers)
    if (layer.heads > 0) validate(policy, layer);
}

}  // namespace headcount::v0
