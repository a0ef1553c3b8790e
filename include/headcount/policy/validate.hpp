#pragma once

#include <cstddef>
#include <optional>
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

// What cannot work, as values; `validate` throws the same.

/// Why a policy cannot work at a site like this one: no heads, more than head_set holds, heads that do not share
/// key/value heads evenly, or, in a layer that its scope names, a part that cannot work there (find_part_mistake).
/// Asked once a layer, not per token.
template <head_policy Policy>
[[nodiscard]] std::optional<error> find_mistake(Policy const& policy, site const& where) {
  auto const refused = [&](std::string const& problem, std::string const& allowed) {
    return error{text_of("layer ", where.layer), problem, allowed};
  };
  if (where.heads == 0) return refused("site::heads is 0, and nobody keeps heads of none", "1 or more");
  if (where.heads > head_set::capacity())
    return refused(text_of("it has ", where.heads, " heads"), text_of("at most ", head_set::capacity()));
  if (where.group == 0 || where.heads % where.group != 0)
    return refused(text_of("its ", where.heads, " heads cannot share key/value heads by ", where.group),
                   "a group size that divides the heads");
  if (!policy.where.reaches(where.layer)) return std::nullopt;
  auto found = find_part_mistake(policy.score, where);
  if (!found) found = find_part_mistake(policy.select, where);
  if (!found) found = find_part_mistake(policy.mask, where);
  return found;
}

/// Why a scope does not fit a model: it names layers that the model does not have, or none that has attention.
/// `layers` has a site a layer, with 0 heads where there is no attention.
[[nodiscard]] inline std::optional<error> find_mistake(scope const& where, std::span<site const> layers) {
  if (!where.layers) return std::nullopt;
  std::size_t with_attention = 0;
  std::string known;
  for (std::size_t index = 0; index < layers.size(); ++index) {
    if (layers[index].heads == 0) continue;
    add_to_list(known, text_of(index));
    with_attention += where.layers->contains(index) ? 1u : 0u;
  }
  auto const refused = [&](std::string const& problem) {
    return error{text_of("scope", print(where)), problem, text_of("attention layers ", known)};
  };
  for (auto const index : *where.layers)
    if (index >= layers.size()) return refused(text_of("the model has no layer ", index));
  if (with_attention == 0) return refused("none of these layers has attention");
  return std::nullopt;
}

/// Why a policy cannot work in a model: k above a layer's heads, layers that are not there.
template <head_policy Policy>
[[nodiscard]] std::optional<error> find_mistake(Policy const& policy, std::span<site const> layers) {
  auto found = find_mistake(policy.where, layers);
  for (auto const& layer : layers)
    if (!found && layer.heads > 0) found = find_mistake(policy, layer);
  return found;
}

/// Why an engine that gives only these readings cannot run a policy; `allowed` says what its scorer may read.
template <head_policy Policy>
[[nodiscard]] std::optional<error> find_missing_reading(Policy const& policy, reading_set given,
                                                        std::string_view allowed) {
  if (auto const missing = (policy.reads() - given).last(); missing != reading::nothing)
    return error{"policy", text_of("its scorer reads ", word_of(missing)), allowed};
  return std::nullopt;
}

/// Throws headcount::error when a policy cannot work at a site like this one.
template <head_policy Policy>
void validate(Policy const& policy, site const& where) {
  if (auto const found = find_mistake(policy, where)) raise(*found);
}

/// Throws headcount::error when a policy's scorer reads anything but what is `given`.
template <head_policy Policy>
void require_readings(Policy const& policy, reading_set given, std::string_view allowed) {
  if (auto const found = find_missing_reading(policy, given, allowed)) raise(*found);
}

/// Throws headcount::error when a scope does not fit a model.
inline void validate(scope const& where, std::span<site const> layers) {
  if (auto const found = find_mistake(where, layers)) raise(*found);
}

/// Throws headcount::error when a policy cannot work in a model.
template <head_policy Policy>
void validate(Policy const& policy, std::span<site const> layers) {
  if (auto const found = find_mistake(policy, layers)) raise(*found);
}

}  // namespace headcount::v0
