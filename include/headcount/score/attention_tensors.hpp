#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/strided_view.hpp>

namespace headcount::v0 {

/// Gives what is known of each head, wherever it lies: refers to a callable of somebody else's, which must outlive it.
template <class Evidence>
class head_reader {
 public:
  /// Knows nothing: gives empty evidence.
  head_reader() = default;

  template <class Read>
    requires(!std::same_as<Read, head_reader> &&
             std::convertible_to<std::invoke_result_t<Read const&, std::size_t>, Evidence>)
  head_reader(Read const& read) noexcept
      : read_{&read}, call_{[](void const* object, std::size_t head) -> Evidence {
          return (*static_cast<Read const*>(object))(head);
        }} {}
  template <class Read>
  head_reader(Read const&&) = delete;

  [[nodiscard]] Evidence operator()(std::size_t head) const noexcept {
    return call_ == nullptr ? Evidence{} : call_(read_, head);
  }

 private:
  void const* read_ = nullptr;
  Evidence (*call_)(void const*, std::size_t) = nullptr;
};

/// What is known of the heads of one site when they are scored, and what is remembered of them. A scorer that reads
/// rows finds all but outputs; it must not ask for what it did not say it reads.
struct attention_tensors {
  block_input input{};                        ///< of the attention block
  head_reader<head_gate> gates{};             ///< of each head, where attention has them
  head_reader<head_query> queries{};          ///< of each head
  head_reader<row_view> rows{};               ///< of each head, over the visible keys
  head_reader<head_output> outputs{};         ///< of each head
  strided_view<float const, 3> projection{};  ///< `[head, width, dim]`: the output projection
  std::span<double> memory{};                 ///< `[slot, head]` of scorer_state; empty where nothing is remembered
};

/// Takes `count` numbers from the front of what is remembered, for a scorer's own use; nothing where nothing is
/// remembered. What is left is its inner scorers'.
[[nodiscard]] inline std::span<double> take_memory(attention_tensors& tensors, std::size_t count) noexcept {
  auto const own = tensors.memory.first((std::min)(count, tensors.memory.size()));
  tensors.memory = tensors.memory.subspan(own.size());
  return own;
}

}  // namespace headcount::v0
