#pragma once

#include <filesystem>

#include <headcount/engine/model_under_test.hpp>
#include <headcount/reference/checkpoint/snapshot.hpp>

namespace tool {

/// A snapshot to ask tasks of; it must outlive what comes back. `folder` is where it was loaded from: its config.json
/// says how long texts may be, and the language of the small hybrids may be beside it.
headcount::evaluate::model_under_test as_model_under_test(headcount::reference::snapshot const& snapshot,
                                                          std::filesystem::path const& folder);

}  // namespace tool
