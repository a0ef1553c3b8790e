// load/head_outputs_file.hpp: what heads put out, as files that masks read.

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/head_outputs.hpp>
#include <headcount/file/write_safetensors.hpp>
#include <headcount/policy_file/head_outputs_file.hpp>
#include <headcount/policy_file/sentence_files.hpp>
#include <headcount/sentence/parse.hpp>
#include <unit/reference/support/files.hpp>

using namespace headcount;
using test::contains;

namespace {

/// What reading a file of one such tensor and another says.
std::string refusal(std::vector<reference::tensor_to_write> const& tensors) {
  test::temporary_folder const at;
  reference::write_safetensors(at.path() / "o", tensors);
  return test::message_of([&] { (void)reference::read_head_outputs(at.path() / "o"); });
}

}  // namespace

TEST_CASE("head_outputs_file: what was written reads back, layers without attention too, and stands in sentences") {
  test::temporary_folder const at;
  head_outputs::layer const first{
      .heads = 2, .dim = 3, .mean = {1, 2, 3, 4, 5, 6}, .samples = {1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6}};
  head_outputs::layer const second{.heads = 1, .dim = 2, .mean = {0.1f, 1e-30f}, .samples = {7, 8, 9, 10}};
  head_outputs const made{.layers = {{}, first, {}, second}, .samples = 2};
  auto const path = at.path() / "O.safetensors";
  reference::write_head_outputs(path, made, {{"model", "tiny"}});
  CHECK(contains(test::read_all(path), R"("__metadata__":{"model":"tiny"})"));

  auto const policy = parse_policy("l2 | top_k(1) | mean(\"" + path.string() + "\")", reference::sentence_files{});
  std::vector<float> output(3);
  policy.mask({.layer = 1, .heads = 2}, 1, std::span{output});
  CHECK(output == std::vector<float>{4, 5, 6});

  auto const read = reference::read_head_outputs(path);
  CHECK(read.samples == 2);
  REQUIRE(read.layers.size() == 4);
  for (std::size_t at_layer = 0; at_layer < 4; ++at_layer) {
    CHECK(read.layers[at_layer].heads == made.layers[at_layer].heads);
    CHECK(read.layers[at_layer].dim == made.layers[at_layer].dim);
    CHECK(read.layers[at_layer].mean == made.layers[at_layer].mean);
    CHECK(read.layers[at_layer].samples == made.layers[at_layer].samples);
  }
}

TEST_CASE("head_outputs_file: a file that is none is refused with the tensor that does not fit") {
  std::vector<float> const numbers(12);
  std::vector<std::uint8_t> const bytes(12);
  auto const mean = reference::to_write("layers.1.mean", numbers, {4, 3});
  auto const samples = reference::to_write("layers.1.samples", numbers, {1, 4, 3});
  CHECK(refusal({mean, samples}).empty());
  CHECK(contains(refusal({}), "it holds no outputs (allowed: F32 \"layers.L.mean\""));
  CHECK(contains(refusal({mean}), "tensor \"layers.1.mean\": there are no samples beside it"));
  CHECK(contains(refusal({mean, samples, reference::to_write("layers.2.samples", numbers, {1, 4, 3})}),
                 "tensor \"layers.2.samples\": there is no mean beside it"));
  CHECK(contains(refusal({mean, reference::to_write("layers.1.samples", numbers, {2, 2, 3})}),
                 "it is F32 [4, 3], its samples F32 [2, 2, 3]"));
  CHECK(contains(refusal({reference::to_write("layers.1.mean", numbers, {12}), samples}), "it is F32 [12]"));
  CHECK(contains(refusal({mean, reference::to_write("layers.1.samples", bytes, {1, 4, 3})}), "its samples U8"));
  CHECK(contains(refusal({mean, samples, reference::to_write("layers.2.mean", numbers, {4, 3}),
                          reference::to_write("layers.2.samples", std::vector<float>{}, {0, 4, 3})}),
                 "tensor \"layers.2.mean\": it has 0 samples, another layer 1"));
  CHECK(contains(refusal({reference::to_write("layers.1.mean", std::vector<float>{}, {0, 3}),
                          reference::to_write("layers.1.samples", std::vector<float>{}, {1, 0, 3})}),
                 "it has 0 heads (allowed: 1 to 256)"));
  for (std::string const name : {"layers.x.mean", "layers.1-2.mean", "layers.99999.mean", "layers..mean", "weights"})
    CHECK(contains(refusal({mean, samples, reference::to_write(name, numbers, {4, 3})}), "it is not known here"));
}
