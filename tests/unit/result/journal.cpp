// checksummed_row.hpp, ground.hpp and journal.hpp: rows that survive.

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <headcount/result/checksummed_row.hpp>
#include <headcount/result/ground.hpp>
#include <headcount/result/journal.hpp>
#include <headcount/result/merge.hpp>
#include <unit/reference/support/files.hpp>
#include <unit/result/support/some_rows.hpp>

using namespace headcount;
using namespace headcount::evaluate;

using test::some_row;
using test::some_rows;

TEST_CASE("checksummed_row: a line is a row as it is printed and its checksum, and any change of a byte shows") {
  auto const one = some_row("p");
  auto line = print_checksummed(one);
  CHECK(line.starts_with(print(one).substr(0, print(one).size() - 1) + ",\"checksum\":\""));
  CHECK(line.find('\n') == line.npos);
  CHECK(is_checksummed(line));
  CHECK(print(parse_checksummed("line", line)) == print(one));
  CHECK(key_of(parse_row("line", line)) == key_of(one));  // who knows nothing of checksums reads it, too
  for (std::size_t i = 0; i < line.size(); ++i) {
    auto changed = line;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    CHECK(!is_checksummed(changed));
  }
  for (std::size_t size = 0; size < line.size(); ++size) CHECK(!is_checksummed(line.substr(0, size)));
  CHECK(test::contains(test::message_of([&] { (void)parse_checksummed("line", print(one)); }),
                       "the checksum is missing"));
}

TEST_CASE("journal: rows are there again after it was closed, and new ones come after them") {
  test::temporary_folder const folder;
  auto const path = folder.path() / "r.jsonl";
  {
    journal file{path};
    CHECK(file.rows().empty());
    file.append(some_rows(0, 2));
    file.append(some_rows(2, 3));
    CHECK(!file.has(key_of(some_row("p1"))));  // when it was opened
  }
  {
    journal file{path};
    CHECK(file.rows().size() == 3);
    CHECK(file.has(key_of(some_row("p1"))));
    CHECK(!file.has(key_of(some_row("p3"))));
    auto other = some_row("p1");
    other.version = "0.0.0";
    CHECK(!file.has(key_of(other)));
    other = some_row("p1");
    other.policy_identity = "n";
    CHECK(!file.has(key_of(other)));
    file.append(some_rows(3, 4));
  }
  std::string expected;
  for (auto const& one : some_rows(0, 4)) expected += print_checksummed(one) + "\n";
  CHECK(test::read_all(path) == expected);
  journal const fresh{path, true};
  CHECK(fresh.rows().empty());
  CHECK(test::read_all(path).empty());
}

TEST_CASE("journal: rows whose values are not finite are there again, too, and merge as what they were") {
  test::temporary_folder const folder;
  auto const path = folder.path() / "r.jsonl";
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  std::vector<row> rows{some_row("p0", infinity), some_row("p1", -infinity), some_row("p2", std::nan(""))};
  for (auto& one : rows) one.more["loglik"] = -infinity;
  journal{path}.append(rows);
  auto const text = test::read_all(path);
  {
    journal const file{path};
    REQUIRE(file.rows().size() == 3);
    CHECK(file.rows()[0].value == infinity);
    CHECK(file.rows()[1].value == -infinity);
    CHECK(std::isnan(file.rows()[2].value));
    CHECK(file.has(key_of(rows[2])));
  }
  merged_rows merged;
  merged.add(path);
  merged.add(path);
  merged.write(folder.path() / "m.jsonl");
  CHECK(test::read_all(folder.path() / "m.jsonl") == text);
}

TEST_CASE("journal: wherever the file was cut off, whole lines stay and the rest is gone") {
  std::string text;
  std::vector<std::size_t> ends{0};
  for (auto const& one : some_rows(0, 3)) {
    text += print_checksummed(one) + "\n";
    ends.push_back(text.size());
  }
  test::temporary_folder const folder;
  for (std::size_t size = 0; size <= text.size(); ++size) {
    auto const path = folder.write("r.jsonl", std::string_view{text}.substr(0, size));
    auto const whole = static_cast<std::size_t>(std::ranges::upper_bound(ends, size) - ends.begin()) - 1;
    {
      journal file{path};
      REQUIRE(file.rows().size() == whole);
      file.append(some_rows(7, 8));
    }
    CHECK(test::read_all(path) == text.substr(0, ends[whole]) + print_checksummed(some_rows(7, 8)[0]) + "\n");
  }
}

TEST_CASE("journal: damage is named, and one run has a file at a time") {
  test::temporary_folder const folder;
  std::string text;
  for (auto const& one : some_rows(0, 3)) text += print_checksummed(one) + "\n";
  auto damaged = text;
  damaged[damaged.find("p1")] = 'q';
  auto const path = folder.write("r.jsonl", damaged);
  CHECK(test::message_of([&] { journal{path}; }) ==
        path.string() + ", line 2: the checksum is missing or wrong (allowed: lines as they were written)");
  CHECK(test::read_all(path) == damaged);
  folder.write("r.jsonl", text);
  journal const first{path};
  CHECK(test::contains(test::message_of([&] { journal{path}; }), "r.jsonl: another run is writing it"));
  CHECK(test::contains(test::message_of([] { journal{"/nowhere/r.jsonl"}; }), "/nowhere/r.jsonl: cannot be written: "));
  CHECK(test::read_all(path) == text);
}

