#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <headcount/statistics/interval.hpp>
#include <headcount/statistics/paired.hpp>

#include "finding.hpp"
#include "measure.hpp"

namespace tool {

/// The findings of one model as they come in.
class collector {
 public:
  collector(measurement& result, std::string model_identity, demo_plan const& plan)
      : result_{result}, model_identity_{std::move(model_identity)}, plan_{plan} {}

  finding& add(std::string task, std::string policy, std::string metric, double value,
               headcount::evaluate::interval ci95, std::size_t n) {
    return result_.findings.emplace_back(finding{.model = result_.model,
                                                 .model_identity = model_identity_,
                                                 .seed = plan_.seed,
                                                 .task = std::move(task),
                                                 .policy = std::move(policy),
                                                 .metric = std::move(metric),
                                                 .value = value,
                                                 .ci95 = ci95,
                                                 .n = n});
  }

  /// The share of prompts that were answered, with Wilson's interval.
  finding& add_share(std::string task, std::string policy, std::string metric,
                     headcount::evaluate::outcomes const& answered) {
    auto const share = headcount::evaluate::share_of(answered);
    return add(std::move(task), std::move(policy), std::move(metric), share.value(), headcount::evaluate::wilson(share),
               share.n);
  }

 private:
  measurement& result_;
  std::string model_identity_;
  demo_plan const& plan_;
};

}  // namespace tool
