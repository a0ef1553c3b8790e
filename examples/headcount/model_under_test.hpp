#pragma once

#include <filesystem>

#include <headcount/engine/model_under_test.hpp>

#include "engine.hpp"

namespace tool {

/// A model to ask tasks of; `loaded` must outlive it. `folder` is where it was loaded from: its config.json says how
/// long texts may be, and the language of the small hybrids may be beside it.
headcount::evaluate::model_under_test as_model_under_test(loaded_model const& loaded,
                                                          std::filesystem::path const& folder);

}  // namespace tool
