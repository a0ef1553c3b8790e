#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <headcount/result/total.hpp>
#include <headcount/statistics/fewest.hpp>

namespace headcount::v0::evaluate {

// How many heads does a model need? Budgets of heads of every layer, and of the whole model, are raised until they find
// nearly as much as all heads do, for each way to choose heads, all on the same prompts. What is calibrated is
// calibrated several times, on other texts each time.

/// How it is asked.
struct head_count_plan {
  double part = 0.9;                                                         ///< of what all heads find: enough
  std::vector<std::string> methods{"greedy", "mean(entropy)", "retrieval"};  ///< of static rankings
  std::uint64_t seed = 1;                                                    ///< of random choices and intervals
  /// Is told what is being done.
  std::function<void(std::string const&)> progress = [](std::string const&) {};
};

/// The fewest heads that are enough when they are chosen in some way, while the model generates.
struct heads_needed {
  std::string method{};
  std::string kind{};       ///< "entropy", "gate", "static" or "random": static ones are those that compete
  fewest_heads of_layer{};  ///< as many of each layer
  fewest_heads of_model{};  ///< of the whole model, on average where they are chosen at run time
};

/// What came of it.
struct head_count {
  estimate dense{};  ///< found with all heads
  estimate none{};   ///< found without
  std::vector<heads_needed> ways{};

  /// The way of a kind that needs the fewest heads, of a layer or of the model; the first of equals; null if none.
  [[nodiscard]] heads_needed const* best(std::string_view kind, fewest_heads heads_needed::* scope) const {
    heads_needed const* found = nullptr;
    for (auto const& one : ways)
      if (one.kind == kind && (found == nullptr || (one.*scope).heads < (found->*scope).heads)) found = &one;
    return found;
  }
};

}  // namespace headcount::v0::evaluate
