#include "rankings.hpp"

#include <headcount/ranking/make_bridge.hpp>
#include <headcount/ranking/registry.hpp>
#include <headcount/result/count_heads.hpp>

#include "grammar.hpp"

namespace tool {

using namespace headcount;

std::span<evaluate::ranking_method const> ranking_methods() { return evaluate::ranking_methods; }
std::span<evaluate::published_format const> published_formats() { return evaluate::published_formats; }

evaluate::chosen_ranking find_ranking(std::string_view text) { return evaluate::find_ranking(text); }

evaluate::head_table score_all_heads(evaluate::ranking_ground const& from, std::string_view text) {
  return evaluate::score_all_heads(from, text);
}

evaluate::bridge make_bridge(evaluate::ranking_ground const& from,
                             std::span<std::vector<evaluate::calibration_text> const> draws,
                             evaluate::bridge_plan const& plan) {
  return evaluate::make_bridge(from, draws, plan);
}

evaluate::head_count count_heads(evaluate::ranking_ground const& from, evaluate::model_under_test const& asked,
                                 evaluate::task const& asking,
                                 std::span<std::vector<evaluate::calibration_text> const> draws,
                                 evaluate::head_count_plan const& plan, evaluate::journal* file) {
  return evaluate::count_heads(from, asked, asking, draws, plan, file);
}

}  // namespace tool
