#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/random_stream.hpp>
#include <headcount/core/text.hpp>

/// The RULER tasks: synthetic texts of any length, made from a seed, with word lists of our own.
namespace headcount::v0::evaluate::ruler {

/// Our own lists in place of RULER's. Compounds of an adjective and a noun are keys and values.
inline constexpr std::array<std::string_view, 96> adjectives{
    "agile",   "amber",   "ancient", "austere", "bashful", "bitter", "blunt",   "brisk",  "brittle",  "calm",
    "candid",  "careful", "civic",   "clever",  "cosmic",  "crisp",  "curious", "damp",   "daring",   "deft",
    "distant", "dusty",   "eager",   "earnest", "elegant", "empty",  "exact",   "faint",  "famous",   "fancy",
    "fluffy",  "formal",  "fragile", "frugal",  "gaudy",   "gentle", "giddy",   "glossy", "graceful", "grim",
    "hardy",   "hazy",    "hollow",  "humble",  "icy",     "idle",   "jolly",   "keen",   "kind",     "lavish",
    "lively",  "loyal",   "lucid",   "lunar",   "mellow",  "merry",  "mild",    "modest", "mossy",    "muddy",
    "narrow",  "nimble",  "noble",   "odd",     "patient", "placid", "plain",   "polite", "proud",    "quaint",
    "quick",   "rapid",   "regal",   "rigid",   "rustic",  "sandy",  "serene",  "shiny",  "shy",      "silent",
    "sleek",   "sober",   "solar",   "spare",   "stark",   "steep",  "sturdy",  "subtle", "tart",     "tidy",
    "timid",   "upbeat",  "vague",   "velvet",  "vivid",   "witty"};

inline constexpr std::array<std::string_view, 120> nouns{
    "acorn",   "anchor",  "anvil",     "apron",   "attic",   "badger",  "balcony",  "banjo",   "barrel",   "basin",
    "beacon",  "beetle",  "bishop",    "blanket", "bottle",  "bridge",  "bucket",   "cabin",   "cactus",   "camera",
    "candle",  "canyon",  "carpet",    "castle",  "cellar",  "chimney", "cliff",    "cobbler", "comet",    "compass",
    "copper",  "cradle",  "crater",    "cricket", "curtain", "dagger",  "desert",   "dolphin", "drum",     "easel",
    "ember",   "engine",  "falcon",    "feather", "ferry",   "fiddle",  "flask",    "forge",   "fountain", "fox",
    "gallery", "garlic",  "geyser",    "ginger",  "glacier", "goblet",  "granite",  "guitar",  "hammer",   "harbor",
    "hatchet", "helmet",  "hermit",    "hinge",   "island",  "ivory",   "jacket",   "jigsaw",  "kayak",    "kettle",
    "kitten",  "ladder",  "lagoon",    "lantern", "ledger",  "lemon",   "lizard",   "locket",  "magnet",   "mantle",
    "marble",  "meadow",  "mirror",    "mitten",  "monsoon", "muffin",  "needle",   "nutmeg",  "oasis",    "orchard",
    "otter",   "oyster",  "paddle",    "parcel",  "pebble",  "pepper",  "piano",    "pigeon",  "planet",   "plough",
    "pocket",  "puddle",  "quarry",    "quilt",   "raven",   "ribbon",  "rudder",   "saddle",  "satchel",  "shovel",
    "sparrow", "spindle", "sunflower", "teapot",  "thistle", "tunnel",  "umbrella", "violin",  "walnut",   "windmill"};

inline constexpr std::array<std::string_view, 48> verbs{
    "admire",  "assemble", "borrow", "bounce",  "chase",   "climb",   "collect", "compare", "decorate", "defend",
    "deliver", "divide",   "escape", "explore", "fasten",  "forget",  "gather",  "glance",  "hesitate", "imagine",
    "inspect", "juggle",   "knock",  "linger",  "measure", "mumble",  "notice",  "observe", "polish",   "ponder",
    "prepare", "promise",  "rattle", "repair",  "rescue",  "scatter", "search",  "shiver",  "sketch",   "stumble",
    "sweep",   "tremble",  "unfold", "vanish",  "wander",  "whisper", "wrestle", "yawn"};

/// "adjective-noun", another for every number below 96 * 120.
[[nodiscard]] inline std::string compound(std::size_t number) {
  return text_of(adjectives[number / nouns.size()], "-", nouns[number % nouns.size()]);
}

/// Different compounds in random order. Throws headcount::error when there are not as many.
[[nodiscard]] inline std::vector<std::string> draw_compounds(std::size_t count, random_stream& random) {
  constexpr auto most = adjectives.size() * nouns.size();
  if (count > most) throw error{"ruler", text_of(count, " different words"), text_of("at most ", most)};
  std::vector<std::size_t> numbers(most);
  for (std::size_t i = 0; i < most; ++i) numbers[i] = i;
  std::vector<std::string> words;
  for (auto const number : random.some_of(std::move(numbers), count)) words.push_back(compound(number));
  return words;
}

/// Different words in random order: plain ones, then compounds. Throws headcount::error when there are not as many.
[[nodiscard]] inline std::vector<std::string> draw_words(std::size_t count, random_stream& random) {
  std::vector<std::string> plain;
  plain.insert(plain.end(), adjectives.begin(), adjectives.end());
  plain.insert(plain.end(), nouns.begin(), nouns.end());
  plain.insert(plain.end(), verbs.begin(), verbs.end());
  auto const enough = plain.size();
  auto words = random.some_of(std::move(plain), count);
  if (count > enough)
    for (auto& word : draw_compounds(count - enough, random)) words.push_back(std::move(word));
  return words;
}

/// `count` letters from `first` on, as 'a' or 'A'.
[[nodiscard]] inline std::string draw_letters(char first, std::size_t count, random_stream& random) {
  std::string letters;
  while (letters.size() < count) letters += static_cast<char>(first + static_cast<int>(random.below(26)));
  return letters;
}

/// A number of `count` digits, the first not 0.
[[nodiscard]] inline std::string draw_number(std::size_t count, random_stream& random) {
  std::string digits{static_cast<char>('1' + static_cast<int>(random.below(9)))};
  while (digits.size() < count) digits += static_cast<char>('0' + static_cast<int>(random.below(10)));
  return digits;
}

/// A version 4 UUID, e.g. "0b3f8c1e-5d27-4a9b-8c03-1f6e7d2a9b45".
[[nodiscard]] inline std::string draw_uuid(random_stream& random) {
  std::string uuid;
  for (char const sign : std::string_view{"xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx"}) {
    if (sign == 'x') uuid += "0123456789abcdef"[random.below(16)];
    else if (sign == 'y') uuid += "89ab"[random.below(4)];
    else uuid += sign;
  }
  return uuid;
}

}  // namespace headcount::v0::evaluate::ruler
