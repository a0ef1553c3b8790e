// What the demo measures on one model: questions as rows, rows as totals, and what follows from several of them.

#include "measure.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <headcount/engine/model_under_test.hpp>
#include <headcount/measure/complete.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/result/ground.hpp>
#include <headcount/result/missing.hpp>
#include <headcount/result/row.hpp>
#include <headcount/result/total.hpp>
#include <headcount/statistics/cluster.hpp>
#include <headcount/statistics/fewest.hpp>
#include <headcount/statistics/paired.hpp>

#include "demo_questions.hpp"
#include "engine.hpp"
#include "model_under_test.hpp"
#include "sentences.hpp"

namespace tool {
namespace {

using namespace headcount;
using namespace headcount::evaluate;

constexpr std::size_t beyond_window = 304;  // tokens of the prompts longer than the window of 256

/// What a model is asked follows from what it is.
measurement outline_of(loaded_model const& loaded, model_under_test const& asked, demo_plan const& plan) {
  measurement made{.model = asked.name, .model_identity = asked.identity, .longest = beyond_window};
  auto const& architecture = loaded.architecture;
  made.in_paper = architecture == "RecurrentGemmaForCausalLM" || architecture == "JambaForCausalLM";
  made.scorers = {"entropy", "l2", "random"};
  for (std::size_t layer = 0; layer < loaded.weights->layers.size(); ++layer) {
    auto const* attention = loaded.weights->attention_at(layer);
    if (attention == nullptr) continue;
    made.heads = attention->heads;
    made.window = attention->window;
    ++made.layers_with_attention;
    if (attention->gate && !made.has_gates()) made.scorers.emplace_back("gate");
  }
  for (std::size_t k = 1; k <= made.heads / 2; ++k) made.kept.push_back(k);
  made.kept_everywhere = {(made.heads + 1) / 3, made.heads / 2};
  made.scorers_everywhere = {"entropy", "l2", "random"};
  made.prompts_of_requirements = plan.prompts;
  if (!made.in_paper) {
    made.scorers_everywhere = {"entropy", "random"};
    made.prompts_of_requirements = (plan.prompts + 1) / 2;
  }
  return made;
}

/// Rows of a question by policy and metric, in the order of its prompts.
using answers = std::map<std::pair<std::string, std::string>, std::vector<row const*>>;

answers in_order(std::span<row const> rows, task const& asking) {
  std::map<std::string, std::size_t> place;
  for (auto const& one : asking.prompts) place.emplace(one.name, place.size());
  answers found;
  for (auto const& one : rows) {
    auto& of_policy = found[{one.policy, one.metric}];
    of_policy.resize(place.size());
    of_policy[place.at(one.prompt)] = &one;
  }
  return found;
}

void add_totals(measurement& to, demo_question const& question, answers const& found) {
  for (auto const& policy : question.policies)
    for (std::size_t c = 0; c < question.cells.size(); ++c)
      for (auto const& metric : question.cells[c].metrics) {
        auto const& all = found.at({policy, metric});
        std::vector<row const*> own;
        for (auto i = c; i < all.size(); i += question.cells.size()) own.push_back(all[i]);
        auto& of = to.findings.emplace_back(make_total(own, find_metric(question.asking.metrics, metric))).of;
        of.task = question.cells[c].task;
        of.setting = question.cells[c].setting;
      }
}

/// Which needles each policy finds.
class needles_found {
 public:
  explicit needles_found(answers const& found) : found_{found} {}

  [[nodiscard]] std::vector<double> values(std::string const& policy) const {
    std::vector<double> of;
    for (auto const* one : found_.at({policy, "exact_match"})) of.push_back(one->value);
    return of;
  }
  [[nodiscard]] outcomes right(std::string const& policy) const {
    outcomes of;
    for (auto const value : values(policy)) of.push_back(value == 1);
    return of;
  }

