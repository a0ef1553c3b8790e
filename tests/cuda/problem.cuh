#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/kernel/cuda/attend.cuh>
#include <headcount/policy/compose.hpp>
#include <support/numbers.hpp>

// Attention of one query token a row on a GPU, and the same by its formula in float64 on the CPU.

namespace support {

namespace cuda = headcount::cuda;

inline void check(cudaError_t result) { REQUIRE_MESSAGE(result == cudaSuccess, cudaGetErrorString(result)); }

/// Numbers in device memory.
template <class T>
class device_array {
 public:
  explicit device_array(std::vector<T> const& values) : device_array(values.size()) {
    check(cudaMemcpy(data_, values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice));
  }
  explicit device_array(std::size_t size) : size_{size} { check(cudaMalloc(&data_, size * sizeof(T) + 16)); }
  device_array(device_array const&) = delete;
  device_array& operator=(device_array const&) = delete;
  ~device_array() { cudaFree(data_); }

  [[nodiscard]] T* data() const { return data_; }
  void fill_bytes(int byte) { check(cudaMemset(data_, byte, size_ * sizeof(T))); }
  [[nodiscard]] std::vector<T> read() const {
    std::vector<T> values(size_);
    check(cudaMemcpy(values.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost));
    return values;
  }

 private:
  T* data_ = nullptr;
  std::size_t size_;
};

template <class Element>
float number(std::uint16_t bits) {
  Element value;
  std::memcpy(static_cast<void*>(&value), &bits, 2);
  return static_cast<float>(value);
}
template <class Element>
std::uint16_t bits_of(double number) {
  Element const value(static_cast<float>(number));
  std::uint16_t bits;
  std::memcpy(&bits, &value, 2);
  return bits;
}

struct sizes {
  int batch = 1;
  int kv_heads = 1;
  int capacity = 0;
  std::vector<int> lengths{};  ///< capacity each where empty
  int window = 0;
};

/// What attention made, [batch, head] and [batch, head, dim].
struct answer {
  std::vector<std::uint16_t> outputs;
  std::vector<float> scores;
  std::vector<char> kept;

  friend bool operator==(answer const& a, answer const& b) {
    return a.outputs == b.outputs && a.kept == b.kept &&
           std::memcmp(a.scores.data(), b.scores.data(), a.scores.size() * sizeof(float)) == 0;
  }
};

/// The same by its formula in float64.
struct expected {
  std::vector<double> outputs, scores;  ///< outputs of all heads, as if each were kept
  std::vector<char> kept;
};

template <class Shape>
class problem {
  using Element = typename Shape::element_type;
  static constexpr std::uint16_t poison = 0x7fff;  ///< NaN, in either format

 public:
  problem(sizes const& of, std::uint64_t seed) : of_{of} {
    numbers draw{seed};
    auto const normal = [&draw] {
      return std::sqrt(-2 * std::log(1 - draw.between(0, 1))) * std::cos(6.283185307179586 * draw.between(0, 1));
    };
    for (int row = 0; row < of.batch; ++row)
      for (int head = 0; head < heads(); ++head) {
        double const sharp = draw.between(0.2, 2.5);  // so that heads differ in entropy
        for (int i = 0; i < Shape::dim; ++i) queries_.push_back(bits_of<Element>(sharp * normal()));
      }
    for (auto* const side : {&keys_, &values_})
      for (int row = 0; row < of.batch; ++row)
        for (int g = 0; g < of.kv_heads; ++g)
          for (int key = 0; key < of.capacity; ++key)
            for (int i = 0; i < Shape::dim; ++i)
              side->push_back(key < end(row) && key >= first(row) ? bits_of<Element>(normal()) : poison);
  }

  [[nodiscard]] int heads() const { return of_.kv_heads * Shape::group; }
  [[nodiscard]] int length(int row) const {
    return of_.lengths.empty() ? of_.capacity : of_.lengths[static_cast<std::size_t>(row)];
  }
  [[nodiscard]] int end(int row) const { return length(row); }
  [[nodiscard]] int first(int row) const { return of_.window > 0 ? std::max(0, length(row) - of_.window) : 0; }

