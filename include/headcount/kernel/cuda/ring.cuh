#pragma once

#include <headcount/kernel/cuda/copies.cuh>
#include <headcount/kernel/cuda/pass_layout.cuh>
#include <headcount/kernel/cuda/shares.cuh>

namespace headcount::v0::cuda {

/// A warp's ring of tiles, and which comes next into it: every Warps-th tile of each piece of the share, its keys and
/// then its values. Whole warp.
template <class Shape, int Warps, work Work, class Copies, class Line>
class tile_ring {
  using at = pass_layout<Shape, Warps, Work, Copies>;
  using inputs = parameters<typename Shape::element_type>;

 public:
  /// `walk` stands before the first piece; tiles and stored weights lie from `memory` and `weights` on.
  __device__ __forceinline__ tile_ring(inputs const& in, Line const& line, Copies const& copies,
                                       share_walk<Line> const& walk, unsigned char* memory, unsigned char* weights)
      : in_{in}, line_{line}, copies_{copies}, ahead_{walk}, memory_{memory}, weights_{weights} {}

  /// The piece whose tiles come next.
  __device__ __forceinline__ void open(piece const& one) {
    next_ = one;
    next_tile_ = next_.first + static_cast<int>(threadIdx.x) / 32;
    if (next_.row >= 0) seen_ = visible(in_.cache, next_.row);
  }
  __device__ __forceinline__ void fill() {
#pragma unroll 1
    for (int i = 0; i < Copies::stages; ++i) load_next();
  }
  /// The oldest tile, once it is there, and the weights stored with it.
  __device__ __forceinline__ unsigned char* wait() {
    copies_.wait(slot_, phase_);
    return memory_ + slot_ * Shape::tile_bytes;
  }
  [[nodiscard]] __device__ __forceinline__ unsigned char const* weights() const {
    return weights_ + slot_ * at::stored;
  }
  /// Done with the oldest tile: its place is for the next.
  __device__ __forceinline__ void free() {
    __syncwarp();
    load_next();
    if (++slot_ == Copies::stages) slot_ = 0, phase_ ^= 1;
  }

 private:
  __device__ __forceinline__ void load_next() {
    if constexpr (at::across_pieces)
#pragma unroll 1
      while (next_tile_ >= next_.end && next_.row >= 0) open(ahead_.next(in_, line_));
    if (next_tile_ >= next_.end) return copies_.skip();
    tile_source const from{
        .row = next_.row,
        .group = next_.group,
        .tile = next_tile_,
        .values = values_,
        .weights = at::with_keys
                       ? nullptr
                       : in_.weights + (static_cast<std::int64_t>(next_.stored) + next_tile_) * Shape::weight_bytes};
    copies_.load(in_, from, seen_, next_slot_, shared_address(memory_) + next_slot_ * Shape::tile_bytes,
                 shared_address(weights_) + next_slot_ * at::stored);
    next_slot_ = next_slot_ + 1 == Copies::stages ? 0 : next_slot_ + 1;
    if constexpr (at::with_keys && at::with_values) {
      values_ = !values_;
      if (values_) return;
    }
    next_tile_ += Warps;
  }

  inputs const& in_;
  Line const& line_;
  Copies copies_;
  share_walk<Line> ahead_;
  unsigned char *memory_, *weights_;
  piece next_{.row = 0};
  visible_keys seen_;
  int next_tile_ = 0, next_slot_ = 0, slot_ = 0;
  u32 phase_ = 0;
  bool values_ = !at::with_keys;
};

}  // namespace headcount::v0::cuda
