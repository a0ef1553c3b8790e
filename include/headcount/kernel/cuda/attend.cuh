#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <type_traits>

#include <headcount/core/error.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/kernel/cuda/choose.cuh>
#include <headcount/kernel/cuda/combine.cuh>
#include <headcount/kernel/cuda/launch.cuh>
#include <headcount/kernel/cuda/pass.cuh>
#include <headcount/kernel/cuda/workspace.cuh>
#include <headcount/mask/zero.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/policy.hpp>

namespace headcount::v0::cuda {

/// One query token a row, in one attention layer: what is read and where results go, in device memory.
template <class Shape>
struct attention {
  using element_type = typename Shape::element_type;

  element_type const* queries = nullptr;  ///< [batch, head, dim], rotated
  key_value_cache cache;                  ///< rotated keys, the query's own token's included
  element_type* outputs = nullptr;        ///< [batch, head, dim]; 0 for heads that are not kept
  int batch = 0;
  int kv_heads = 0;
  float scale = 1;  ///< of the logits, usually 1 / sqrt(dim)
  int layer = 0;    ///< for the policy's scope

  float* scores = nullptr;  ///< [batch, head], what the policy's scorer made of every head; null: not wanted
  bool* kept = nullptr;     ///< [batch, head], whether a head is kept; null: not wanted

  /// Whether the first kernel may start while the one ahead of it in the stream ends; it waits for that one before it
  /// reads anything. Not where the one ahead was itself started so and ends before those before it have.
  bool starts_early = true;