  /// With a cache `[batch, kv_head, key, dim]`.
  template <class Call>
  [[nodiscard]] answer contiguous(Call&& call) const {
    device_array const keys{keys_}, values{values_};
    auto cache = cuda::contiguous_cache(keys.data(), values.data(), of_.batch, of_.kv_heads, of_.capacity, Shape::dim);
    return run(cache, call);
  }

  /// With pages of so many keys in shuffled order; entries of pages that no visible key needs are out of range.
  template <class Call>
  [[nodiscard]] answer paged(int page_size, Call&& call, bool by_begin = false) const {
    int const entries = (of_.capacity + page_size - 1) / page_size, pages = of_.batch * entries + 3;
    std::size_t const page = static_cast<std::size_t>(page_size) * static_cast<std::size_t>(of_.kv_heads) * Shape::dim;
    std::vector<std::uint16_t> keys(static_cast<std::size_t>(pages) * page, poison), values = keys;
    std::vector<int> table, begins;
    for (int row = 0; row < of_.batch; ++row) {
      begins.push_back(static_cast<int>(table.size()));
      for (int entry = 0; entry < entries; ++entry) {
        bool const needed = entry * page_size < end(row) && (entry + 1) * page_size > first(row);
        int const at = (static_cast<int>(table.size()) * 7 + 5) % pages;
        table.push_back(needed ? unique(at, table, pages) : -1000000);
        if (!needed) continue;
        for (int key = entry * page_size; key < std::min((entry + 1) * page_size, of_.capacity); ++key)
          for (int g = 0; g < of_.kv_heads; ++g) {
            auto const from = (static_cast<std::size_t>(row * of_.kv_heads + g) * of_.capacity + key) * Shape::dim;
            auto const to =
                table.back() * page + (static_cast<std::size_t>(key % page_size) * of_.kv_heads + g) * Shape::dim;
            std::copy_n(&keys_[from], Shape::dim, &keys[to]);
            std::copy_n(&values_[from], Shape::dim, &values[to]);
          }
      }
    }
    device_array const on_keys{keys}, on_values{values};
    device_array const on_table{table}, on_begins{begins};
    auto cache = cuda::paged_cache(on_keys.data(), on_values.data(), pages, page_size, of_.kv_heads, Shape::dim,
                                   on_table.data(), entries);
    cache.longest = of_.capacity;
    if (by_begin) cache.table_begin = on_begins.data(), cache.table_stride = 0;
    return run(cache, call);
  }

  template <class Policy>
  [[nodiscard]] expected formula(Policy const& policy) const {
    expected made;
    for (int row = 0; row < of_.batch; ++row) {
      std::vector<double> scores;
      for (int head = 0; head < heads(); ++head) {
        auto const group = static_cast<std::size_t>(row * of_.kv_heads + head / Shape::group);
        std::vector<double> weights;
        double largest = -std::numeric_limits<double>::infinity(), sum = 0;
        for (int key = first(row); key < end(row); ++key) {
          double logit = 0;
          for (int i = 0; i < Shape::dim; ++i)
            logit +=
                double{number<Element>(queries_[static_cast<std::size_t>(row * heads() + head) * Shape::dim + i])} *
                number<Element>(keys_[(group * of_.capacity + key) * Shape::dim + i]);
          weights.push_back(logit * scale());
          largest = std::max(largest, weights.back());
        }
        for (auto& w : weights) sum += w = std::exp(w - largest);
        std::vector<double> output(Shape::dim);
        for (std::size_t j = 0; j < weights.size(); ++j) {
          weights[j] /= sum;
          for (int i = 0; i < Shape::dim; ++i)
            output[static_cast<std::size_t>(i)] +=
                weights[j] * number<Element>(values_[(group * of_.capacity + first(row) + j) * Shape::dim + i]);
        }
        if constexpr (Policy::may_read(headcount::reading::row)) scores.push_back(policy.score(weights));
        else scores.push_back(0);
        made.outputs.insert(made.outputs.end(), output.begin(), output.end());
      }
      headcount::site const where{.position = static_cast<std::size_t>(std::max(0, end(row) - 1)),
                                  .heads = static_cast<std::size_t>(heads()),
                                  .group = Shape::group};
      headcount::head_set kept;
      if constexpr (Policy::may_read(headcount::reading::row))
        kept = headcount::select_heads(policy.select, std::span<double const>{scores}, where);
      else kept = headcount::decide(policy, where, headcount::no_evidence{});
      for (int head = 0; head < heads(); ++head) made.kept.push_back(kept.contains(static_cast<std::size_t>(head)));
      made.scores.insert(made.scores.end(), scores.begin(), scores.end());
    }
    return made;
  }

