#pragma once

#include <headcount/core/device.hpp>
#include <headcount/kernel/cuda/parameters.cuh>
#include <headcount/kernel/cuda/shape.cuh>

// How work is cut into equal shares, one a block, whatever the lengths of rows and whichever groups are listed. The
// listed groups' tiles in row-major order are one long line; share b of n is tiles [total * b / n, total * (b + 1) /
// n). A unit, one group of one row, may lie in several shares, a share may hold parts of several units: each common
// part is a piece, and piece (unit u, share b) keeps its results in cell u + b, which grows by at least one from piece
// to piece.

namespace headcount::v0::cuda {

/// The tiles of one row that hold visible keys, [first, end).
struct row_tiles {
  int first = 0;
  int end = 0;
  [[nodiscard]] __device__ int count() const { return end - first; }
};
template <class Shape, class Element>
[[nodiscard]] __device__ __forceinline__ row_tiles tiles_of(parameters<Element> const& in, int row) {
  auto const [first, end] = visible(in.cache, row);
  return {first / Shape::tile_keys, (end + Shape::tile_keys - 1) / Shape::tile_keys};
}

/// A row's place in the line.
struct place {
  int row = 0;
  int tiles = 0;      ///< of listed units of rows before
  int units = 0;      ///< listed, of rows before that have keys
  int all_tiles = 0;  ///< of all units of rows before
};

/// Into how many shares a line of units is cut where `most` blocks run at once: a tile each at least, and so that units
/// are not cut across, as every piece costs time of its own, unless that leaves blocks idle for longer.
[[nodiscard]] HEADCOUNT_DEVICE inline unsigned even_shares(unsigned units, unsigned tiles, unsigned most) {
  most = most < tiles ? most : tiles > 0 ? tiles : 1;
  if (units == 0) return 1;
  unsigned const rounds = (units + most - 1) / most;
  if (units % rounds != 0) return most;
  unsigned const even = units <= most ? most / units * units : units / rounds;
  bool const nearly_all = 25 * even >= 24 * most, short_work = 5 * even >= 4 * most && tiles < 30 * even;
  return nearly_all || short_work ? even : most;
}

/// The line where rows are alike and all groups are listed: no memory is read to know it, so that a kernel has it
/// before the one ahead of it has ended.
template <class Shape, class Element>
class even_line {
 public:
  static constexpr bool known = true;

  __device__ __forceinline__ even_line(parameters<Element> const& in, int) : in_{&in} {}

  [[nodiscard]] __device__ __forceinline__ bool empty() const { return in_->even.tiles == 0; }
  [[nodiscard]] __device__ __forceinline__ unsigned total() const {
    return static_cast<unsigned>(in_->batch * in_->kv_heads * in_->even.tiles);
  }
  [[nodiscard]] __device__ __forceinline__ unsigned shares() const { return in_->even.shares; }
  [[nodiscard]] __device__ __forceinline__ row_tiles tiles(int) const {
    return {in_->even.first, in_->even.first + in_->even.tiles};
  }
  [[nodiscard]] __device__ __forceinline__ place row_holding(int tile) const {
    int const row = tile / (in_->kv_heads * in_->even.tiles), units = row * in_->kv_heads,
              tiles = units * in_->even.tiles;
    return {row, tiles, units, tiles};
  }
  [[nodiscard]] __device__ __forceinline__ head_words listed(int) const { return {}; }
  [[nodiscard]] __device__ __forceinline__ int group_after(head_words const&, int group) const { return group + 1; }

 private:
  parameters<Element> const* in_;
};

/// The line of any rows, any listed groups; every function by a whole warp. O(batch / 32) each.
template <class Shape, class Element>
class listed_line {
 public:
  static constexpr bool known = false;

  __device__ __forceinline__ listed_line(parameters<Element> const& in, int shares) : in_{&in} {
    place at;
#pragma unroll 1
    for (int base = 0; base < in.batch; base += 32) {
      auto const rows = scan(in, base);
      if (base == 0) first_ = rows;
      at = after(at, rows);
    }
    total_ = static_cast<unsigned>(at.tiles);
    shares_ = even_shares(static_cast<unsigned>(at.units), total_, static_cast<unsigned>(shares));
  }

