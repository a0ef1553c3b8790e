#include <cstddef>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/content_digest.hpp>

using headcount::content_digest;
using headcount::digest_of;

TEST_CASE("content_digest: digests are MurmurHash3's") {
  // The first and third out of the published code, seed 0.
  CHECK(digest_of(std::string_view{}).text() == "00000000000000000000000000000000");
  CHECK(digest_of(std::string_view{"hello"}).text() == "cbd8a7b341bd9b025b1e906a48ae1d19");
  CHECK(digest_of(std::string_view{"The quick brown fox jumps over the lazy dog"}).text() ==
        "e34bbc7bbc071b6c7a433ca9c49a9347");
}

TEST_CASE("content_digest: digests see every byte, where lists end, and the order of what is added") {
  std::vector<float> numbers(37, 0.5f);
  auto const digest = digest_of(numbers);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    auto changed = numbers;
    changed[i] = 0.25f;
    CHECK(digest_of(changed) != digest);
    CHECK(digest_of(std::vector<float>(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(i))) != digest);
  }
  CHECK(digest_of(std::vector<float>(37, 0.5f)) == digest);
  using lists = std::vector<std::vector<double>>;
  CHECK(digest_of(lists{{1, 2}, {3}}) != digest_of(lists{{1}, {2, 3}}));
  CHECK(digest_of(lists{{}, {1}}) != digest_of(lists{{1}}));
  CHECK(digest_of(lists{{}, {}}) != digest_of(lists{{}}));
}
