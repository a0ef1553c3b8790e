#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <headcount/core/token.hpp>
#include <headcount/reference/block/activation.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/weight_source.hpp>

namespace headcount::v0::reference {

/// What every config.json says.
struct common_config {
  std::string architecture;
  std::size_t vocabulary = 0;
  std::size_t width = 0;  ///< hidden_size
  std::size_t layers = 0;
  std::size_t heads = 0;
  std::size_t key_value_heads = 0;
  std::size_t head_dim = 0;
  std::size_t intermediate = 0;  ///< intermediate_size, before RecurrentGemma halves it
  activation function = activation::silu;
  float norm_epsilon = 1e-6f;
  bool tied_embeddings = false;
  std::optional<token> bos{};  ///< the beginning-of-sequence token
  std::vector<token> eos{};    ///< tokens that end a text
  std::string stored_dtype;    ///< what the file says of its weights; the tensors decide
};

/// The configuration of any model type: what all of them say, and how the model is made of tensors. Two calls of `make`
/// give the same model.
class model_config : public common_config {
 public:
  template <std::derived_from<common_config> Config>
    requires(!std::same_as<Config, model_config>)
  model_config(Config config)
      : common_config{config},
        make_{[config = std::move(config)](any_weight_source& source) { return make_model(config, source); }} {}

  /// The model, of tensors that a source gives. Throws what the source does.
  template <weight_source Source>
  [[nodiscard]] model make(Source& source) const {
    any_weight_source any{source};
    return make_(any);
  }

  /// The model without numbers: shapes alone, all weights 0. Costs a model what its configuration costs, whatever its
  /// size; parameters are counted while it is made, see shapes.
  [[nodiscard]] model outline() const {
    shapes none;
    return make(none);
  }

 private:
  std::function<model(any_weight_source&)> make_;
};

}  // namespace headcount::v0::reference
