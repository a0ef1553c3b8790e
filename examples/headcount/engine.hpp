#pragma once

#include <headcount/engine/any_model.hpp>
#include <headcount/reference/model/model.hpp>

namespace tool {

/// A reference model to hand to evaluators; the model must outlive it. The passes of the model are compiled here and
/// nowhere else in the tool.
headcount::evaluate::any_model as_language_model(headcount::reference::model const& model);

}  // namespace tool
