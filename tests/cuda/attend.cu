#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

#include <headcount/score/unscored.hpp>
#include <headcount/select/fixed.hpp>
#include <headcount/select/top_groups.hpp>

#include "problem.cuh"

// The shape of most models with grouped queries, in every way, with every kind of cache.

using namespace headcount;
using support::answer;
using support::problem;
using support::sizes;
using grouped = cuda::shape<__nv_bfloat16, 128, 4>;

namespace {

constexpr auto published = score::entropy{} | select::top_k{5};

/// A call of a policy in a way, for a problem's caches.
template <class Policy>
auto calls(Policy const& policy, cuda::way how) {
  return [policy, how](auto const& in) { cuda::attend(in, policy, nullptr, {.how = how}); };
}

constexpr cuda::way ways[] = {cuda::way::dense, cuda::way::two_pass};

}  // namespace

TEST_CASE("cuda: five heads by entropy, as float64 chooses and computes them, whatever the length") {
  for (int const keys : {1, 15, 777, 2048, 5001}) {
    CAPTURE(keys);
    problem<grouped> const one{{.batch = 3, .kv_heads = 8, .capacity = keys}, 1};
    auto const right = one.formula(published);
    for (auto const how : ways)
      support::check_answer<grouped>(one.contiguous(calls(published, how)), right, 32, 2e-3, true);
  }
}

TEST_CASE("cuda: rows of their own lengths, empty ones among them, behind which memory holds NaN") {
  problem<grouped> const one{{.batch = 7, .kv_heads = 2, .capacity = 1500, .lengths = {1500, 0, 1, 33, 0, 1024, 700}},
                             2};
  auto const policy = score::entropy{} | select::top_k{3};
  auto const right = one.formula(policy);
  for (auto const how : ways) support::check_answer<grouped>(one.contiguous(calls(policy, how)), right, 8, 2e-3, true);
}

TEST_CASE("cuda: a sliding window sees its last keys, and what lies before may be anything") {
  problem<grouped> const one{
      {.batch = 4, .kv_heads = 2, .capacity = 1300, .lengths = {1300, 257, 100, 999}, .window = 256}, 3};
  auto const policy = score::entropy{} | select::top_k{3};
  auto const right = one.formula(policy);
  for (auto const how : ways) {
    auto const whole = one.contiguous(calls(policy, how));
    support::check_answer<grouped>(whole, right, 8, 2e-3, true);
    CHECK(one.paged(16, calls(policy, how)) == whole);
  }
}

TEST_CASE("cuda: paged caches give what contiguous ones do, bit for bit") {
  problem<grouped> const one{{.batch = 5, .kv_heads = 3, .capacity = 900, .lengths = {900, 17, 640, 1, 333}}, 4};
  for (auto const how : ways) {
    auto const whole = one.contiguous(calls(published, how));
    for (int const page_size : {1, 7, 16, 48, 64, 256}) {
      CAPTURE(page_size);
      CHECK(one.paged(page_size, calls(published, how)) == whole);
    }
    CHECK(one.paged(16, calls(published, how), true) == whole);
  }
}

TEST_CASE("cuda: pages of any size give the same where rows are alike, too") {
  problem<grouped> const one{{.batch = 2, .kv_heads = 3, .capacity = 530}, 11};
  for (auto const how : ways) {
    auto const whole = one.contiguous(calls(published, how));
    for (int const page_size : {7, 16}) CHECK(one.paged(page_size, calls(published, how)) == whole);
  }
}

TEST_CASE("cuda: a call that starts late gives the same") {
  problem<grouped> const one{{.batch = 2, .kv_heads = 8, .capacity = 700}, 12};
  for (auto const how : ways)
    CHECK(one.contiguous([how](auto in) {
      in.starts_early = false;
      cuda::attend(in, published, nullptr, {.how = how});
    }) == one.contiguous(calls(published, how)));
}

TEST_CASE("cuda: many rows are a share a block, some whole, some not") {
  problem<grouped> const one{{.batch = 70, .kv_heads = 4, .capacity = 130}, 5};
  auto const right = one.formula(published);
  for (auto const how : ways)
    support::check_answer<grouped>(one.contiguous(calls(published, how)), right, 16, 2e-3, true);
}

