#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/file/safetensors.hpp>

#include "support/run.hpp"

using namespace test;
namespace reference = headcount::reference;

namespace {

struct golden {
  std::string folder;
  reference::safetensors_file io;
  std::size_t prefill = 0;

  explicit golden(std::string const& name)
      : folder{std::string{HEADCOUNT_GOLDENS} + "/" + name},
        io{reference::open_safetensors(folder + "/io.safetensors")},
        prefill{nlohmann::json::parse(read(folder + "/case.json"))["prefill_tokens"].get<std::size_t>()} {}

  [[nodiscard]] std::vector<std::vector<int>> rows() const {
    auto const& ids = io.tensors.at("input_ids");
    std::vector<std::vector<int>> rows(ids.shape[0], std::vector<int>(ids.shape[1]));
    for (std::size_t row = 0; row < rows.size(); ++row)
      std::memcpy(rows[row].data(), ids.bytes.data() + row * ids.shape[1] * sizeof(int), ids.shape[1] * sizeof(int));
    return rows;
  }
};

std::vector<float> floats(reference::stored_tensor const& tensor) {
  std::vector<float> values(tensor.bytes.size() / sizeof(float));
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

std::string tokens_json(std::vector<std::vector<int>> const& rows) {
  return nlohmann::json{{"input_ids", rows}}.dump();
}

/// The largest difference between a golden's logits, of the last tokens, and what the tool wrote for all tokens.
double worst_difference(golden const& of, std::string const& tag, std::string const& written) {
  auto const expected = of.io.tensors.at(tag);
  auto const file = reference::open_safetensors(written);
  auto const& logits = file.tensors.at("logits");
  REQUIRE(logits.shape[0] == expected.shape[0]);
  auto const a = floats(expected);
  auto const b = floats(logits);
  auto const skipped = (logits.shape[1] - expected.shape[1]) * logits.shape[2];
  auto const row = expected.shape[1] * expected.shape[2];
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(a[i]) -
                                     static_cast<double>(b[i / row * (row + skipped) + skipped + i % row])));
  return worst;
}

}  // namespace

TEST_CASE("logits agrees with the goldens, whole and token by token, under policies and edits") {
  struct check {
    char const* model;
    char const* tag;
    std::string arguments;
  };
  for (auto const& [model, tag, arguments] :
       {check{"jamba_moe", "dense.full.logits", "--policy dense"},
        check{"recurrent_gemma_mqa", "entropy.k2.gen.decode.logits",
              "--policy 'entropy | top_k(2) @ generation' --prefill P"},
        check{"recurrent_gemma_mqa", "l2.k0.prefill.full.logits", "--policy 'l2 | top_k(0)'"},
        check{"jamba_dense", "manipulate.gen.balanced.decode.logits",
              "--policy dense --edit 'balanced(3-5) @ generation' --prefill P"},
        check{"recurrent_gemma_gqa", "manipulate.prefill.ommit.full.logits",
              "--policy dense --edit 'omit(3-5) @ prefill'"},
        check{"recurrent_gemma_gqa", "manipulate.gen.null.decode.logits",
              "--policy dense --edit 'null(3-5) @ generation' --prefill P"}}) {
    CAPTURE(tag);
    scratch const at;
    golden const of{model};
    auto text = arguments;
    if (auto const p = text.find("--prefill P"); p != std::string::npos)
      text.replace(p + 10, 1, std::to_string(of.prefill));
    REQUIRE(run("logits --model " + of.folder + " --tokens " + at.write("t.json", tokens_json(of.rows())) + " " + text +
                " --output " + at.path("o").string())
                .code == 0);
    CHECK(worst_difference(of, tag, at.path("o").string()) < 1e-3);
  }
}

TEST_CASE("logits of a short row beside a long one are those of the row alone, with zeros after its end") {
  scratch const at;
  golden const of{"recurrent_gemma_mqa"};
  auto rows = of.rows();
  rows[1].resize(9);
  auto const logits = [&](std::vector<std::vector<int>> const& some) {
    REQUIRE(run("logits --model " + of.folder + " --tokens " + at.write("t.json", tokens_json(some)) +
                " --policy 'entropy | top_k(2)' --prefill 6 --output " + at.path("o").string())
                .code == 0);
    return floats(reference::open_safetensors(at.path("o")).tensors.at("logits"));
  };
  auto const both = logits(rows);
  auto const alone = logits({rows[1]});
  auto const padded = both.size() / 2;
  for (std::size_t i = 0; i < padded; ++i)
    CHECK(both[padded + i] == doctest::Approx(i < alone.size() ? static_cast<double>(alone[i]) : 0.0).epsilon(1e-5));
}

TEST_CASE("logits names what is wrong with tokens, policies and options, and writes nothing") {
  scratch const at;
  auto const rest = " --output " + at.path("o").string();
  auto const ask = [&](std::string const& json, std::string const& more = "--policy dense") {
    return run("logits --model " + jamba + " --tokens " + at.write("t.json", json) + " " + more + rest);
  };
  CHECK(refused(ask(R"({"input_ids": [[1, 832]]})"), "input_ids[0][1]"));
  CHECK(refused(ask(R"({"input_ids": [[1, -1]]})"), "0 to 831"));
  CHECK(refused(ask(R"({"input_ids": [[1, 2.5]]})"), "2.5"));
  CHECK(refused(ask(R"({"input_ids": [[1, 99999999999999999999]]})"), "input_ids[0][1]"));
  CHECK(refused(ask(R"({"input_ids": [["a"]]})"), "\"a\""));
  CHECK(refused(ask(R"({"input_ids": [[]]})"), "input_ids[0]"));
  CHECK(refused(ask(R"({"input_ids": [3]})"), "input_ids[0]"));
  CHECK(refused(ask(R"({"input_ids": []})"), "input_ids"));
  CHECK(refused(ask(R"({"ids": [[1]]})"), "input_ids"));
  CHECK(refused(ask(R"([1, 2])"), "input_ids"));
  CHECK(refused(ask(R"({"input_ids": [[1, 2])"), "malformed JSON"));
  CHECK(refused(ask(R"({"input_ids": [[1, 2]]})", "--policy dense --prefill 3"), "--prefill 3"));
  CHECK(refused(ask(R"({"input_ids": [[1, 2]]})", "--policy dense --prefill -1"), "prefill"));
  CHECK(refused(ask(R"({"input_ids": [[1, 2]]})", "--policy 'entropy | top_k(17)'"), "16 heads"));
  CHECK(refused(ask(R"({"input_ids": [[1, 2]]})", "--policy 'entropy | top_k(2) @ all, layers=3'"), "2, 6"));
  CHECK(refused(ask(R"({"input_ids": [[1, 2]]})", "--policy 'entropy | top_k(2) @ all, layers=8'"), "no layer 8"));
  CHECK(refused(ask(R"({"input_ids": [[1, 2]]})", "--policy dense --edit 'omit(a)'"), "column 6"));
  CHECK(refused(ask(R"({"input_ids": [[1, 2]]})", "--policy dense --edit 'omit(1) @ all, layers=1'"), "2, 6"));
  CHECK_FALSE(std::filesystem::exists(at.path("o")));
}
