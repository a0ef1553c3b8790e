#include "model_under_test.hpp"

#include <headcount/file/config_reader.hpp>
#include <headcount/text/chat_turns.hpp>

#include "engine.hpp"

namespace tool {

headcount::evaluate::model_under_test as_model_under_test(headcount::reference::snapshot const& snapshot,
                                                          std::filesystem::path const& folder) {
  headcount::evaluate::model_under_test asked{
      .name = snapshot.name, .identity = snapshot.identity(), .model = as_language_model(snapshot.model)};
  asked.end = snapshot.config.eos;
  asked.turns = snapshot.model.architecture == "JambaForCausalLM" ? headcount::evaluate::jamba_turns()
                                                                  : headcount::evaluate::gemma_turns();
  if (snapshot.tokenizer) asked.tokenizer = *snapshot.tokenizer;
  auto const beside = std::filesystem::weakly_canonical(folder).parent_path() / "language.json";
  if (std::filesystem::exists(beside)) asked.language = beside;
  auto const config = folder / "config.json";
  auto const json = headcount::reference::read_config_json(config);
  asked.longest =
      headcount::reference::config_reader{config.string(), json}.count("max_position_embeddings", asked.longest);
  return asked;
}

}  // namespace tool
