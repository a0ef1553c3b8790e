// What decode_attention.py calls: ours by shape and way, and plain reads of the same bytes, which no kernel can beat.

#include <cstdint>
#include <cstdio>
#include <exception>

#include <headcount/kernel/cuda/attend.cuh>
#include <headcount/policy/compose.hpp>
#include <headcount/score/unscored.hpp>
#include <headcount/select/fixed.hpp>

namespace cuda = headcount::cuda;

/// As decode_attention.py fills it in.
struct call {
  void const *queries, *keys, *values;
  void *outputs, *scores, *kept, *workspace;
  void const* fixed;
  void const *pages, *lengths;
  std::int64_t workspace_bytes;
  int batch, kv_heads, keys_each, dim, group, top, how;
};
enum how : int { without_policy, scored, two_pass, automatic, fixed, paged, late };

namespace {

template <class Shape>
cuda::key_value_cache cache_of(call const& c) {
  if (c.how != paged) return cuda::contiguous_cache(c.keys, c.values, c.batch, c.kv_heads, c.keys_each, Shape::dim);
  auto cache = cuda::paged_cache(c.keys, c.values, c.batch * c.keys_each / 16, 16, c.kv_heads, Shape::dim,
                                 static_cast<int const*>(c.pages), c.keys_each / 16);
  cache.lengths = static_cast<int const*>(c.lengths);
  return cache;
}

template <class Shape>
void attend(call const& c, cudaStream_t stream) {
  using element = typename Shape::element_type;
  cuda::attention<Shape> const in{.queries = static_cast<element const*>(c.queries),
                                  .cache = cache_of<Shape>(c),
                                  .outputs = static_cast<element*>(c.outputs),
                                  .batch = c.batch,
                                  .kv_heads = c.kv_heads,
                                  .scale = Shape::dim == 64    ? 0.125f
                                           : Shape::dim == 128 ? 0.08838834764831845f
                                                               : 0.0625f,
                                  .scores = static_cast<float*>(c.scores),
                                  .kept = static_cast<bool*>(c.kept),
                                  .workspace = c.workspace,
                                  .workspace_bytes = static_cast<std::size_t>(c.workspace_bytes)};
  auto const policy = headcount::score::entropy{} | headcount::select::top_k{static_cast<std::size_t>(c.top)};
  switch (c.how) {
    case without_policy: {
      auto quiet = in;
      quiet.scores = nullptr, quiet.kept = nullptr;
      return cuda::attend<Shape>(quiet, headcount::dense, stream);
    }
    case late: {
      auto alone = in;
      alone.starts_early = false;
      return cuda::attend<Shape>(alone, policy, stream, {.how = cuda::way::dense});
    }
    case paged:
    case scored:
      return cuda::attend<Shape>(in, policy, stream, {.how = cuda::way::dense});
    case two_pass:
      return cuda::attend<Shape>(in, policy, stream, {.how = cuda::way::two_pass});
    case automatic:
      return cuda::attend<Shape>(in, policy, stream);
    case fixed:
      return cuda::attend_heads<Shape>(in, {}, static_cast<headcount::head_set const*>(c.fixed), stream);
  }
}

template <class Work>
int with_shape(call const& c, Work work) {
  try {
    if (c.dim == 128 && c.group == 4) return work(cuda::shape<__nv_bfloat16, 128, 4>{}), 0;
    if (c.dim == 256 && c.group == 10) return work(cuda::shape<__nv_bfloat16, 256, 10>{}), 0;
    if (c.dim == 256 && c.group == 16) return work(cuda::shape<__nv_bfloat16, 256, 16>{}), 0;
    std::fprintf(stderr, "no such shape\n");
  } catch (std::exception const& problem) {
    std::fprintf(stderr, "%s\n", problem.what());
  }
  return 1;
}

__global__ void empty() {}

template <int Unroll>
__global__ void __launch_bounds__(256) read_words(uint4 const* words, std::int64_t count, unsigned* sink) {
  unsigned all = 0;
  std::int64_t const step = std::int64_t{gridDim.x} * 256 * Unroll;
  for (std::int64_t i = std::int64_t{blockIdx.x} * 256 * Unroll + threadIdx.x; i < count; i += step) {
    uint4 v[Unroll];
#pragma unroll
    for (int j = 0; j < Unroll; ++j)
      asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
                   : "=r"(v[j].x), "=r"(v[j].y), "=r"(v[j].z), "=r"(v[j].w)
                   : "l"(words + i + j * 256));
#pragma unroll
    for (int j = 0; j < Unroll; ++j) all ^= v[j].x ^ v[j].y ^ v[j].z ^ v[j].w;
  }
  if (all == 0x12345678u) *sink = all;
}

}  // namespace

extern "C" int headcount_attend(call const* c, void* stream) {
  return with_shape(*c, [&]<class Shape>(Shape) { attend<Shape>(*c, static_cast<cudaStream_t>(stream)); });
}

extern "C" std::int64_t headcount_workspace(call const* c) {
  std::int64_t bytes = 0;
  with_shape(*c, [&]<class Shape>(Shape) {
    bytes = static_cast<std::int64_t>(cuda::workspace_bytes<Shape>(cache_of<Shape>(*c), c->batch, c->kv_heads));
  });
  return bytes;
}

/// `unroll` 0 starts an empty kernel. `bytes` is a multiple of 4096 * unroll.
extern "C" int headcount_read(int unroll, void const* from, std::int64_t bytes, int blocks, void* sink, void* stream) {
  auto const s = static_cast<cudaStream_t>(stream);
  auto const words = static_cast<uint4 const*>(from);
  auto const to = static_cast<unsigned*>(sink);
  if (unroll == 0) empty<<<1, 32, 0, s>>>();
  else if (unroll == 4) read_words<4><<<blocks, 256, 0, s>>>(words, bytes / 16, to);
  else read_words<8><<<blocks, 256, 0, s>>>(words, bytes / 16, to);
  return cudaGetLastError();
}
