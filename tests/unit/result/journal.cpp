// checksummed_row.hpp, ground.hpp, journal.hpp, merge.hpp, shard.hpp and sweep_plan.hpp: rows that survive.

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
#include <headcount/result/shard.hpp>
#include <headcount/result/sweep_plan.hpp>
#include <unit/reference/support/files.hpp>

using namespace headcount;
using namespace headcount::evaluate;

namespace {

row some_row(std::string prompt, double value = 0.1) {
  row one{.model = "m",
          .model_identity = "f",
          .policy = "dense",
          .policy_identity = "d",
          .task = "needle",
          .metric = "score",
          .prompt = std::move(prompt),
          .seed = 1,
          .value = value};
  one.more["completion"] = "a \"quoted\"\nline \xff";  // not UTF-8
  return one;
}

std::vector<row> some_rows(std::size_t first, std::size_t end) {
  std::vector<row> rows;
  for (auto i = first; i < end; ++i) rows.push_back(some_row("p" + std::to_string(i), static_cast<double>(i) / 3));
  return rows;
}

}  // namespace

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

TEST_CASE("merge: what was renamed between runs gets one name, and one name for two things is refused") {
  test::temporary_folder const folder;
  auto const make = [&](std::string const& name, std::size_t prompt, auto const& change) {
    auto rows = some_rows(prompt, prompt + 1);
    rows[0].task_identity = "t";
    change(rows[0]);
    journal{folder.path() / name}.append(rows);
    return folder.path() / name;
  };
  auto const rename = [](row& one) {
    one.model = "a";
    one.policy = "another";
    one.setting = "data=other.jsonl";
  };
  for (auto const order : {0, 1}) {
    merged_rows all;
    auto const plain = make("plain" + std::to_string(order), 0, [](row&) {});
    auto const renamed = make("renamed" + std::to_string(order), 1, rename);
    for (auto const which : {order, 1 - order}) all.add(which == 0 ? plain : renamed);
    all.add(make("same" + std::to_string(order), 0, rename));  // the same answer under other names
    CHECK(all.repeated() == 1);
    all.write(folder.path() / "m");
    auto const rows = read_journal(folder.path() / "m").rows;
    REQUIRE(rows.size() == 2);
    for (auto const& one : rows) {
      CHECK(one.model == "a");
      CHECK(one.policy == "another");
      CHECK(one.setting.empty());
    }
  }
  int count = 0;
  auto const message = [&](auto const& change) {
    merged_rows all;
    all.add(make("first" + std::to_string(++count), 0, [](row&) {}));
    return test::message_of([&] { all.add(make("second" + std::to_string(count), 1, change)); });
  };
  CHECK(test::contains(message([](row& one) { one.model_identity = "g"; }),
                       "the model \"m\" stands for two: in some rows it has identity f, in others g"));
  CHECK(test::contains(message([](row& one) { one.policy_identity = "g"; }),
                       "the policy \"dense\" stands for two: in some rows it has identity d, in others g"));
  CHECK(test::contains(message([](row& one) { one.task_identity = "g"; }), "the task needle"));
  CHECK(message([](row& one) { one.model = one.model_identity = "g"; }).empty());
}

TEST_CASE("merge: the same rows make the same bytes, whatever files and order they come in") {
  test::temporary_folder const folder;
  auto const make = [&](std::string const& name, std::vector<row> const& rows) {
    journal{folder.path() / name}.append(rows);
    return folder.path() / name;
  };
  auto backwards = some_rows(0, 5);
  std::ranges::reverse(backwards);
  merged_rows one;
  one.add(make("all", backwards));
  merged_rows other;
  other.add(make("late", some_rows(2, 5)));
  other.add(make("early", some_rows(0, 3)));
  CHECK(one.size() == 5);
  CHECK(one.repeated() == 0);
  CHECK(other.size() == 5);
  CHECK(other.repeated() == 1);
  one.write(folder.path() / "1");
  other.write(folder.path() / "2");
  CHECK(test::read_all(folder.path() / "1") == test::read_all(folder.path() / "2"));
  CHECK(journal{folder.path() / "1"}.rows().size() == 5);

  auto const message = test::message_of([&] { one.add(make("contrary", {some_row("p3", 0.5)})); });
  CHECK(test::contains(message, "contrary: two rows answer the same question in different ways: \"p3\" of needle"));
}

