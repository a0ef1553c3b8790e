#pragma once

#include <tuple>
#include <type_traits>
#include <vector>

#include <headcount/core/token_positions.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/part/layer_table.hpp>
#include <headcount/part/part.hpp>
#include <headcount/score/any_scorer.hpp>
#include <headcount/select/any_selector.hpp>
#include <headcount/sentence/registry.hpp>
#include <support/files.hpp>

// An example of every part of the registry.

namespace support {

using namespace headcount;

template <class List>
struct tuple_of;
template <class... Parts>
struct tuple_of<part_list<Parts...>> {
  using type = std::tuple<Parts...>;
};
template <class List>
using types = typename tuple_of<List>::type;

/// A part with positions, layers and scorers inside where it can have some, so that it has something to do, and with
/// files that hold nothing.
template <class Part>
Part example() {
  Part part{};
  auto const point = [&]<class Value>(field<Part, Value> const& field) {
    if constexpr (std::is_same_v<Value, token_positions>) part.*(field.member) = {{3, 5}, {9, 9}};
    if constexpr (is_from_file<Value>) part.*(field.member) = support::some_file<Value>();
    if constexpr (std::is_same_v<Value, layer_table>) part.*(field.member) = {{{0, 0}, 4}, {{1, 3}, 2}};
    if constexpr (std::is_same_v<Value, any_scorer>) part.*(field.member) = score::entropy{};
    if constexpr (std::is_same_v<Value, any_selector>) part.*(field.member) = select::top_k{2};
    if constexpr (std::is_same_v<Value, std::vector<any_scorer>>)
      part.*(field.member) = {score::entropy{}, score::previous{score::output_norm{}}, score::ema{0.5, score::max{}}};
  };
  for_each_field<Part>(point);
  return part;
}

}  // namespace support
