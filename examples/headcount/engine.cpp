#include "engine.hpp"

#include <headcount/engine/reference_model.hpp>

namespace tool {

headcount::evaluate::any_model as_language_model(headcount::reference::model const& model) {
  return headcount::evaluate::reference_model{model};
}

}  // namespace tool
