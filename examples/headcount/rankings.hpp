#pragma once

// Ways to rank heads. They take long to compile, and are compiled in rankings.cpp and nowhere else in the tool.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <headcount/engine/model_under_test.hpp>
#include <headcount/ranking/bridge.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/ranking/ranking_method.hpp>
#include <headcount/result/head_count.hpp>
#include <headcount/result/journal.hpp>
#include <headcount/task/task.hpp>

namespace tool {

/// Every method, and every format of other projects' files.
std::span<headcount::evaluate::ranking_method const> ranking_methods();
std::span<headcount::evaluate::published_format const> published_formats();

/// See headcount::evaluate::find_ranking.
headcount::evaluate::chosen_ranking find_ranking(std::string_view text);

/// See headcount::evaluate::score_all_heads.
headcount::evaluate::head_table score_all_heads(headcount::evaluate::ranking_ground const& from, std::string_view text);

/// See headcount::evaluate::make_bridge.
headcount::evaluate::bridge make_bridge(headcount::evaluate::ranking_ground const& from,
                                        std::span<std::vector<headcount::evaluate::calibration_text> const> draws,
                                        headcount::evaluate::bridge_plan const& plan);

/// See headcount::evaluate::count_heads.
headcount::evaluate::head_count count_heads(headcount::evaluate::ranking_ground const& from,
                                            headcount::evaluate::model_under_test const& asked,
                                            headcount::evaluate::task const& asking,
                                            std::span<std::vector<headcount::evaluate::calibration_text> const> draws,
                                            headcount::evaluate::head_count_plan const& plan,
                                            headcount::evaluate::journal* file);

}  // namespace tool
