#pragma once

#include <cstdint>

#include <headcount/version.hpp>

namespace headcount::v0::cuda {

/// Keys and values of one attention layer, in device memory: pages of keys, each `[kv_head, key, dim]` or
/// `[key, kv_head, dim]` as strides say, dims side by side. A contiguous cache has one page a batch row.
/// Strides are in elements and hold for keys and values alike; bases and strides are multiples of 16 bytes.
struct key_value_cache {
  void const* keys = nullptr;
  void const* values = nullptr;
  std::int64_t key_stride = 0;
  std::int64_t head_stride = 0;
  std::int64_t page_stride = 0;
  int page_size = 0;  ///< keys a page; of a contiguous cache, keys a row has room for
  int pages = 0;      ///< that `keys` and `values` hold

  int const* page_table = nullptr;   ///< [batch, table_stride] or [table_begin[batch]]: pages of each row, in order
  int table_stride = 0;              ///< entries a row, as vLLM's block tables have
  int const* table_begin = nullptr;  ///< [batch], where each row's begin, as FlashInfer's kv_indptr says; or null

  int const* lengths = nullptr;  ///< [batch], keys of each row, the query's own token included; null: `longest` each
  int longest = 0;               ///< keys of the longest row, which must not be exceeded
  int window = 0;                ///< the last keys that a query sees, as a sliding window; 0: all
};

/// A cache `[batch, kv_head, capacity, dim]`, as transformers keeps it.
[[nodiscard]] inline key_value_cache contiguous_cache(void const* keys, void const* values, int batch, int kv_heads,
                                                      int capacity, int dim) {
  return {.keys = keys,
          .values = values,
          .key_stride = dim,
          .head_stride = std::int64_t{capacity} * dim,
          .page_stride = std::int64_t{kv_heads} * capacity * dim,
          .page_size = capacity,
          .pages = batch,
          .longest = capacity};
}

/// A paged cache `[page, key, kv_head, dim]`, as vLLM and FlashInfer (NHD) keep keys and values of their own.
/// `longest` is the most that `table_stride` pages hold.
[[nodiscard]] inline key_value_cache paged_cache(void const* keys, void const* values, int pages, int page_size,
                                                 int kv_heads, int dim, int const* page_table, int table_stride) {
  return {.keys = keys,
          .values = values,
          .key_stride = std::int64_t{kv_heads} * dim,
          .head_stride = dim,
          .page_stride = std::int64_t{page_size} * kv_heads * dim,
          .page_size = page_size,
          .pages = pages,
          .page_table = page_table,
          .table_stride = table_stride,
          .longest = table_stride * page_size};
}

/// The keys that a row's query sees, [first, end).
struct visible_keys {
  int first = 0;
  int end = 0;
};
[[nodiscard]] __device__ inline visible_keys visible(key_value_cache const& cache, int row) {
  int const length = cache.lengths ? __ldg(cache.lengths + row) : cache.longest;
  return {cache.window > 0 && length > cache.window ? length - cache.window : 0, length};
}

/// Where a visible key of a row lies.
struct key_place {
  int page = 0;
  int key = 0;  ///< of the page
};
[[nodiscard]] __device__ inline key_place place_of(key_value_cache const& cache, int row, int key) {
  if (!cache.page_table) return {row, key};
  std::int64_t const begin =
      cache.table_begin ? __ldg(cache.table_begin + row) : std::int64_t{row} * cache.table_stride;
  unsigned const size = static_cast<unsigned>(cache.page_size), index = static_cast<unsigned>(key) / size;
  return {__ldg(cache.page_table + begin + index), key - static_cast<int>(index * size)};
}

}  // namespace headcount::v0::cuda
