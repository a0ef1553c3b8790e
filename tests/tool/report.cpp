#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/file/safetensors.hpp>

#include "support/run.hpp"

using namespace test;

namespace {

std::string row(std::string const& policy, int prompt, double value) {
  return nlohmann::json{{"model", "tiny-jamba"},
                        {"model_identity", "0f"},
                        {"policy", policy},
                        {"policy_identity", policy},
                        {"task", "needle"},
                        {"task_identity", "n"},
                        {"metric", "exact_match"},
                        {"prompt", std::to_string(prompt)},
                        {"seed", 1},
                        {"value", value},
                        {"version", "0.1.0"}}
             .dump() +
         "\n";
}

/// Whether the page's charts came from npm when this was built.
bool has_charts() { return std::filesystem::exists(HEADCOUNT_CHARTS "/page.html"); }

}  // namespace

TEST_CASE("report without its charts says what to install") {
  if (has_charts()) return;
  scratch const at;
  auto const result = run("report " + at.write("r.jsonl", row("dense", 1, 1)) + " --output " + at.path("o").string());
  CHECK(result.code == 1);
  CHECK(result.err.find("install npm") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(at.path("o")));
}

TEST_CASE("report writes one page, the same bytes for the same rows") {
  if (!has_charts()) return;
  scratch const at;
  auto const rows = row("dense", 1, 1) + row("none @ generation", 1, 0) + row("dense", 2, 1) + row("dense", 3, 0);
  auto const page = at.path("p.html");
  auto const command = "report " + at.write("r.jsonl", rows) + " --model " + jamba + " --output " + page.string();
  auto const result = run(command);
  REQUIRE(result.code == 0);
  CHECK(result.out.empty());
  CHECK(result.err.empty());
  auto const text = read(page);
  CHECK(text.find("<td>needle: exact_match</td><td>dense</td><td class=\"number\">0.6667</td>") != std::string::npos);
  CHECK(text.find("headcount report") != std::string::npos);
  for (auto const* network : {"src=\"http", "href=\"http", "@import", "url(http"}) {
    CAPTURE(network);
    CHECK(text.find(network) == std::string::npos);
  }
  std::filesystem::remove(page);
  CHECK(run(command).code == 0);
  CHECK(read(page) == text);
}

namespace {

/// The cells of the results' table: "task: metric", policy, total, ends of the interval.
std::vector<std::vector<std::string>> results_table(std::string const& page) {
  auto text = page.substr(page.find("<section id=\"results\""));
  text = text.substr(text.find("<tbody>"), text.find("</tbody>") - text.find("<tbody>"));
  std::vector<std::vector<std::string>> table;
  for (auto at = text.find("<tr>"); at != text.npos; at = text.find("<tr>", at + 1)) {
    auto& cells = table.emplace_back();
    auto const end = text.find("</tr>", at);
    for (auto cell = text.find("<td", at); cell < end; cell = text.find("<td", cell + 1)) {
      auto const from = text.find('>', cell) + 1;
      cells.push_back(text.substr(from, text.find("</td>", from) - from));
    }
  }
  return table;
}

}  // namespace

TEST_CASE("report has the perplexity of all texts together, which evaluate prints") {
  if (!has_charts()) return;
  scratch const at;
  std::string lines;
  double nats = 0;
  double tokens = 0;
  for (int text = 0; text < 2; ++text) {
    auto const own = text == 0 ? -60.0 : -9.0;
    auto const count = text == 0 ? 20 : 2;
    nats += own;
    tokens += count;
    auto one = nlohmann::json::parse(row("dense", text, std::exp(-own / count)));
    one.update({{"task", "perplexity"}, {"metric", "perplexity"}, {"loglik", own}, {"tokens", count}});
    lines += one.dump() + "\n";
  }
  auto const page = at.path("p.html");
  REQUIRE(run("report " + at.write("r.jsonl", lines) + " --output " + page.string()).code == 0);
  auto const table = results_table(read(page));
  REQUIRE(table.size() == 1);
  CHECK(table[0][0] == "perplexity: perplexity");
  CHECK(std::stod(table[0][2]) == doctest::Approx(std::exp(-nats / tokens)).epsilon(1e-3));
}

TEST_CASE("report: a score of 0 to 5 that is all zeros gets no interval of a share") {
  if (!has_charts()) return;
  scratch const at;
  std::string lines;
  for (auto const* policy : {"none", "dense"})
    for (int prompt = 0; prompt < 20; ++prompt) {
      auto one = nlohmann::json::parse(row(policy, prompt, policy == std::string{"dense"} && prompt == 0 ? 0.5 : 0));
      one["metric"] = "score";
      lines += one.dump() + "\n";
    }
  auto const page = at.path("p.html");
  REQUIRE(run("report " + at.write("r.jsonl", lines) + " --output " + page.string()).code == 0);
  std::map<std::string, double> high;
  for (auto const& cells : results_table(read(page))) high[cells[1]] = std::stod(cells[4]);
  CHECK(high.at("none") <= high.at("dense"));
}

