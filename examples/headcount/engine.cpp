#include "engine.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <string>
#include <string_view>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/engine/reference_model.hpp>
#include <headcount/file/digest.hpp>
#include <headcount/reference/checkpoint/load_snapshot.hpp>

#include "gguf.hpp"

namespace tool {

using namespace headcount;

namespace {

/// Whether a path is a GGUF file's: by what it begins with, or, where nothing is there, by its name.
bool is_gguf(std::filesystem::path const& path) {
  if (std::filesystem::is_directory(path)) return false;
  std::array<char, 4> begin{};
  std::ifstream{path, std::ios::binary}.read(begin.data(), begin.size());
  return std::string_view{begin.data(), begin.size()} == "GGUF" || path.extension() == ".gguf";
}

std::string dtypes_of(reference::snapshot const& snapshot) {
  std::set<std::string> all;
  for (auto const& [name, tensor] : snapshot.files.tensors()) all.insert(tensor.dtype);
  std::string list;
  for (auto const& one : all) add_to_list(list, one);
  return list;
}

}  // namespace

std::string loaded_model::identity() const { return snapshot ? snapshot->identity() : digest_of_file(file); }

void require_weights(loaded_model const& loaded, std::string_view what) {
  if (loaded.weights == nullptr)
    throw error{loaded.file.string(), text_of(what, " reads weights, and a GGUF file is run by llama.cpp"),
                "a model folder"};
}

loaded_model load_model(std::filesystem::path const& path) {
  if (is_gguf(path)) return load_gguf(path);
  auto const snapshot = std::make_shared<reference::snapshot const>(reference::load_snapshot(path));
  return {.snapshot = snapshot,
          .name = snapshot->name,
          .architecture = snapshot->model.architecture,
          .model = evaluate::reference_model{snapshot->model},
          .reader = snapshot->reader(),
          .end = snapshot->config.eos,
          .weights = &snapshot->model,
          .has_gates = snapshot->model.has_gates(),
          .longest = 0,
          .parameters = snapshot->parameters(),
          .dtype = dtypes_of(*snapshot),
          .fits = [snapshot](any_policy const& policy) { reference::validate(policy, snapshot->model); }};
}

}  // namespace tool
