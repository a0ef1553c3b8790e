#pragma once

#include <filesystem>

#include <headcount/reference/checkpoint/snapshot.hpp>
#include <headcount/task/task.hpp>

namespace tool {

/// A snapshot to ask tasks of; it must outlive what comes back. `folder` is where it was loaded from: its config.json
/// says how long texts may be, and the language of the small hybrids may be beside it.
headcount::evaluate::subject as_subject(headcount::reference::snapshot const& snapshot,
                                        std::filesystem::path const& folder);

}  // namespace tool
