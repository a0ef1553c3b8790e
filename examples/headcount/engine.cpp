#include "engine.hpp"

#include <headcount/engine/reference_model.hpp>
#include <headcount/reference/checkpoint/load_snapshot.hpp>

namespace tool {

using namespace headcount;

std::string loaded_model::identity() const { return snapshot->identity(); }

loaded_model load_model(std::filesystem::path const& folder) {
  auto const snapshot = std::make_shared<reference::snapshot const>(reference::load_snapshot(folder));
  return {.snapshot = snapshot,
          .name = snapshot->name,
          .architecture = snapshot->model.architecture,
          .model = evaluate::reference_model{snapshot->model},
          .reader = snapshot->reader(),
          .end = snapshot->config.eos,
          .weights = &snapshot->model,
          .has_gates = snapshot->model.has_gates()};
}

}  // namespace tool
