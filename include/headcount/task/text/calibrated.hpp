#pragma once

#include <array>

#include <headcount/statistics/metric.hpp>

namespace headcount::v0::evaluate {

// What is measured on texts that somebody calibrates on. Nobody asks for these tasks by name: commands make them of the
// texts, but their rows are rows as all others.

/// "answers", what policies say of the answers in texts, each token after the right ones before it.
inline constexpr std::array answers_metrics{
    metric{.name = "kl", .unit = "nats a token", .better = direction::lower, .values = at_least(0)},
    metric{.name = "other_choice", .unit = "share of tokens", .better = direction::lower, .values = between(0, 1)},
    metric{.name = "loglik", .unit = "nats a token", .better = direction::higher},
    metric{.name = "exact_match", .unit = "share", .better = direction::higher, .values = right_or_wrong}};

/// The mean of the values over the tokens that rows count, key "tokens".
inline constexpr aggregate mean_of_tokens{
    .name = "mean over tokens",
    .reads = {"tokens", ""},
    .of_row = [](double value, std::array<double, 2> const& read) { return row_sums{value * read[0], read[0]}; },
    .total = [](row_sums const& sums) { return sums[0] / sums[1]; }};

/// "foretold", the share of the heads that a policy keeps which a guess of as many has: a predictor's, that of the
/// heads kept most often, chance.
inline constexpr std::array foretold_metrics{metric{.name = "predicted",
                                                    .unit = "share of heads",
                                                    .better = direction::higher,
                                                    .values = between(0, 1),
                                                    .total = mean_of_tokens},
                                             metric{.name = "constant",
                                                    .unit = "share of heads",
                                                    .better = direction::higher,
                                                    .values = between(0, 1),
                                                    .total = mean_of_tokens},
                                             metric{.name = "random",
                                                    .unit = "share of heads",
                                                    .better = direction::higher,
                                                    .values = between(0, 1),
                                                    .total = mean_of_tokens}};

}  // namespace headcount::v0::evaluate
