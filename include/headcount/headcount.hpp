#pragma once

/// Everything that needs the standard library only: how heads are scored, chosen, masked and their weights edited, on
/// anybody's tensors. Adapters (headcount/adapt/) and the reference models (headcount/reference/) are included apart.

#include <headcount/core/attention_row.hpp>
#include <headcount/core/error.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/core/tensor.hpp>
#include <headcount/core/token.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/kernel/attention.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/policy/validate.hpp>
#include <headcount/record/recorder.hpp>
#include <headcount/sentence/parse.hpp>
#include <headcount/sentence/registry.hpp>
#include <headcount/version.hpp>