  [[nodiscard]] __device__ __forceinline__ bool empty() const { return total_ == 0; }
  [[nodiscard]] __device__ __forceinline__ unsigned total() const { return total_; }
  [[nodiscard]] __device__ __forceinline__ unsigned shares() const { return shares_; }
  [[nodiscard]] __device__ __forceinline__ row_tiles tiles(int row) const { return tiles_of<Shape>(*in_, row); }
  /// The row that holds a tile, which must be one of the line.
  [[nodiscard]] __device__ __forceinline__ place row_holding(int tile) const {
    place at;
#pragma unroll 1
    for (int base = 0;; base += 32) {
      auto const rows = base == 0 ? first_ : scan(*in_, base);
      int const begin = at.tiles + rows.begin.tiles;
      if (u32 const found = __ballot_sync(~0u, begin <= tile && tile < begin + rows.own_tiles))
        return before(at, rows, base, __ffs(static_cast<int>(found)) - 1);
      at = after(at, rows);
    }
  }
  /// The heads of a row that are listed, and the group after one that holds any; kv_heads when there is none.
  [[nodiscard]] __device__ __forceinline__ head_words listed(int row) const {
    return in_->list == listing::all ? head_words{} : listed_heads(*in_, row);
  }
  [[nodiscard]] __device__ __forceinline__ int group_after(head_words const& heads, int group) const {
    return in_->list == listing::all ? group + 1 : heads.template group_after<Shape::group>(group, in_->kv_heads);
  }

 private:
  /// A lane's row among 32.
  struct scanned {
    place begin;  ///< of rows before among the 32
    int own_tiles, own_units, own_all;
  };
  [[nodiscard]] static __device__ __forceinline__ scanned scan(parameters<Element> const& in, int base) {
    int const lane = static_cast<int>(threadIdx.x) % 32, row = base + lane;
    scanned rows{};
    if (row < in.batch) {
      int const tiles = tiles_of<Shape>(in, row).count();
      if (tiles > 0)
        rows.own_units = in.list == listing::all
                             ? in.kv_heads
                             : listed_heads(in, row).template count_groups<Shape::group>(in.kv_heads);
      rows.own_tiles = tiles * rows.own_units, rows.own_all = tiles * in.kv_heads;
    }
    int tiles = rows.own_tiles, units = rows.own_units, all = rows.own_all;
#pragma unroll
    for (int step = 1; step < 32; step *= 2) {
      int const more_tiles = __shfl_up_sync(~0u, tiles, step), more_units = __shfl_up_sync(~0u, units, step),
                more_all = __shfl_up_sync(~0u, all, step);
      if (lane >= step) tiles += more_tiles, units += more_units, all += more_all;
    }
    rows.begin = {row, tiles - rows.own_tiles, units - rows.own_units, all - rows.own_all};
    return rows;
  }
  [[nodiscard]] __device__ static __forceinline__ place before(place const& at, scanned const& rows, int base,
                                                               int lane) {
    return {base + lane, at.tiles + __shfl_sync(~0u, rows.begin.tiles, lane),
            at.units + __shfl_sync(~0u, rows.begin.units, lane),
            at.all_tiles + __shfl_sync(~0u, rows.begin.all_tiles, lane)};
  }
  [[nodiscard]] __device__ static __forceinline__ place after(place const& at, scanned const& rows) {
    auto end = before(at, rows, 0, 31);
    end.tiles += __shfl_sync(~0u, rows.own_tiles, 31);
    end.units += __shfl_sync(~0u, rows.own_units, 31);
    end.all_tiles += __shfl_sync(~0u, rows.own_all, 31);
    return end;
  }

  parameters<Element> const* in_;
  scanned first_{};
  unsigned total_ = 0, shares_ = 1;
};

/// A common part of a unit and a share.
struct piece {
  int row = -1;  ///< -1 where there is no piece left
  int group = 0;
  int unit = 0;
  int first = 0;   ///< tile of the row
  int end = 0;     ///< tile of the row
  int stored = 0;  ///< of tile 0 of the row, if there were stored weights of it, in the line of all units
  int shares = 0;  ///< that the unit lies in, where it begins here; otherwise 0

