#pragma once

#include <headcount/edit/ablate.hpp>
#include <headcount/edit/balanced.hpp>
#include <headcount/edit/null.hpp>
#include <headcount/edit/omit.hpp>
#include <headcount/edit/only.hpp>
#include <headcount/edit/renormalise.hpp>
#include <headcount/edit/scale.hpp>
#include <headcount/mask/mean.hpp>
#include <headcount/mask/resample.hpp>
#include <headcount/mask/rescale.hpp>
#include <headcount/mask/streaming.hpp>
#include <headcount/mask/uniform.hpp>
#include <headcount/mask/zero.hpp>
#include <headcount/score/contribution_norm.hpp>
#include <headcount/score/distant_mass.hpp>
#include <headcount/score/ema.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/fixed.hpp>
#include <headcount/score/gate.hpp>
#include <headcount/score/gated_output_norm.hpp>
#include <headcount/score/gini.hpp>
#include <headcount/score/hoyer.hpp>
#include <headcount/score/l2.hpp>
#include <headcount/score/lp.hpp>
#include <headcount/score/max.hpp>
#include <headcount/score/normalised.hpp>
#include <headcount/score/output_norm.hpp>
#include <headcount/score/predictor.hpp>
#include <headcount/score/previous.hpp>
#include <headcount/score/product.hpp>
#include <headcount/score/random.hpp>
#include <headcount/score/rank_mean.hpp>
#include <headcount/score/recent_mass.hpp>
#include <headcount/score/replay.hpp>
#include <headcount/score/sink_mass.hpp>
#include <headcount/score/span_mass.hpp>
#include <headcount/score/sum.hpp>
#include <headcount/score/top_mass.hpp>
#include <headcount/select/bottom_k.hpp>
#include <headcount/select/fraction.hpp>
#include <headcount/select/hysteresis.hpp>
#include <headcount/select/per_layer.hpp>
#include <headcount/select/random_k.hpp>
#include <headcount/select/random_like.hpp>
#include <headcount/select/relative_threshold.hpp>
#include <headcount/select/threshold.hpp>
#include <headcount/select/top_groups.hpp>
#include <headcount/select/top_k.hpp>
#include <headcount/select/top_p.hpp>

namespace headcount::v0 {

/// Part types as data.
template <class... Parts>
struct part_list {
  /// The same list with more parts at its end.
  template <class... More>
  using with = part_list<Parts..., More...>;
};

/// Every part that sentences know, a list a kind: the one place to add a part to. Parser, listings, conformance tests
/// and documentation walk these lists.
///
/// A program adds its own parts by deriving a registry from this one and handing it to the parser:
///
///     struct my_parts : headcount::registry {
///       using scorers = headcount::registry::scorers::with<peak>;
///     };
///     auto const policy = headcount::parse_policy<my_parts>("peak | top_k(2)");
struct registry {
  using scorers =
      part_list<score::entropy, score::l2, score::lp, score::max, score::hoyer, score::gini, score::top_mass,
                score::sink_mass, score::recent_mass, score::distant_mass, score::span_mass, score::output_norm,
                score::gate, score::gated_output_norm, score::contribution_norm, score::random, score::fixed,
                score::replay, score::predictor, score::previous, score::ema, score::normalised, score::sum,
                score::product, score::rank_mean>;
  using selectors = part_list<select::top_k, select::bottom_k, select::random_k, select::random_like, select::fraction,
                              select::threshold, select::relative_threshold, select::hysteresis, select::top_p,
                              select::top_groups, select::per_layer>;
  using masks = part_list<mask::zero, mask::mean, mask::resample, mask::uniform, mask::streaming, mask::rescale>;
  using edits =
      part_list<edit::omit, edit::only, edit::null, edit::balanced, edit::scale, edit::renormalise, edit::ablate>;
};

}  // namespace headcount::v0
