#pragma once

#include <headcount/core/error.hpp>
#include <headcount/mask/mask.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/policy/validate.hpp>
#include <headcount/score/scorer.hpp>

namespace headcount::v0::ggml {

/// Throws headcount::error when a policy asks for what graphs do not show.
template <head_policy Policy>
void require_supported(Policy const& policy) {
  require_readings(policy, reading_set{reading::input} | reading::row | reading::output,
                   "in llama.cpp, scorers that read inputs, rows, outputs or nothing");
  if (policy.reads().contains(reading::output) && attention_of(policy.mask, 1))
    fail("policy", "its scorer reads outputs and its mask lets dropped heads attend", "in llama.cpp, one of the two");
}

}  // namespace headcount::v0::ggml
