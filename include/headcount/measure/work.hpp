#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <span>
#include <vector>

#include <headcount/engine/any_model.hpp>

namespace headcount::v0::evaluate {

/// Tokens that went through a model, and those that would have if every policy, prompt and choice had been run from the
/// first token on. Several threads may add to it.
struct work {
  std::atomic<std::size_t> computed = 0;
  std::atomic<std::size_t> tokens_without_sharing = 0;
};

/// At most so many prompts, and about so many tokens, are worked on together: enough to fill matrices, few enough for
/// their states. They do not change with the number of threads, so results do not either.
inline constexpr std::size_t prompts_at_once = 105;
inline constexpr std::size_t prompt_tokens_at_once = 32768;

/// Something that is worked on together with others like it; `length_of` says how many tokens it has a model read.
template <class Item>
concept workable = requires(Item const& item) {
  { length_of(item) } -> std::same_as<std::size_t>;
};

/// Cuts items into parts and calls `use(part, first)` for each, on several threads when the model allows it; `first` is
/// the index of the part's first item.
template <workable Item, std::invocable<std::span<Item const>, std::size_t> Use>
void for_each_part(any_model const& model, std::span<Item const> items, Use const& use) {
  std::vector<std::size_t> begins;
  std::size_t tokens = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    tokens += length_of(items[i]);
    if (!begins.empty() && i - begins.back() < prompts_at_once && tokens <= prompt_tokens_at_once) continue;
    begins.push_back(i);
    tokens = length_of(items[i]);
  }
  auto const run = [&](std::size_t part) {
    auto const end = part + 1 < begins.size() ? begins[part + 1] : items.size();
    use(items.subspan(begins[part], end - begins[part]), begins[part]);
  };
  for_each_index(model, begins.size(), run);
}

}  // namespace headcount::v0::evaluate