  [[nodiscard]] __device__ bool whole() const { return shares == 1; }
};

/// The first tile of a share; shares beyond the last are empty.
template <class Line>
[[nodiscard]] __device__ __forceinline__ int begin_of(Line const& line, int share) {
  auto const at = static_cast<unsigned>(share);
  return static_cast<int>(at < line.shares() ? line.total() * at / line.shares() : line.total());
}

/// The share that holds a tile of the line.
template <class Line>
[[nodiscard]] __device__ __forceinline__ int share_of(Line const& line, int tile) {
  return static_cast<int>(((static_cast<unsigned>(tile) + 1) * line.shares() - 1) / line.total());
}

/// Walks the pieces of a share in order; a whole warp.
template <class Line>
class share_walk {
 public:
  template <class Element>
  __device__ __forceinline__ share_walk(parameters<Element> const& in, Line const& line, int share)
      : share_{share}, at_{begin_of(line, share)}, stop_{begin_of(line, share + 1)} {
    if (at_ >= stop_) return;
    auto const place = line.row_holding(at_);
    row_ = place.row, all_tiles_ = place.all_tiles;
    open_row(in, line);
    int const skipped = (at_ - place.tiles) / tiles_.count();
    unit_ = place.units + skipped, unit_begin_ = place.tiles + skipped * tiles_.count();
    if (Line::known || in.list == listing::all) group_ = skipped;
    else
#pragma unroll 1
      for (int i = 0; i < skipped; ++i) group_ = line.group_after(kept_, group_);
  }

  /// The next piece.
  template <class Element>
  [[nodiscard]] __device__ __forceinline__ piece next(parameters<Element> const& in, Line const& line) {
    if (at_ >= stop_) return {};
#pragma unroll 1
    while (group_ == in.kv_heads) {
      all_tiles_ += in.kv_heads * tiles_.count();
      ++row_;
      open_row(in, line);
    }
    int const unit_end = unit_begin_ + tiles_.count(), end = min(unit_end, stop_);
    piece const here{.row = row_,
                     .group = group_,
                     .unit = unit_,
                     .first = tiles_.first + at_ - unit_begin_,
                     .end = tiles_.first + end - unit_begin_,
                     .stored = all_tiles_ + group_ * tiles_.count() - tiles_.first,
                     .shares = at_ > unit_begin_ ? 0
                               : end == unit_end ? 1
                                                 : share_of(line, unit_end - 1) - share_ + 1};
    unit_begin_ = unit_end, at_ = end;
    ++unit_;
    group_ = line.group_after(kept_, group_);
    return here;
  }

 private:
  template <class Element>
  __device__ __forceinline__ void open_row(parameters<Element> const& in, Line const& line) {
    tiles_ = line.tiles(row_);
    kept_ = line.listed(row_);
    group_ = tiles_.count() > 0 ? line.group_after(kept_, -1) : in.kv_heads;
  }

  int share_, at_, stop_;
  int row_ = 0, group_ = 0, unit_ = 0, unit_begin_ = 0, all_tiles_ = 0;
  row_tiles tiles_;
  head_words kept_{};
};

/// The pieces of one unit, for kernels after a pass: the cell of the first, those of the others follow; how many.
/// Where rows are alike that is known; otherwise the pass has written it, and the pass must have ended.
template <class Line, class Element>
[[nodiscard]] __device__ __forceinline__ int2 cells_of(parameters<Element> const& in, int row, int group) {
  int const unit = row * in.kv_heads + group;
  if constexpr (Line::known) {
    if (in.even.tiles == 0) return {};
    Line const line{in, 0};
    int const begin = unit * in.even.tiles, first = share_of(line, begin);
    return {unit + first, share_of(line, begin + in.even.tiles - 1) - first + 1};
  } else {
    auto const [first, end] = visible(in.cache, row);
    return first < end ? __ldcg(in.cells + unit) : int2{};
  }
}

}  // namespace headcount::v0::cuda
