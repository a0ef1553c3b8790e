#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include <headcount/core/shared.hpp>

namespace {

struct counts_its_end {
  std::atomic<int>* ended = nullptr;
  explicit counts_its_end(std::atomic<int>* counter) : ended{counter} {}
  counts_its_end(counts_its_end const&) = delete;
  counts_its_end& operator=(counts_its_end const&) = delete;
  ~counts_its_end() { ++*ended; }
};

}  // namespace

TEST_CASE("a shared value ends once, with its last holder, whichever thread that is in") {
  std::atomic<int> ended = 0;
  {
    auto held = headcount::shared<counts_its_end>::make<counts_its_end>(&ended);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread)
      threads.emplace_back([mine = held] {
        for (int copy = 0; copy < 10'000; ++copy) auto const another = mine;
      });
    held = nullptr;
    for (auto& thread : threads) thread.join();
    threads.clear();
  }
  CHECK(ended == 1);
}

TEST_CASE("a shared value stays while another holds it, and is the same object") {
  std::atomic<int> ended = 0;
  auto first = headcount::shared<counts_its_end>::make<counts_its_end>(&ended);
  auto const second = first;
  CHECK(first == second);
  auto third = std::move(first);
  CHECK(third == second);
  CHECK_FALSE(first);  // NOLINT(bugprone-use-after-move): what is left is what the test asks
  third = nullptr;
  CHECK(ended == 0);
  CHECK(second->ended == &ended);
}
