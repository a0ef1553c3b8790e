#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/result/shard.hpp>
#include <unit/reference/support/files.hpp>

using namespace headcount;
using namespace headcount::evaluate;

TEST_CASE("shard: every piece of work is one part's, and parts are about as large") {
  for (std::size_t const count : {1u, 2u, 3u, 8u}) {
    std::vector<std::size_t> sizes(count);
    for (int i = 0; i < 4000; ++i) {
      auto const name = "work " + std::to_string(i);
      std::size_t takers = 0;
      for (std::size_t index = 1; index <= count; ++index)
        if (shard{index, count}.has(name)) {
          ++takers;
          ++sizes[index - 1];
        }
      CHECK(takers == 1);
    }
    for (auto const size : sizes) CHECK(size * count > 3300);  // 4.5 standard deviations of 8 parts
  }
  using paths = std::vector<std::filesystem::path>;
  CHECK(path_of_shard("a/r.x.jsonl", {3, 8}) == "a/r.x.3-of-8.jsonl");
  auto const missing = [](std::vector<std::string> const& files) { return missing_shards(files); };
  CHECK(missing({"a/r.1-of-2.jsonl", "a/r.2-of-2.jsonl"}).empty());
  CHECK(missing({"a/r.2-of-4.jsonl", "a/r.1-of-4.jsonl"}) == paths{"a/r.3-of-4.jsonl", "a/r.4-of-4.jsonl"});
  CHECK(missing({"a/r.1-of-2.jsonl", "b/r.2-of-2.jsonl"}) == paths{"a/r.2-of-2.jsonl", "b/r.1-of-2.jsonl"});
  CHECK(missing({"r.jsonl", "r.5-of-4.jsonl", "r.x-of-y.jsonl", "1-of-2", "r.-of-.jsonl"}).empty());
  CHECK(parse_shard("3/8").index == 3);
  CHECK(parse_shard("3/8").count == 8);
  for (auto const* wrong : {"", "3", "0/8", "9/8", "3/", "/8", "3/8 ", "a/b", "-1/8", "3/8/2"}) {
    CAPTURE(wrong);
    CHECK(test::message_of([&] { (void)parse_shard(wrong); }) ==
          std::string{"shard: "} + wrong +
              " (allowed: I/N with I from 1 to N, e.g. 3/8; one more than the index of an array from 0)");
  }
}
