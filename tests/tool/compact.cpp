#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/file/safetensors.hpp>

#include "support/run.hpp"

using namespace test;
using nlohmann::json;

namespace {

std::vector<float> logits_of(std::string const& file) {
  auto const opened = headcount::reference::open_safetensors(file);
  auto const bytes = opened.tensors.at("logits").bytes;
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

std::size_t tensor_bytes(std::string const& model) {
  auto const opened = headcount::reference::open_safetensors(model + "/model.safetensors");
  std::size_t sum = 0;
  for (auto const& [name, tensor] : opened.tensors) sum += tensor.bytes.size();
  return sum;
}

}  // namespace

TEST_CASE("compact: the shipped models without dropped heads give the masked model's logits and are smaller by them") {
  scratch const at;
  auto const tokens =
      at.write("tokens.json", R"({"input_ids": [[2, 10, 11, 12, 13, 14, 15, 20, 300, 7, 12, 13, 90]]})");
  struct cut {
    std::string model;
    char const* select;
    std::size_t fewer;  // bytes of bfloat16
  };
  for (auto const& [model, select, fewer] :
       {// Two layers, two matrices a head of 320 x 32; four RG-LRU layers' two gates go from 10 x 32 x 32 to 5 x 64
        // x 64.
        cut{gemma, "top_k(5)", 2 * (2 * 2 * 5 * 320 * 32 - 4 * 2 * 320 * 32)},
        // Two layers; two groups of four heads, and their keys and values, of 256 x 16.
        cut{jamba, "top_groups(2)", 2 * (2 * 2 * (8 + 2) * 256 * 16)}}) {
    CAPTURE(model);
    auto const ranking = at.path("R.json").string();
    REQUIRE(run("rank --model " + model + " --method ov_norm --output " + ranking).code == 0);
    auto const policy = quoted("fixed(" + ranking + ") | " + select);
    auto const small = at.path("small").string();
    auto const result = run("compact --model " + model + " --policy " + policy + " --output " + small);
    REQUIRE(result.code == 0);
    CHECK(result.out.find("layer 2 keeps ") == 0);
    CHECK(tensor_bytes(model) - tensor_bytes(small) == fewer);
    CHECK(json::parse(run("inspect --json " + small).out)["heads"] == (model == gemma ? 5 : 8));
    CHECK(std::filesystem::exists(small + "/tokenizer.model"));

    auto const logits = [&](std::string const& of, std::string const& under) {
      auto const file = at.path("L.safetensors").string();
      REQUIRE(
          run("logits --model " + of + " --tokens " + tokens + " --prefill 8 --policy " + under + " --output " + file)
              .code == 0);
      return logits_of(file);
    };
    auto const masked = logits(model, policy);
    auto const cut_out = logits(small, "dense");
    REQUIRE(masked.size() == cut_out.size());
    double worst = 0;
    for (std::size_t i = 0; i < masked.size(); ++i)
      worst = std::max(worst, std::abs(static_cast<double>(masked[i]) - static_cast<double>(cut_out[i])));
    CHECK(worst < 1e-4);
    std::filesystem::remove_all(small);
  }
}

TEST_CASE("compact: what no configuration can say is refused and nothing is written") {
  scratch const at;
  auto const ranking = at.path("R.json").string();
  REQUIRE(run("rank --model " + gemma + " --method ov_norm --output " + ranking).code == 0);
  auto const to = " --output " + at.path("small").string();
  auto const compact = [&](std::string const& policy, std::string const& where) {
    return run("compact --model " + gemma + " --policy " + quoted(policy) + where);
  };
  CHECK(refused(compact("entropy | top_k(5)", to), "its scorer reads what the model computes"));
  CHECK(refused(compact("fixed(" + ranking + ") | top_k(5) @ generation", to), "prefill and generation keep other"));
  CHECK(refused(compact("fixed(" + ranking + ") | top_k(3)", to), "(allowed: 5 heads a layer)"));
  CHECK(refused(compact("fixed(" + ranking + ") | top_k(2)", to), "they grow by"));
  CHECK(refused(compact("fixed(" + ranking + ") | top_k(5)", " --output " + at.path("none/small").string()),
                "cannot be made"));
  CHECK(refused(compact("fixed(" + ranking + ") | top_k(5)", " --output " + at.path("").string()),
                "it is there already"));
  CHECK_FALSE(std::filesystem::exists(at.path("small")));
  for (auto const& entry : std::filesystem::directory_iterator{at.path("")})
    CHECK_FALSE(entry.path().filename().string().starts_with(".headcount-"));
}