 private:
  answers const& found_;
};

/// A figure of several totals: of all prompts, each of which stands for itself.
finding& add_figure(measurement& to, std::string policy, std::string metric, double value, interval ci95,
                    std::size_t prompts) {
  return to.findings.emplace_back(
      total{.model = to.model,
            .policy = std::move(policy),
            .task = inside,
            .metric = std::move(metric),
            .found = {.value = value, .ci95 = ci95, .rows = prompts, .prompts = prompts, .clusters = prompts}});
}

/// The smallest number of heads that finds at least 0.9 as many needles as all heads do; all heads when none tried
/// does.
void add_smallest_k(measurement& to, needles_found const& found, std::string const& scorer, demo_plan const& plan) {
  auto const dense = found.values("dense");
  std::vector<budget_values> budgets;
  for (auto const k : to.kept) budgets.push_back({k, {found.values(choosing(scorer, k, in_generation))}});
  clusters each;
  for (std::size_t i = 0; i < dense.size(); ++i) each.push_back({i});
  auto const fewest = fewest_for(0.9, dense, budgets, to.heads, each, random_stream{plan.seed + 4});
  add_figure(to, scorer + " | top_k(k) @ generation", "smallest_k_with_0.9_of_dense", static_cast<double>(fewest.heads),
             fewest.ci95, dense.size());
}

/// One scorer against another at the same k, on the same prompts.
void add_comparison(measurement& to, needles_found const& found, std::string const& scorer, std::string const& other,
                    demo_plan const& plan) {
  std::vector<double> p;
  for (auto const k : to.kept)
    p.push_back(
        mcnemar(found.right(choosing(scorer, k, in_generation)), found.right(choosing(other, k, in_generation))));
  auto const corrected = holm(p);
  for (std::size_t at = 0; at < to.kept.size(); ++at) {
    auto const policy = choosing(scorer, to.kept[at], in_generation);
    auto const a = found.values(policy);
    auto const b = found.values(choosing(other, to.kept[at], in_generation));
    auto const difference = [&](std::span<std::size_t const> indices) {
      double sum = 0;
      for (auto const i : indices) sum += a[i] - b[i];
      return sum / static_cast<double>(indices.size());
    };
    std::vector<std::size_t> every(a.size());
    for (std::size_t i = 0; i < every.size(); ++i) every[i] = i;
    add_figure(to, policy, "difference_from_" + other, difference(every),
               bootstrap(a.size(), difference, random_stream{plan.seed + 5}), a.size())
        .more = {{"p", corrected[at]}, {"test", "exact McNemar, two-sided, Holm over k"}};
  }
}

/// What some policies that leave prefill dense say to one prompt.
spoken_example speak(any_model const& model, small_language const& language, needle_prompt const& prompt,
                     std::vector<std::string> const& sentences) {
  spoken_example example{.question = language.text(prompt.question)};
  generation_request const asked{.prompt = {.tokens = prompt.prompt()}, .max_new_tokens = prompt.answer.size()};
  work done;
  complete(model, std::span{&asked, 1}, read_policies(sentences), done,
           [&](std::size_t policy, std::size_t, completion&& said) {
             example.said.emplace_back(sentences[policy], language.text(said.tokens));
           });
  return example;
}

}  // namespace

measurement measure(std::filesystem::path const& folder, small_language const& language, demo_plan const& plan,
                    journal* file) {
  auto const loaded = load_model(folder);
  require_weights(loaded, "demo");
  auto const asked = as_model_under_test(loaded, folder);
  auto made = outline_of(loaded, asked, plan);
  auto const questions = make_questions(made, language, asked.language, plan);
  if (file != nullptr) {
    ground now;
    for (auto const& one : questions) add_to(now, asked, std::span{&one.asking, 1}, read_policies(one.policies));
    now.require_unchanged("--rows", file->rows());
  }
  work done;
  for (auto const& question : questions) {
    auto const rows = ask_missing(asked, question.asking, read_policies(question.policies), file, done);
    auto const found = in_order(rows, question.asking);
    add_totals(made, question, found);
    if (&question != &questions.front()) continue;
    needles_found const needles{found};
    for (auto const& scorer : made.scorers) add_smallest_k(made, needles, scorer, plan);
    add_comparison(made, needles, "entropy", "random", plan);
    if (made.has_gates()) add_comparison(made, needles, "gate", "entropy", plan);
  }
  made.example =
      speak(asked.model, language, first_needle(language, plan),
            {"dense", choosing("entropy", made.kept_everywhere.front(), in_generation), "none @ generation"});
  return made;
}

}  // namespace tool
