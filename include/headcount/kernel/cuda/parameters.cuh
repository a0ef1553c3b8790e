#pragma once

#include <cstddef>

#include <headcount/core/head_set.hpp>
#include <headcount/kernel/cuda/cache.cuh>
#include <headcount/kernel/cuda/element.cuh>

namespace headcount::v0::cuda {

/// Which heads there are to compute.
enum class listing : int {
  all,   ///< every group of every row
  same,  ///< the groups of `same`, in every row
  rows   ///< the groups of kept[row]
};

/// Rows that are alike, in tiles: none has a length of its own and all groups are listed.
struct even_rows {
  bool hold = false;
  int first = 0;        ///< tile that holds a visible key
  int tiles = 0;        ///< of a row that hold any
  unsigned shares = 1;  ///< that the line of all of them is cut into
};

/// What a kernel is told: the call's tensors, and the workspace that kernels of one call hand on to each other.
template <class Element>
struct parameters {
  Element const* queries = nullptr;  ///< [batch, head, dim]
  Element* outputs = nullptr;        ///< [batch, head, dim]
  float* scores = nullptr;           ///< [batch, head], or null
  bool* kept_flags = nullptr;        ///< [batch, head], or null
  key_value_cache cache;
  float scale = 1;  ///< of the logits, times log2 e
  int batch = 0;
  int kv_heads = 0;
  int layer = 0;
  int shares = 1;       ///< that the work on all groups is cut into
  int list_shares = 1;  ///< that the work on listed groups is cut into
  bool starts_early = true;
  bool chooses = false;  ///< whether the policy chooses here; otherwise every head is kept

  even_rows even;  ///< of the work on all groups
  listing list = listing::all;
  head_set same;             ///< heads, where list is `same`
  head_set* kept = nullptr;  ///< [batch], heads, where list is `rows`

  int2* cells = nullptr;             ///< [batch, group]: see cells_of
  float4* statistics = nullptr;      ///< [piece, head of group]: see statistic
  float* partial = nullptr;          ///< [piece, head of group, dim]
  float2* softmaxes = nullptr;       ///< [batch, head]: maximum and sum
  unsigned char* weights = nullptr;  ///< [tile of all groups, shape::weight_bytes]
};

/// A set of heads in registers.
struct head_words {
  static constexpr int count = static_cast<int>(head_set::capacity() / 64);
  u64 words[count];

  [[nodiscard]] __device__ __forceinline__ bool contains(int head) const {
    u64 word = words[0];
#pragma unroll
    for (int i = 1; i < count; ++i)
      if (head / 64 == i) word = words[i];
    return word >> head % 64 & 1;
  }

  /// Those below a head.
  [[nodiscard]] __device__ __forceinline__ head_words below(int head) const {
    head_words kept = *this;
#pragma unroll
    for (int i = 0; i < count; ++i)
      if (head < (i + 1) * 64) kept.words[i] &= head <= i * 64 ? 0 : (u64{1} << head % 64) - 1;
    return kept;
  }

  /// The first group after `group` that holds a kept head; kv_heads when there is none.
  template <int Group>
  [[nodiscard]] __device__ __forceinline__ int group_after(int group, int kv_heads) const {
    int const from = (group + 1) * Group;
    int found = kv_heads * Group;
#pragma unroll
    for (int i = count - 1; i >= 0; --i) {
      u64 rest = words[i];
      if (from > i * 64) rest &= from >= (i + 1) * 64 ? 0 : ~u64{0} << from % 64;
      if (rest) found = i * 64 + __ffsll(static_cast<long long>(rest)) - 1;
    }
    return min(found / Group, kv_heads);
  }

  /// The groups that hold a kept head.
  template <int Group>
  [[nodiscard]] __device__ __forceinline__ int count_groups(int kv_heads) const {
    int groups = 0;
    if constexpr (64 % Group == 0) {  // no group lies in two words: each is moved to its first bit
      constexpr u64 firsts = Group == 64 ? 1 : ~u64{0} / ((u64{1} << Group) - 1);
#pragma unroll
      for (int i = 0; i < count; ++i) {
        u64 word = words[i];
#pragma unroll
        for (int step = 1; step < Group; step *= 2) word |= word >> step;
        groups += __popcll(word & firsts);
      }
    } else {
#pragma unroll 1
      for (int group = group_after<Group>(-1, kv_heads); group < kv_heads; group = group_after<Group>(group, kv_heads))
        ++groups;
    }
    return groups;
  }
};

[[nodiscard]] __device__ __forceinline__ head_words words_of(head_set const& heads) {
  return as_bits<head_words>(heads);
}
/// Those that an earlier kernel wrote: not through L1, which may hold what was there before.
[[nodiscard]] __device__ __forceinline__ head_words load_heads(head_set const* from) {
  static_assert(sizeof(head_set) == 32);
  struct halves {
    ulonglong2 low, high;
  };
  auto const at = reinterpret_cast<ulonglong2 const*>(from);
  return as_bits<head_words>(halves{__ldcg(at), __ldcg(at + 1)});
}
/// The heads of a row that are listed, where not all are.
template <class Element>
[[nodiscard]] __device__ __forceinline__ head_words listed_heads(parameters<Element> const& in, int row) {
  return in.list == listing::rows ? load_heads(in.kept + row) : words_of(in.same);
}

}  // namespace headcount::v0::cuda