TEST_CASE("journal: whatever byte was edited, no row comes back that was not written") {
  std::string text;
  for (auto const& one : some_rows(0, 3)) text += print_checksummed(one) + "\n";
  test::temporary_folder const folder;
  std::size_t refused = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    auto edited = text;
    edited[at] = static_cast<char>(edited[at] ^ 1);
    auto const path = folder.write("r.jsonl", edited);
    auto const message = test::message_of([&] { (void)read_journal(path); });
    if (!message.empty()) {
      ++refused;
      continue;
    }
    // The last line's end: it is torn now.
    CHECK(at + 1 == text.size());
    CHECK(read_journal(path).torn);
    CHECK(read_journal(path).rows.size() == 2);
  }
  CHECK(refused + 1 == text.size());
}

TEST_CASE("journal: rows that the disk has no room for leave nothing behind") {
  test::temporary_folder const folder;
  auto const path = folder.path() / "r.jsonl";
  journal file{path};
  file.append(some_rows(0, 1));
  auto const whole = test::read_all(path);
  auto* const before = ::signal(SIGXFSZ, SIG_IGN);
  ::rlimit all{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &all) == 0);
  auto few = all;
  few.rlim_cur = whole.size() + 50;  // some of the next row
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &few) == 0);
  auto const message = test::message_of([&] { file.append(some_rows(1, 2)); });
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &all) == 0);
  ::signal(SIGXFSZ, before);
  CHECK(message == path.string() + ": cannot be written: File too large");
  CHECK(test::read_all(path) == whole);
  file.append(some_rows(1, 2));
  CHECK(read_journal(path).rows.size() == 2);
}

TEST_CASE("journal: what is no file of rows is left as it is, even when everything is to be asked again") {
  test::temporary_folder const folder;
  for (std::string const text : {"{\"models\": [\"a\"]}", "{", "x", "\n"}) {
    auto const path = folder.write("plan.json", text);
    for (bool const fresh : {false, true}) {
      if (text == "{") continue;  // a row may begin so
      CHECK(test::contains(test::message_of([&] { journal(path, fresh); }),
                           "plan.json: it holds something else than result rows"));
      CHECK(test::read_all(path) == text);
    }
  }
}

TEST_CASE("journal: a pipe gets the rows, and stays a pipe") {
  test::temporary_folder const folder;
  auto const path = folder.path() / "pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  int const reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  REQUIRE(reader >= 0);
  {
    journal file{path};
    CHECK(file.is_stream());
    file.append(some_rows(0, 2));
  }
  std::string got(10000, ' ');
  got.resize(static_cast<std::size_t>(::read(reader, got.data(), got.size())));
  ::close(reader);
  CHECK(got == print_checksummed(some_rows(0, 2)[0]) + "\n" + print_checksummed(some_rows(0, 2)[1]) + "\n");
  CHECK(std::filesystem::is_fifo(path));
}

TEST_CASE("ground: rows of a model, policy or task that is another now are told, with both identities") {
  auto one = some_row("p");
  one.setting = "shots=2";
  one.task_identity = "t";
  ground now;
  now.add_model("m", "f");
  now.add_policy("dense", "d");
  now.add_task("f", "needle, shots=2", "t");
  auto const message = [&](auto const& change) {
    std::vector<row> rows{one, one};
    change(rows[1]);
    return test::message_of([&] { now.require_unchanged("r.jsonl", rows); });
  };
  CHECK(message([](row&) {}).empty());
  CHECK(message([](row& other) { other.model = "renamed"; }).empty());
  CHECK(message([](row& other) { other.policy = "renamed"; }).empty());
  CHECK(message([](row& other) { other.setting = "renamed"; }).empty());
  // What is not asked now has not changed.
  CHECK(message([](row& other) { other.model = other.model_identity = "other"; }).empty());
  CHECK(message([](row& other) { other.policy = other.policy_identity = "other"; }).empty());
  CHECK(message([](row& other) { other.setting = other.task_identity = "other"; }).empty());
  auto const about = [](std::string const& what) {
    return "r.jsonl: its rows are of something else than what they are called now: the " + what +
           " (allowed: --fresh to ask all again, or another output)";
  };
  CHECK(message([](row& other) { other.model_identity = "g"; }) == about("model \"m\" was g and is f"));
  CHECK(message([](row& other) { other.policy_identity = "g"; }) == about("policy \"dense\" was g and is d"));
  CHECK(message([](row& other) { other.task_identity = "g"; }) == about("task \"needle, shots=2\" was g and is t"));
  CHECK(message([](row& other) { other.task_identity = other.policy_identity = "g"; }) ==
        about("policy \"dense\" was g and is d, the task \"needle, shots=2\" was g and is t"));
  // Two data files of one name are two tasks, and both are asked now.
  now.add_task("f", "needle, shots=2", "u");
  CHECK(message([](row& other) { other.task_identity = "u"; }).empty());
}