TEST_CASE("shard: every piece of work is one part's, and parts are about as large") {
  for (std::size_t const count : {1u, 2u, 3u, 8u}) {
    std::vector<std::size_t> sizes(count);
    for (int i = 0; i < 4000; ++i) {
      auto const name = "work " + std::to_string(i);
      std::size_t takers = 0;
      for (std::size_t index = 1; index <= count; ++index)
        if (shard{index, count}.has(name)) {
          ++takers;
          ++sizes[index - 1];
        }
      CHECK(takers == 1);
    }
    for (auto const size : sizes) CHECK(size * count > 3300);  // 4.5 standard deviations of 8 parts
  }
  using paths = std::vector<std::filesystem::path>;
  CHECK(path_of_shard("a/r.x.jsonl", {3, 8}) == "a/r.x.3-of-8.jsonl");
  auto const missing = [](std::vector<std::string> const& files) { return missing_shards(files); };
  CHECK(missing({"a/r.1-of-2.jsonl", "a/r.2-of-2.jsonl"}).empty());
  CHECK(missing({"a/r.2-of-4.jsonl", "a/r.1-of-4.jsonl"}) == paths{"a/r.3-of-4.jsonl", "a/r.4-of-4.jsonl"});
  CHECK(missing({"a/r.1-of-2.jsonl", "b/r.2-of-2.jsonl"}) == paths{"a/r.2-of-2.jsonl", "b/r.1-of-2.jsonl"});
  CHECK(missing({"r.jsonl", "r.5-of-4.jsonl", "r.x-of-y.jsonl", "1-of-2", "r.-of-.jsonl"}).empty());
  CHECK(parse_shard("3/8").index == 3);
  CHECK(parse_shard("3/8").count == 8);
  for (auto const* wrong : {"", "3", "0/8", "9/8", "3/", "/8", "3/8 ", "a/b", "-1/8", "3/8/2"}) {
    CAPTURE(wrong);
    CHECK(test::message_of([&] { (void)parse_shard(wrong); }) ==
          std::string{"shard: "} + wrong +
              " (allowed: I/N with I from 1 to N, e.g. 3/8; one more than the index of an array from 0)");
  }
}

TEST_CASE("sweep_plan: what is there twice is taken once, and what is no plan is named") {
  test::temporary_folder const folder;
  auto const plan = read_plan(folder.write("p.json", R"x({"models": ["a", "./a", "b/"], "seeds": [2, 1, 2],
    "policies": ["dense", "entropy|top_k(2)@generation", "entropy | top_k(2) @ generation", "dense"],
    "tasks": [{"task": "needle", "lengths": [96]}, {"lengths": [96], "task": "needle"}, {"task": "needle"}]})x"));
  CHECK(plan.models == std::vector<std::string>{"a", "b/"});
  REQUIRE(plan.policies.size() == 2);
  CHECK(print(plan.policies[0]) == "dense");
  CHECK(print(plan.policies[1]) == "entropy | top_k(2) @ generation");
  CHECK(plan.tasks.size() == 2);
  CHECK(plan.seeds == std::vector<std::uint64_t>{2, 1});
  CHECK(plan.duplicates == 5);
  CHECK(read_plan(folder.write("p.json", R"({"models": ["a"], "policies": ["dense"], "tasks": [{"task": "x"}]})"))
            .seeds.empty());

  auto const message = [&](std::string const& models, std::string const& policies, std::string const& tasks,
                           std::string const& more) {
    return test::message_of([&] {
      (void)read_plan(folder.write(
          "p.json", "{\"models\": " + models + ", \"policies\": " + policies + ", \"tasks\": " + tasks + more + "}"));
    });
  };
  auto const* const good = R"([{"task": "x"}])";
  CHECK(test::contains(message("[]", R"(["dense"])", good, ""),
                       "p.json: models = [] (allowed: a list of model folders)"));
  CHECK(test::contains(message(R"("a")", R"(["dense"])", good, ""), "models = \"a\""));
  CHECK(test::contains(message(R"(["a"])", "[]", good, ""), "policies = []"));
  CHECK(test::contains(message(R"(["a"])", R"x(["entropi | top_k(2)"])x", good, ""),
                       "p.json, policies: policy sentence"));
  for (auto const* tasks : {"[]", "null", "{}", "[3]", "[{}]", R"([{"task": 3}])"})
    CHECK(test::contains(message(R"(["a"])", R"(["dense"])", tasks, ""), "(allowed: a list of {\"task\": NAME, ...})"));
  for (auto const* seeds : {"[]", "1", "[-1]", "[1.5]"})
    CHECK(test::contains(message(R"(["a"])", R"(["dense"])", good, std::string{", \"seeds\": "} + seeds),
                         "(allowed: a list of whole numbers from 0)"));
  CHECK(test::contains(message(R"(["a"])", R"(["dense"])", good, ", \"policy\": 1"),
                       "the key \"policy\" is not known (allowed: models, policies, tasks, seeds)"));
}
