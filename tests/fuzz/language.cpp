// language.json: in whatever is read as a language, prompts can be made.

#include <vector>

#include <headcount/core/random_stream.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/task/language/facts.hpp>
#include <headcount/task/language/needle.hpp>
#include <headcount/task/language/small_language.hpp>

#include "target.hpp"

int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace headcount;
  auto const language = fuzz::read_or_refuse([&] {
    return evaluate::small_language{"language.json", reference::parse_json("language.json", fuzz::text_of(data, size))};
  });
  if (!language) return 0;
  headcount::random_stream random{1};
  constexpr std::size_t length = 60;
  for (auto const& prompt : evaluate::make_needle_prompts(*language, {.length = length, .depths = {0.5}}, random)) {
    fuzz::require(prompt.prompt().size() == length, "a prompt of another length");
    fuzz::require(!language->text(prompt.prompt()).empty(), "a prompt without words");
  }
  for (auto const person : language->people()) {
    auto const asked = evaluate::make_fact_prompt(*language, person, 0, random);
    fuzz::require(asked.choices.at(asked.gold) == language->profession_of(person), "a wrong right choice");
  }
  return 0;
}
