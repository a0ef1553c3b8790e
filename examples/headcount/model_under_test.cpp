#include "model_under_test.hpp"

#include <headcount/file/config_reader.hpp>
#include <headcount/text/chat_turns.hpp>

namespace tool {

headcount::evaluate::model_under_test as_model_under_test(loaded_model const& loaded,
                                                          std::filesystem::path const& folder) {
  headcount::evaluate::model_under_test asked{
      .name = loaded.name, .identity = loaded.identity(), .model = loaded.model};
  asked.end = loaded.end;
  asked.turns = loaded.architecture == "JambaForCausalLM" || loaded.architecture == "jamba"
                    ? headcount::evaluate::jamba_turns()
                    : headcount::evaluate::gemma_turns();
  asked.tokenizer = loaded.reader.tokenizer;
  auto const beside = std::filesystem::weakly_canonical(folder).parent_path() / "language.json";
  if (std::filesystem::exists(beside)) asked.language = beside;
  if (loaded.longest > 0) {
    asked.longest = loaded.longest;
    return asked;
  }
  auto const config = folder / "config.json";
  auto const json = headcount::reference::read_config_json(config);
  asked.longest =
      headcount::reference::config_reader{config.string(), json}.count("max_position_embeddings", asked.longest);
  return asked;
}

}  // namespace tool