TEST_CASE("report shows how often a recorded run kept each head") {
  if (!has_charts()) return;
  scratch const at;
  auto const trace = at.path("T.safetensors").string();
  REQUIRE(run("record --model " + jamba + " --prompts " +
              at.write("p.json", R"({"prompts": [[2, 10, 11, 12], [2, 20]]})") +
              " --max-new-tokens 6 --policy 'entropy | top_k(2) @ generation' --where generation --output " + trace)
              .code == 0);
  std::map<std::array<std::int64_t, 2>, double> kept;  // times by layer and head
  std::map<std::int64_t, double> sites;                // by layer
  auto const file = headcount::reference::open_safetensors(trace);
  auto const& all = file.tensors.at("sites");
  auto const& bits = file.tensors.at("kept");
  for (std::size_t i = 0; i < all.shape[0]; ++i) {
    std::int64_t site[5];
    std::memcpy(site, all.bytes.data() + i * sizeof site, sizeof site);
    sites[site[1]] += 1;
    for (std::int64_t head = 0; head < site[4]; ++head)
      kept[{site[1], head}] += bits.bytes[i * bits.shape[1] + static_cast<std::size_t>(head)] == std::byte{1} ? 1 : 0;
  }
  auto const page = at.path("p.html").string();
  auto const rows = at.write("r.jsonl", row("dense", 1, 1));
  for (auto const* named : {"", "tiny-jamba="}) {
    REQUIRE(run("report " + rows + " --trace " + named + trace + " --output " + page).code == 0);
    auto const text = read(page);
    auto const begin = text.find("type=\"application/json\"");
    auto const json = nlohmann::json::parse(
        text.substr(text.find('[', begin), text.find("</script>", begin) - text.find('[', begin)));
    std::size_t found = 0;
    for (auto const& figure : json)
      if (figure["name"] == "head-map-tiny-jamba")
        for (auto const& one : figure["spec"]["data"]["values"]) {
          ++found;
          auto const layer = one["layer"].get<std::int64_t>();
          CHECK(one["ranking"] == "keep_frequency of " + trace + ", generation");
          CHECK(one["value"] == kept.at({layer, one["head"].get<std::int64_t>()}) / sites.at(layer));
        }
    CHECK(found == kept.size());
    CHECK(found == 32);
  }
  auto const two =
      rows + " " +
      at.write("two.jsonl",
               nlohmann::json::parse(row("dense", 1, 1))
                       .patch(nlohmann::json::parse(R"([{"op": "replace", "path": "/model", "value": "other"},
                                                          {"op": "replace", "path": "/model_identity", "value": "02"}])"))
                       .dump() +
                   "\n");
  CHECK(refused(run("report " + two + " --output " + page + " --trace " + trace),
                "MODEL=FILE, with one of other, tiny-jamba"));
  CHECK(refused(run("report " + rows + " --output " + page + " --trace other=" + trace),
                "no row is of a model \"other\""));
  CHECK(refused(run("report " + rows + " --output " + page + " --trace " + rows), "not a safetensors file"));
}

TEST_CASE("report names what is wrong with what it reads, and writes nothing") {
  if (!has_charts()) return;
  scratch const at;
  auto const good = at.write("r.jsonl", row("dense", 1, 1) + row("none", 1, 0));
  auto const refuse = [&](std::string const& arguments, std::string const& part) {
    auto const result = run("report " + arguments + " --output " + at.path("p.html").string());
    return refused(result, part) && !std::filesystem::exists(at.path("p.html"));
  };
  CHECK(refuse("/nowhere", "/nowhere"));
  CHECK(refuse(at.write("empty.jsonl", ""), "it has no row"));
  CHECK(refuse(at.write("twice.jsonl", row("dense", 1, 1) + row("dense ", 1, 1)), "two rows"));
  CHECK(refuse(good + " --model " + gemma, "no row is of a model \"tiny-recurrent-gemma\""));
  CHECK(refuse(good + " --baseline 'l2 | top_k(1)'", "no row of \"l2 | top_k(1)\""));
  CHECK(refuse(good + " --ranking " + good, "r.jsonl"));
  CHECK(refuse(good + " --context 0", "--context"));
  CHECK(refused(run("report " + good + " --output /nowhere/p.html"), "/nowhere/p.html"));
}
