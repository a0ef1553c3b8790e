#pragma once

#include <filesystem>

#include <headcount/engine/any_model.hpp>
#include <headcount/reference/checkpoint/snapshot.hpp>
#include <headcount/reference/model/model.hpp>

namespace tool {

/// The model of a folder in Hugging Face's layout, see load_snapshot.
headcount::reference::snapshot load_model(std::filesystem::path const& folder);

/// A reference model to hand to evaluators; the model must outlive it. The passes of the model are compiled here and
/// nowhere else in the tool.
headcount::evaluate::any_model as_language_model(headcount::reference::model const& model);

}  // namespace tool
