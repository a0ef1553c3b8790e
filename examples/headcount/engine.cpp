#include "engine.hpp"

#include <headcount/engine/reference_model.hpp>
#include <headcount/reference/checkpoint/load_snapshot.hpp>

namespace tool {

headcount::reference::snapshot load_model(std::filesystem::path const& folder) {
  return headcount::reference::load_snapshot(folder);
}

headcount::evaluate::any_model as_language_model(headcount::reference::model const& model) {
  return headcount::evaluate::reference_model{model};
}

}  // namespace tool