  void* workspace = nullptr;  ///< of workspace_bytes(); one call at a time may use it
  std::size_t workspace_bytes = 0;
};

/// How, where the caller knows better.
struct attention_options {
  way how = way::automatic;
  double expected_groups = 0;  ///< groups that hold a kept head, for the choice of the way; 0: by the selector
};

namespace detail {

/// Starts a pass that copies in a given way.
template <class Line, class Shape, int Warps, work Work, class Sum, class Copies>
void start_pass(device_facts const& device, parameters<typename Shape::element_type> const& in, int shares,
                cudaStream_t stream) {
  CUtensorMap keys{}, values{};
  if constexpr (Copies::by_engine) {
    keys = map_of<Shape>(in.cache.keys, in.cache, in.kv_heads);
    values = map_of<Shape>(in.cache.values, in.cache, in.kv_heads);
  }
  launch(device, pass<Line, Shape, Warps, Work, Sum, Copies>, shares, Warps * 32,
         pass_layout<Shape, Warps, Work, Copies>::asked, Work == work::sum || in.starts_early, stream, keys, values,
         in);
}

template <class Shape>
using even_of = even_line<Shape, typename Shape::element_type>;
template <class Shape>
using listed_of = listed_line<Shape, typename Shape::element_type>;

template <class Shape, int Warps, work Work, class Sum>
void run_pass(device_facts const& device, parameters<typename Shape::element_type> const& in, int shares,
              cudaStream_t stream) {
  // Three tiles a warp on their way, two where stored weights leave no room.
  constexpr int room = 227 * 1024 / (8 / Warps) - 1024;
  constexpr int stages = pass_layout<Shape, Warps, Work, engine_copies<Shape, 3>>::asked <= room ? 3 : 2;
  using engine = engine_copies<Shape, stages>;
  if (!engine_can_read(device, in.cache))
    return start_pass<listed_of<Shape>, Shape, Warps, Work, Sum, lane_copies<Shape>>(device, in, shares, stream);
  if constexpr (Work != work::sum)
    if (in.even.hold && in.list == listing::all)
      return start_pass<even_of<Shape>, Shape, Warps, Work, Sum, engine>(device, in, static_cast<int>(in.even.shares),
                                                                         stream);
  start_pass<listed_of<Shape>, Shape, Warps, Work, Sum, engine>(device, in, shares, stream);
}

template <class Shape, sums_are Are, class Score, class Select>
void run_combine(device_facts const& device, parameters<typename Shape::element_type> const& in,
                 device_policy<Score, Select> const& policy, cudaStream_t stream) {
  int const quads = in.kv_heads * Shape::group * Shape::dim / 4, units = in.batch * in.kv_heads,
            shares = Are == sums_are::scored ? in.shares : in.list_shares, threads = combine_threads<Are>,
            across = combined_across(in.batch, quads, (shares + units - 1) / units, threads, device.multiprocessors);
  auto const start = [&](auto kernel) {
    launch(device, kernel, in.batch * ((quads + across - 1) / across), threads, 0, true, stream, in, policy, across);
  };
  if constexpr (Are != sums_are::normalised)
    if (in.even.hold && in.list == listing::all) return start(combine<even_of<Shape>, Shape, Are, Score, Select>);
  start(combine<listed_of<Shape>, Shape, Are, Score, Select>);
}

template <class Shape, bool Drops, class Score, class Select>
void run_decide(device_facts const& device, parameters<typename Shape::element_type> const& in,
                device_policy<Score, Select> const& policy, cudaStream_t stream) {
  auto const start = [&](auto kernel) {
    launch(device, kernel, in.batch, decide_threads, 0, true, stream, in, policy);
  };
  if (in.even.hold) return start(decide<even_of<Shape>, Shape, Drops, Score, Select>);
  if constexpr (!Drops) start(decide<listed_of<Shape>, Shape, Drops, Score, Select>);
}

}  // namespace detail

/// Attention of fixed heads only: keys and values of other groups are not read, other heads' outputs become 0.
/// Asynchronous on `stream`; allocates nothing and does not wait, so that it can be captured in a graph; deterministic.
/// `fixed` holds for every row, or `rows` [batch] in device memory says the heads of each. No scores.
/// Errors: headcount::error where CUDA refuses a launch or the workspace is too small.
template <class Shape, int Warps = default_warps<Shape>>
void attend_heads(attention<Shape> const& call, head_set const& fixed, head_set const* rows, cudaStream_t stream) {
  auto const device = current_device();
  auto in = prepare<Shape>(call);
  int const slots = slots_of(device, Warps),
            groups = rows ? call.kv_heads : group_count<Shape::group>(fixed, call.kv_heads);
  in.list = rows                                                                               ? listing::rows
            : fixed == head_set::first(static_cast<std::size_t>(call.kv_heads * Shape::group)) ? listing::all
                                                                                               : listing::same;
  in.same = fixed;
  if (rows) in.kept = const_cast<head_set*>(rows);
  in.list_shares = shares_for(call.batch * groups, most_tiles<Shape>(call.cache), slots, Warps, device);
  if (in.list == listing::all && in.kept_flags)
    check(
        cudaMemsetAsync(in.kept_flags, 1, static_cast<std::size_t>(call.batch * call.kv_heads * Shape::group), stream),
        "flags of kept heads");
  in.even = rows_in_common<Shape>(call.cache, call.batch, call.kv_heads, in.list_shares);
  detail::run_pass<Shape, Warps, work::attend, score_sum<nothing_scored>>(device, in, in.list_shares, stream);
  if (in.list != listing::all || !all_whole(in))
    detail::run_combine<Shape, sums_are::relative>(device, in, device_policy<nothing_scored, nothing_scored>{}, stream);
}

/// Attention of one query token a row under a policy, as kernel::attend on the CPU: float32 sums of 16-bit keys and
/// values.
///
///     weights[head, key] = softmax_key(scale * queries[head] . keys[key, head / group]),  over visible keys
///     outputs[head]      = sum_key weights[head, key] * values[key, head / group],        0 where not kept
///
/// What the policy reads decides what is computed: one that reads nothing is decided on the host, once for all rows,
/// and only its groups are read; one that reads rows must have a device_scorer (entropy, l2, max) and any selector
/// without a memory, which then run on the device. Its mask is zero. Asynchronous on `stream`; allocates nothing and
/// does not wait, so that it can be captured in a graph; deterministic. O(batch * keys * kv_heads * dim). Errors:
/// headcount::error where CUDA refuses a launch, the workspace is too small, or the policy's parameters do not stream
/// (dtype=bfloat16).
template <class Shape, int Warps = default_warps<Shape>, head_policy Policy>
void attend(attention<Shape> const& call, Policy const& policy, cudaStream_t stream,
            attention_options const& options = {}) {
  using Score = std::remove_cvref_t<decltype(policy.score)>;
  using Select = std::remove_cvref_t<decltype(policy.select)>;
  static_assert(std::same_as<std::remove_cvref_t<decltype(policy.mask)>, mask::zero>,
                "headcount: on a GPU a dropped head's output becomes zero");
  int const heads = call.kv_heads * Shape::group;
  site const where{.layer = static_cast<std::size_t>(call.layer),
                   .phase = phase::generation,
                   .heads = static_cast<std::size_t>(heads),
                   .group = Shape::group,
                   .head_dim = Shape::dim};
  if constexpr (Policy::may_read(reading::nothing)) {
    attend_heads<Shape, Warps>(call, headcount::decide(policy, where, no_evidence{}), nullptr, stream);
  } else {
    static_assert(device_scorer<Score>, "headcount: a GPU scores rows by entropy, l2 or max");
    static_assert(device_selector<Select>, "headcount: a GPU's selector is a plain value without a memory");
    if (!policy.score.accumulates())
      throw error{"cuda::attend", "a scorer that rounds weights", "one that accumulates, as with dtype=float32"};
    bool const chooses = policy.where.covers(where);
    if (!chooses && !call.scores)
      return attend_heads<Shape, Warps>(call, head_set::first(where.heads), nullptr, stream);

    using Sum = score_sum<Score>;
    auto const device = current_device();
    auto in = prepare<Shape>(call);
    int const slots = slots_of(device, Warps), units = call.batch * call.kv_heads,
              tiles = most_tiles<Shape>(call.cache);
    in.chooses = chooses;
    in.shares = shares_for(units, tiles, slots, Warps, device);
    in.even = rows_in_common<Shape>(call.cache, call.batch, call.kv_heads, in.shares);
    device_policy<Score, Select> const on_device{policy.score, policy.select};
    auto how = options.how;
    if (how == way::automatic) {
      double const groups = options.expected_groups > 0 ? options.expected_groups
                                                        : expected_groups(policy.select, call.kv_heads, Shape::group);
      how = quicker_way(units, static_cast<double>(units) * tiles * 2 * Shape::tile_bytes, groups / call.kv_heads,
                        device.bytes_per_second);
    }
    if (!chooses) how = way::dense;
    if (how == way::dense) {
      detail::run_pass<Shape, Warps, work::attend, Sum>(device, in, in.shares, stream);
      if (all_whole(in)) detail::run_decide<Shape, true>(device, in, on_device, stream);
      else detail::run_combine<Shape, sums_are::scored>(device, in, on_device, stream);
    } else {
      detail::run_pass<Shape, Warps, work::weigh, Sum>(device, in, in.shares, stream);
      detail::run_decide<Shape, false>(device, in, on_device, stream);
      in.list = listing::rows;
      in.list_shares = std::min(slots, most_shares);
      detail::run_pass<Shape, Warps, work::sum, score_sum<nothing_scored>>(device, in, in.list_shares, stream);
      detail::run_combine<Shape, sums_are::normalised>(device, in, device_policy<nothing_scored, nothing_scored>{},
                                                       stream);
    }
  }
}

}  // namespace headcount::v0::cuda
