#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/file/safetensors.hpp>

#include "support/run.hpp"

using namespace test;

namespace {

nlohmann::json ask(std::string const& model, std::string const& items, std::string const& policy = "dense") {
  scratch const at;
  auto const result =
      run("loglik --model " + model + " --items " + at.write("i.json", items) + " --policy " + quoted(policy));
  REQUIRE(result.code == 0);
  return nlohmann::json::parse(result.out)["items"];
}

}  // namespace

TEST_CASE("loglik sums log-softmax over the choice's tokens, as the logits of the same tokens say") {
  scratch const at;
  std::string const model = std::string{HEADCOUNT_GOLDENS} + "/jamba_dense";
  REQUIRE(run("logits --model " + model + " --tokens " + at.write("t.json", R"({"input_ids": [[5, 6, 7, 8, 9]]})") +
              " --policy 'l2 | top_k(1)' --output " + at.path("o").string())
              .code == 0);
  auto const file = headcount::reference::open_safetensors(at.path("o"));
  std::vector<float> logits(5 * 96);
  std::memcpy(logits.data(), file.tensors.at("logits").bytes.data(), logits.size() * sizeof(float));
  double expected = 0;
  for (std::size_t position : {2u, 3u}) {  // tokens 8 and 9 follow positions 2 and 3
    double sum = 0;
    for (std::size_t id = 0; id < 96; ++id) sum += std::exp(static_cast<double>(logits[position * 96 + id]));
    expected += static_cast<double>(logits[position * 96 + position + 6]) - std::log(sum);
  }
  auto const items = ask(model, R"({"items": [{"prompt": [5, 6, 7], "choices": [[8, 9], [8]]}]})", "l2 | top_k(1)");
  CHECK(items[0]["loglik"][0].get<double>() == doctest::Approx(expected).epsilon(1e-5));
  CHECK(items[0]["loglik"][0].get<double>() < items[0]["loglik"][1].get<double>());
  CHECK(items[0]["best"] == 1);
}

TEST_CASE("loglik reads texts as tokens with a BOS, joined by one space") {
  auto const items = ask(gemma, R"({"items": [
    {"prompt": "question : what does", "choices": ["Aylin work", " Aylin work"]},
    {"prompt": "question : what does ", "choices": ["Aylin work"]},
    {"prompt": [2, 6, 4, 8, 22], "choices": ["Aylin work"]}]})");
  auto const value = items[0]["loglik"][0].get<double>();
  CHECK(items[0]["loglik"][1].get<double>() == doctest::Approx(value));
  CHECK(items[1]["loglik"][0].get<double>() == doctest::Approx(value));
  CHECK(items[2]["loglik"][0].get<double>() == doctest::Approx(value));
}

TEST_CASE("loglik: the first of equally likely choices is best, and facts need no attention") {
  CHECK(ask(gemma, R"({"items": [{"prompt": [2], "choices": [[9], [9]]}]})")[0]["best"] == 0);
  for (auto const& model : {gemma, jamba})
    CHECK(ask(model,
              R"({"items": [{"prompt": [2, 6, 4, 8, 22, 486, 23, 21, 5, 7, 4], "choices": [[742], [766], [750]]}]})",
              "none")[0]["best"] == 1);
}

TEST_CASE("loglik names what is wrong with items") {
  scratch const at;
  auto const wrong = [&](std::string const& json) {
    return run("loglik --model " + jamba + " --items " + at.write("i.json", json) + " --policy dense");
  };
  CHECK(refused(wrong(R"({"items": [{"prompt": [1]}]})"), "items[0]"));
  CHECK(refused(wrong(R"({"items": [{"prompt": [1], "choices": []}]})"), "items[0]"));
  CHECK(refused(wrong(R"({"items": [{"prompt": [1], "choices": [[2], 5]}]})"), "choices[1]"));
  CHECK(refused(wrong(R"({"items": [{"prompt": [], "choices": [[2]]}]})"), "prompt"));
  CHECK(refused(wrong(R"({"items": [{"prompt": [1], "choices": [[]]}]})"), "choices[0]"));
  CHECK(refused(wrong(R"({"items": [{"prompt": "a", "choices": [""]}]})"), "choices[0]"));
  CHECK(refused(wrong(R"({"items": [{"prompt": [1], "choices": [[832]]}]})"), "832"));
}
