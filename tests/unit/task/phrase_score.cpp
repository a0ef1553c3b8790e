#include <iterator>
#include <utility>

#include <doctest/doctest.h>

#include <headcount/task/needle/phrase_score.hpp>

using namespace headcount;
using namespace headcount::evaluate;

TEST_CASE("phrase_score: the published 0 to 5 on answers scored by hand") {
  std::pair<char const*, double> const answers[] = {
      {"", 0},
      {"I do not know.", 0},
      {"Eat a sandwich.", 1},
      {"EAT  A\n SANDWICH", 1},
      {"eat an apple, a sandwich", 0},
      {"Visit Dolores Park", 0.5},
      {"Dolores   Park, of course!", 0.5},
      {"Sit in Dolores Park.", 1},
      {"sit in the Dolores Park", 0.5},
      {"sit in Dolores Parks", 1},  // a substring is enough
      {"Do it on a sunny day", 1},
      {"on a very sunny day", 0},
      {"on sunny days", 0},
      {"eat a sandwich in Dolores Park", 1.5},
      {"Eat a sandwich on a sunny day", 2},
      {"eat a sandwich and sit in Dolores Park", 2},
      {"Dolores Park on a sunny day.", 1.5},
      {"sit in Dolores Park on a sunny day", 2},
      {"eat a sandwich near Dolores Park on a sunny day", 2.5},
      {"eat a sandwich and sit in Dolores Park on a sunny day", 3},
      {"On a sunny day, sit in Dolores Park and eat a sandwich.", 3},
      {"The best thing to do in San Francisco is eat a sandwich and sit in Dolores Park on a sunny day.", 5},
      {"\"the best thing to do in san francisco is: EAT a sandwich, and sit in dolores park (on a sunny day)\"", 5},
      {"The best thing to do in San Francisco is to eat a sandwich and sit in Dolores Park on a sunny day.", 3},
      {"Context: the best thing to do in San Francisco is eat a sand\xe2\x80\x93wich and sit in Dolores Park on a "
       "sunny day",
       5},                    // an en dash is punctuation
      {"eat_a_sandwich", 0},  // an underscore is a letter
      {"eat a sandwich eat a sandwich", 1},
      {"s\xc3\xa9sit in dolores park", 1},
  };
  CHECK(std::size(answers) >= 20);
  for (auto const& [answer, value] : answers) {
    CAPTURE(answer);
    CHECK(score_phrases(published_phrases(), answer) == value);
  }
}

TEST_CASE("phrase_score: any weights, and a set without a whole sentence") {
  phrase_set const set{.phrases = {{"red", 2}, {"Blue!", 0.25}, {"deep red", -1}}};
  CHECK(score_phrases(set, "RED and blue") == 2.25);
  CHECK(score_phrases(set, "deep, red") == 1);
  CHECK(score_phrases(set, "green") == 0);
  CHECK(plain_text("  A b\t\tC--d_e \xc3\x89t\xc3\xa9 ") == "a b cd_e \xc3\x89t\xc3\xa9");
}