TEST_CASE("cuda: heads that are fixed before are all that is computed") {
  problem<grouped> const one{{.batch = 3, .kv_heads = 8, .capacity = 1111, .lengths = {1111, 0, 40}}, 6};
  auto const policy = score::unscored{} | select::every_head{};
  support::check_answer<grouped>(one.contiguous(calls(policy, cuda::way::automatic)), one.formula(policy), 32, 3e-3,
                                 false);
  for (auto const& heads :
       {std::vector<std::size_t>{0, 9, 10, 31}, std::vector<std::size_t>{}, std::vector<std::size_t>{17}}) {
    head_set kept;
    for (auto const head : heads) kept.insert(head);
    auto right = one.formula(policy);
    for (std::size_t i = 0; i < right.kept.size(); ++i) right.kept[i] = kept.contains(i % 32);
    auto const same = one.contiguous([&](auto const& in) { cuda::attend_heads(in, kept, nullptr, nullptr); });
    support::check_answer<grouped>(same, right, 32, 2e-3, false);
    support::device_array<head_set> const rows{std::vector{kept, kept, kept}};
    CHECK(one.contiguous([&](auto const& in) { cuda::attend_heads(in, {}, rows.data(), nullptr); }) == same);
  }
}

TEST_CASE("cuda: each row may have fixed heads of its own") {
  problem<grouped> const one{{.batch = 3, .kv_heads = 8, .capacity = 500}, 7};
  auto right = one.formula(score::unscored{} | select::every_head{});
  std::vector<head_set> kept(3);
  kept[0].insert(3), kept[0].insert(30), kept[2] = head_set::first(32);
  for (std::size_t i = 0; i < right.kept.size(); ++i) right.kept[i] = kept[i / 32].contains(i % 32);
  support::device_array<head_set> const rows{kept};
  support::check_answer<grouped>(
      one.contiguous([&](auto const& in) { cuda::attend_heads(in, {}, rows.data(), nullptr); }), right, 32, 3e-3,
      false);
}

TEST_CASE("cuda: where a policy's scope does not reach every head is kept, scored all the same") {
  problem<grouped> const one{{.batch = 2, .kv_heads = 2, .capacity = 300}, 8};
  auto right = one.formula(published);
  for (auto& kept : right.kept) kept = 1;
  support::check_answer<grouped>(one.contiguous(calls(published.during(phase::prefill), cuda::way::two_pass)), right, 8,
                                 3e-3, true);
}

TEST_CASE("cuda: a call is the same each time, and in a graph") {
  auto const check = [](problem<grouped> const& one, auto const& call) {
    auto const first = one.contiguous([&](auto const& in) { call(in, nullptr); });
    CHECK(one.contiguous([&](auto const& in) { call(in, nullptr); }) == first);
    auto const captured = one.contiguous([&](auto const& in) {
      cudaStream_t stream;
      cudaGraph_t graph;
      cudaGraphExec_t replayed;
      support::check(cudaStreamCreate(&stream));
      support::check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
      call(in, stream);
      call(in, stream);
      support::check(cudaStreamEndCapture(stream, &graph));
      support::check(cudaGraphInstantiate(&replayed, graph, 0));
      for (int i = 0; i < 3; ++i) support::check(cudaGraphLaunch(replayed, stream));
      support::check(cudaStreamSynchronize(stream));
      cudaGraphExecDestroy(replayed), cudaGraphDestroy(graph), cudaStreamDestroy(stream);
    });
    CHECK(captured == first);
  };
  for (auto const& lengths : {std::vector<int>{}, std::vector{3000, 5, 2222, 900}}) {
    problem<grouped> const one{{.batch = 4, .kv_heads = 8, .capacity = 3000, .lengths = lengths}, 9};
    for (auto const how : ways)
      check(one, [how](auto const& in, cudaStream_t stream) { cuda::attend(in, published, stream, {.how = how}); });
    check(one, [](auto const& in, cudaStream_t stream) {
      cuda::attend(in, score::unscored{} | select::every_head{}, stream);
    });
  }
}

TEST_CASE("cuda: errors say what was given and what is allowed") {
  problem<grouped> const one{{.batch = 1, .kv_heads = 1, .capacity = 16}, 10};
  (void)one.contiguous([&](auto in) {
    in.workspace_bytes = 17;
    CHECK_THROWS_AS(cuda::attend(in, published, nullptr), error);
    in.outputs = nullptr;
  });
  CHECK_THROWS_AS((void)one.contiguous([&](auto const& in) {
    cuda::attend(in, score::entropy{.dtype = number_type::bfloat16} | select::top_k{1}, nullptr);
  }),
                  error);
}

int main(int argc, char** argv) {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::puts("skipped: there is no GPU");
    return 0;
  }
  return doctest::Context{argc, argv}.run();
}
