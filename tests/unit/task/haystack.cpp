#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/task/needle/haystack.hpp>
#include <unit/reference/support/files.hpp>

using namespace headcount;
using namespace headcount::evaluate;

TEST_CASE("haystack: sentences of a text") {
  using list = std::vector<std::string>;
  CHECK(split_sentences("One  two.\nThree! Four?  \"Five.\" (Six.)\tseven") ==
        list{"One two.", "Three!", "Four?", "\"Five.\"", "(Six.)", "seven"});
  CHECK(split_sentences("a title\n\nA text of 3.5 words .") == list{"a title", "A text of 3.5 words ."});
  CHECK(split_sentences(" \n ").empty());
  CHECK(split_sentences("one . two .") == list{"one .", "two ."});
}

TEST_CASE("haystack: text files by name, and nothing else") {
  test::temporary_folder const folder;
  CHECK(test::contains(test::message_of([&] { (void)read_haystack(folder.path()); }), "it has no .txt file"));
  folder.write("b.txt", "Second.");
  folder.write("a.txt", "First. ");
  folder.write("c.json", "{}");
  auto const hay = read_haystack(folder.path());
  CHECK(hay.text == "First. Second.");
  CHECK(hay.sentences == std::vector<std::string>{"First.", "Second."});
  CHECK(test::contains(test::message_of([] { (void)read_haystack("/nowhere"); }), "/nowhere: cannot be read: "));
  test::temporary_folder const empty;
  empty.write("a.txt", " ");
  CHECK(test::contains(test::message_of([&] { (void)read_haystack(empty.path()); }), "its files are empty"));
}
