#pragma once

// Tensors in memory: a weight_source whose numbers are known in float64.

#include <cmath>
#include <cstddef>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/reference/block/weights.hpp>

#include "numbers.hpp"

namespace test {

class tensors {
 public:
  struct tensor {
    headcount::reference::dtype type{};
    std::vector<std::size_t> shape;
    std::vector<std::byte> bytes;
    row values;  // of exactly those bytes
  };

  /// Makes up every tensor that it is asked for.
  explicit tensors(unsigned seed, headcount::reference::dtype type = headcount::reference::dtype::float32)
      : seed_{seed}, type_{type} {}

  /// Holds tensors that were read, and makes up none.
  explicit tensors(std::map<std::string, tensor> all) : complete_{true}, all_{std::move(all)} {}

  [[nodiscard]] headcount::reference::weights take(std::string const& name, std::vector<std::size_t> const& shape) {
    auto found = all_.find(name);
    if (found == all_.end()) {
      if (complete_) throw headcount::error{"memory", headcount::text_of("the tensor \"", name, "\" is missing")};
      found = all_.emplace(name, make(name, shape)).first;
    }
    return {.type = found->second.type, .data = found->second.bytes.data(), .shape = shape};
  }

  [[nodiscard]] std::vector<std::size_t> shape_of(std::string const& name) const {
    return all_.contains(name) ? all_.at(name).shape : std::vector<std::size_t>{};
  }

  /// The numbers of a tensor that was taken.
  [[nodiscard]] row const& operator[](std::string const& name) const { return all_.at(name).values; }
  /// The same, or nothing where it was not taken.
  [[nodiscard]] row bias(std::string const& name) const { return all_.contains(name) ? all_.at(name).values : row{}; }
  [[nodiscard]] std::map<std::string, tensor> const& all() const { return all_; }

  /// The same tensors without one, and none made up any more.
  [[nodiscard]] tensors without(std::string const& name) const {
    auto rest = *this;
    rest.complete_ = true;
    rest.all_.erase(name);
    return rest;
  }

  /// Puts other numbers in a tensor of float32: `change(index, value)` gives each.
  template <class Change>
  void change(std::string const& name, Change const& change) {
    auto& stored = all_.at(name);
    stored.bytes.clear();
    for (std::size_t i = 0; i < stored.values.size(); ++i) {
      auto const number = static_cast<float>(change(i, stored.values[i]));
      append(stored.bytes, number);
      stored.values[i] = static_cast<double>(number);
    }
  }

 private:
  /// Matrices near 1 / sqrt(columns), so that signals keep their size; vectors in [-0.5, 0.5), but around 1 for the
  /// gains of Jamba's norms.
  tensor make(std::string const& name, std::vector<std::size_t> const& shape) const {
    using headcount::reference::dtype;
    std::size_t columns = 1;
    for (std::size_t axis = 1; axis < shape.size(); ++axis) columns *= shape[axis];
    auto hash = seed_;
    for (char const letter : name) hash = hash * 16777619u ^ static_cast<unsigned char>(letter);
    numbers random{hash};
    double const scale = shape.size() > 1 ? 1.5 / std::sqrt(static_cast<double>(columns)) : 0.5;
    double const middle = name.find("layernorm") != std::string::npos ? 1 : 0;
    tensor made{.type = type_, .shape = shape, .bytes = {}, .values = {}};
    for (std::size_t i = 0; i < shape.front() * columns; ++i) {
      double value = middle + scale * static_cast<double>(random.next());
      if (type_ == dtype::float32) {
        auto const number = static_cast<float>(value);
        append(made.bytes, number);
        value = static_cast<double>(number);
      } else {
        int const exponent_bits = type_ == dtype::bfloat16 ? 8 : 5;
        auto const number = encode(value, exponent_bits, 15 - exponent_bits);
        append(made.bytes, number);
        value = decode(number, exponent_bits, 15 - exponent_bits);
      }
      made.values.push_back(value);
    }
    return made;
  }

  template <class Number>
  static void append(std::vector<std::byte>& bytes, Number number) {
    bytes.resize(bytes.size() + sizeof number);
    std::memcpy(bytes.data() + bytes.size() - sizeof number, &number, sizeof number);
  }

  unsigned seed_ = 0;
  headcount::reference::dtype type_ = headcount::reference::dtype::float32;
  bool complete_ = false;
  std::map<std::string, tensor> all_;
};

}  // namespace test
