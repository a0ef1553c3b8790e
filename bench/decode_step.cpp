// Question: what does one decode step of a whole model cost under a policy, beside just reading its weights?

#include <memory>
#include <string>

#include <headcount/reference/checkpoint/load_snapshot.hpp>
#include <headcount/reference/model/fork.hpp>
#include <headcount/sentence/parse.hpp>

#include "read.hpp"

namespace {

using namespace headcount;

struct session {
  reference::snapshot snapshot;
  reference::state read{};
  std::vector<float> bytes{};  // as many bytes as the weights have

  explicit session(std::string const& folder) : snapshot{reference::load_snapshot(folder)} {
    std::vector<token> context(240);
    for (std::size_t i = 0; i < context.size(); ++i) context[i] = static_cast<token>(3 + i * 37 % 700);
    read = snapshot.model.empty_state();
    reference::step const step{.tokens = context, .state = &read};
    (void)forward(snapshot.model, std::span{&step, 1}, {.phase = phase::prefill}, dense);
    bytes = bench::random_values(snapshot.parameters() / 2);
  }

  float step(any_policy const& policy) const {
    auto fork = read;
    token const next = 5;
    reference::step const step{.tokens = std::span{&next, 1}, .state = &fork};
    return forward(snapshot.model, std::span{&step, 1}, {.phase = phase::generation}, policy)(0, 0);
  }
};

int const registered = [] {
  for (auto const* model : {"tiny-recurrent-gemma", "tiny-jamba"}) {
    auto const one = std::make_shared<session>(std::string{HEADCOUNT_MODELS} + "/" + model);
    bench::measure(model, "read", [one] { return bench::read(one->bytes); });
    for (auto const* sentence : {"dense", "entropy | top_k(3)", "none"})
      bench::measure(model, sentence, [one, policy = parse_policy(sentence)] { return one->step(policy); });
  }
  return 0;
}();

}  // namespace