  [[nodiscard]] static double scale() { return 1 / std::sqrt(static_cast<double>(Shape::dim)); }

 private:
  static int unique(int at, std::vector<int> const& taken, int pages) {
    while (std::ranges::find(taken, at) != taken.end()) at = (at + 1) % pages;
    return at;
  }

  template <class Call>
  [[nodiscard]] answer run(cuda::key_value_cache cache, Call&& call) const {
    device_array const queries{queries_};
    device_array<int> const lengths{of_.lengths};
    if (!of_.lengths.empty()) cache.lengths = lengths.data();
    cache.window = of_.window;
    auto const count = static_cast<std::size_t>(of_.batch * heads());
    device_array<std::uint16_t> outputs(count * Shape::dim);
    device_array<float> scores(count);
    device_array<char> kept(count);
    auto const bytes = cuda::workspace_bytes<Shape>(cache, of_.batch, of_.kv_heads);
    device_array<char> workspace(bytes);
    outputs.fill_bytes(0xff), scores.fill_bytes(0xff), workspace.fill_bytes(0xff), kept.fill_bytes(7);
    cuda::attention<Shape> const in{.queries = reinterpret_cast<Element const*>(queries.data()),
                                    .cache = cache,
                                    .outputs = reinterpret_cast<Element*>(outputs.data()),
                                    .batch = of_.batch,
                                    .kv_heads = of_.kv_heads,
                                    .scale = static_cast<float>(scale()),
                                    .scores = scores.data(),
                                    .kept = reinterpret_cast<bool*>(kept.data()),
                                    .workspace = workspace.data(),
                                    .workspace_bytes = bytes};
    call(in);
    check(cudaDeviceSynchronize());
    return {outputs.read(), scores.read(), kept.read()};
  }

  sizes of_;
  std::vector<std::uint16_t> queries_, keys_, values_;
};

/// Whether an answer is right: kept heads those of float64 wherever scores differ by more than 1e-4 at the cut, scores
/// within `score_error`, kept heads' outputs within `output_error` of their norm, dropped ones exactly 0.
template <class Shape>
void check_answer(answer const& got, expected const& right, int heads, double output_error, bool scored,
                  double score_error = 2e-5) {
  using Element = typename Shape::element_type;
  double difference = 0, norm = 0, worst_score = 0;
  int unequal = 0, not_zero = 0;
  for (std::size_t at = 0; at < right.kept.size(); ++at) {
    if (scored) worst_score = std::max(worst_score, std::abs(double{got.scores[at]} - right.scores[at]));
    if (got.kept[at] != right.kept[at]) {
      // A near tie: some head of the row that float64 treats the other way scores alike.
      std::size_t const row = at / static_cast<std::size_t>(heads) * static_cast<std::size_t>(heads);
      bool tie = false;
      for (std::size_t other = row; other < row + static_cast<std::size_t>(heads); ++other)
        tie |= right.kept[other] != right.kept[at] && std::abs(right.scores[other] - right.scores[at]) <= 1e-4;
      unequal += !tie;
    }
    for (std::size_t i = at * Shape::dim; i < (at + 1) * Shape::dim; ++i) {
      if (!got.kept[at]) {
        not_zero += got.outputs[i] != 0;
        continue;
      }
      double const value = number<Element>(got.outputs[i]);
      difference += (value - right.outputs[i]) * (value - right.outputs[i]);
      norm += right.outputs[i] * right.outputs[i];
    }
  }
  CHECK(unequal == 0);
  CHECK(not_zero == 0);
  double const error = norm > 0 ? std::sqrt(difference / norm) : std::sqrt(difference);
  MESSAGE("output error ", error, ", score error ", worst_score);
  CHECK(error <= output_error);
  if (scored) CHECK(worst_score <= score_error);
}

}  // namespace support
