#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <headcount/core/phase.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy_file/published_rankings.hpp>
#include <headcount/ranking/calibration.hpp>

namespace headcount::v0::reference {
struct model;
}

namespace headcount::v0::evaluate {

// How a way to rank heads is described; registry.hpp holds all there are.

/// What a ranking is made from: whatever its method asks for must be there.
struct ranking_ground {
  any_model model;                            ///< observed
  reference::model const* weights = nullptr;  ///< null where nobody has them
  std::span<calibration_text const> texts{};  ///< for methods that read texts
};

/// What policies are worth, whatever it is that is measured: see policy_measure.
using any_policy_measure = std::function<std::vector<double>(std::span<any_policy const>)>;

/// What a method reads of the model.
enum class ranking_level : unsigned char {
  file,      ///< how many heads it has: the scores stand in a file
  observed,  ///< texts under policies, with attention: any observed engine (level 2)
  weights    ///< weights (level 3)
};

/// What a method reads, in words.
[[nodiscard]] constexpr std::string_view name_of(ranking_level level) noexcept {
  return level == ranking_level::file ? "a file" : level == ranking_level::observed ? "attention" : "weights";
}

/// A way to rank heads.
struct ranking_method {
  std::string_view name;
  std::string_view argument;  ///< what stands in its parentheses: SCORER, POLICY, FILE; empty for a method without
  std::string_view about;     ///< in one line: the score, its unit
  ranking_level level;
  head_table (*make)(ranking_ground const& from, std::string const& argument);
  /// By what policies are worth, in the place of the answers' log-likelihood; null where the method asks nothing.
  head_table (*by_measure)(any_model const&, any_policy_measure const&, std::optional<phase> during) = nullptr;

  /// As it is written: "mean(SCORER)", "retrieval".
  [[nodiscard]] std::string form() const {
    return argument.empty() ? std::string{name} : text_of(name, "(", argument, ")");
  }
};

/// The files of other projects that hold scores of heads.
struct published_format {
  std::string_view name;
  std::string_view about;
  head_table (*read)(std::filesystem::path const&, reference::ranked_heads const&);
  std::string (*write)(ranking const&, std::size_t group);
};

/// A method that was named, and what stands in its parentheses.
struct chosen_ranking {
  ranking_method const* method = nullptr;
  std::string argument{};
};

/// What files of other projects have to fit.
[[nodiscard]] inline reference::ranked_heads ranked_heads_of(std::span<site const> layers) {
  reference::ranked_heads of;
  for (auto const& layer : layers) {
    of.heads.push_back(layer.heads);
    if (layer.heads > 0) of.group = layer.group;
  }
  return of;
}

}  // namespace headcount::v0::evaluate
