#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/file/safetensors.hpp>
#include <headcount/policy_file/trace_file.hpp>
#include <headcount/ranking/trace_frequency.hpp>
#include <headcount/record/recording.hpp>

#include <unit/reference/support/files.hpp>

using namespace headcount;

namespace {

head_set some(std::initializer_list<std::size_t> heads) {
  head_set set;
  for (auto const head : heads) set.insert(head);
  return set;
}

record::recording two_sites() {
  record::recording of;
  of.sites.push_back({.where = {.layer = 2, .phase = phase::prefill, .sequence_id = 0, .position = 3, .heads = 3},
                      .kept = some({0, 2}),
                      .scores = {},
                      .rows = {{.head = 1, .weights = {0.25f, 0.75f}}}});
  of.sites.push_back({.where = {.layer = 5, .phase = phase::generation, .sequence_id = 0, .position = 1, .heads = 2},
                      .kept = some({1}),
                      .scores = {-1.5, 0.5},
                      .rows = {}});
  return of;
}

}  // namespace

TEST_CASE("trace_file: a recording is written as documented, and its decisions are read back") {
  test::temporary_folder const folder;
  auto const path = folder.path() / "T.safetensors";
  auto const of = two_sites();
  reference::write_recording(path, of);
  CHECK(reference::read_trace(path) == of.trace());

  auto const file = reference::open_safetensors(path);
  auto const numbers = [&]<class Number>(std::string const& name, Number) {
    auto const bytes = file.tensors.at(name).bytes;
    std::vector<Number> values(bytes.size() / sizeof(Number));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  };
  CHECK(numbers("sites", std::int64_t{}) == std::vector<std::int64_t>{0, 2, 3, 0, 3, 0, 5, 1, 1, 2});
  CHECK(numbers("kept", std::uint8_t{}) == std::vector<std::uint8_t>{1, 0, 1, 0, 1, 0});
  CHECK(numbers("rows", std::int64_t{}) == std::vector<std::int64_t>{0, 1, 2});
  CHECK(numbers("weights", float{}) == std::vector<float>{0.25f, 0.75f});
  auto const scores = numbers("scores", float{});
  REQUIRE(scores.size() == 6);
  CHECK(scores[3] == -1.5f);
  CHECK(scores[4] == 0.5f);
  for (auto const at : {0, 1, 2, 5}) CHECK(std::isnan(scores[static_cast<std::size_t>(at)]));

  reference::write_recording(path, {});
  CHECK(reference::read_trace(path).decisions.empty());
}

TEST_CASE("trace_frequency: shares of a layer's sites, phase by phase, are those that are counted") {
  test::temporary_folder const folder;
  auto const path = folder.path() / "T.safetensors";
  record::recording of;
  // Layer 1: 12 sites of generation, after 5 of prefill which keep all; layer 3: two sites.
  std::vector<double> times(4);
  for (std::size_t position = 0; position < 17; ++position) {
    head_set kept = position < 5 ? head_set::first(4) : some({position % 4, (position * position) % 3});
    for (auto const head : kept) times[head] += position < 5 ? 0 : 1;
    of.sites.push_back({.where = {.layer = 1,
                                  .phase = position < 5 ? phase::prefill : phase::generation,
                                  .position = position,
                                  .heads = 4},
                        .kept = kept,
                        .scores = {},
                        .rows = {}});
  }
  of.sites.push_back({.where = {.layer = 3, .phase = phase::generation, .position = 5, .heads = 2},
                      .kept = some({1}),
                      .scores = {},
                      .rows = {}});
  of.sites.push_back({.where = {.layer = 3, .phase = phase::generation, .position = 6, .heads = 2},
                      .kept = some({0, 1}),
                      .scores = {},
                      .rows = {}});
  reference::write_recording(path, of);
  auto const maps = reference::keep_frequencies(path);
  REQUIRE(maps.size() == 2);
  CHECK(maps[0].source.method == "keep_frequency of " + path.string() + ", prefill");
  CHECK(maps[0].scores == std::vector<std::vector<double>>{{}, {1, 1, 1, 1}});
  CHECK(maps[1].source.method == "keep_frequency of " + path.string() + ", generation");
  REQUIRE(maps[1].scores.size() == 4);
  for (std::size_t head = 0; head < 4; ++head) CHECK(maps[1].scores[1][head] == times[head] / 12);
  CHECK(maps[1].scores[0].empty());
  CHECK(maps[1].scores[2].empty());
  CHECK(maps[1].scores[3] == std::vector<double>{0.5, 1});

  of.sites.back().where.heads = 3;
  reference::write_recording(path, of);
  CHECK(test::contains(test::message_of([&] { (void)reference::keep_frequencies(path); }),
                       "site 18: layer 3 has 3 heads, and had 2"));
  reference::write_recording(path, {});
  CHECK(reference::keep_frequencies(path).empty());
}

TEST_CASE("trace_file: what is no recording is refused") {
  test::temporary_folder const folder;
  auto const path = folder.path() / "T.safetensors";
  auto const refused = [&](std::vector<std::int64_t> const& sites, std::vector<std::uint8_t> const& kept,
                           std::size_t heads, std::string const& says) {
    std::vector<reference::tensor_to_write> const tensors{
        reference::to_write("sites", sites, {sites.size() / 5, 5}),
        reference::to_write("kept", kept, {heads == 0 ? 0 : kept.size() / heads, heads})};
    reference::write_safetensors(path, tensors);
    auto const message = test::message_of([&] { (void)reference::read_trace(path); });
    CHECK_MESSAGE(test::contains(message, path.string()), message);
    CHECK_MESSAGE(test::contains(message, says), message);
  };
  refused({0, 2, 3, 0, 3}, {1, 0, 1, 0}, 2, "sites are [1, 5] and kept is [2, 2]");
  refused({0, 2, 3, 0, 3}, {1, 0}, 2, "site 0: it has 3 heads at layer 2, position 3 (allowed: numbers from 0");
  refused({0, -2, 3, 0, 2}, {1, 0}, 2, "site 0: it has 2 heads at layer -2");
  refused({0, 2, 3, 0, 2, 0, 2, 3, 1, 2}, {1, 0, 1, 0}, 2, "site 1: it does not come after the one before it");
  folder.write("T.safetensors",
               test::safetensors_text(R"({"kept":{"dtype":"U8","shape":[0,0],"data_offsets":[0,0]}})"));
  CHECK(test::contains(test::message_of([&] { (void)reference::read_trace(path); }),
                       "it has no I64 matrix \"sites\", so it is no recording"));
}
