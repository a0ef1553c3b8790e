#include <atomic>
#include <csignal>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <headcount/file/mapped_file.hpp>
#include <headcount/file/write_file.hpp>

#include <unit/reference/support/files.hpp>

using namespace headcount::reference;

TEST_CASE("write_file: pieces are written one after the other over what was there") {
  test::temporary_folder const folder;
  auto const path = folder.write("a.txt", "something longer from before");
  write_file(path, [](auto const& write) {
    for (std::string const piece : {"one ", "", "two"}) write(std::as_bytes(std::span{piece}));
  });
  CHECK(test::read_all(path) == "one two");
  CHECK(folder.names() == std::vector<std::string>{"a.txt"});
}

TEST_CASE("write_file: text keeps its bytes") {
  test::temporary_folder const folder;
  std::string const text("line\r\n\0end", 10);
  write_text(folder.path() / "a.txt", text);
  CHECK(test::read_all(folder.path() / "a.txt") == text);
  write_text(folder.path() / "a.txt", "");
  CHECK(test::read_all(folder.path() / "a.txt").empty());
}

TEST_CASE("write_file: a folder that is not there is named and nothing is made") {
  test::temporary_folder const folder;
  auto const path = folder.path() / "missing" / "a.txt";
  CHECK(test::contains(test::message_of([&] { write_text(path, "x"); }), "missing/a.txt: cannot be written"));
  CHECK(folder.names().empty());
}

TEST_CASE("write_file: a name that is taken by a folder is refused and nothing is left behind") {
  test::temporary_folder const folder;
  std::filesystem::create_directory(folder.path() / "a.txt");
  CHECK(
      test::contains(test::message_of([&] { write_text(folder.path() / "a.txt", "x"); }), "a.txt: cannot be written"));
  CHECK(folder.names() == std::vector<std::string>{"a.txt"});
}

TEST_CASE("write_file: what stood there still does when writing fails half way") {
  test::temporary_folder const folder;
  auto const path = folder.write("a.txt", "from before");
  CHECK_THROWS_WITH_AS(write_file(path,
                                  [](auto const& write) {
                                    std::string const piece(100'000, 'x');
                                    write(std::as_bytes(std::span{piece}));
                                    throw std::runtime_error{"half way"};
                                  }),
                       "half way", std::runtime_error);
  CHECK(test::read_all(path) == "from before");
  CHECK(folder.names() == std::vector<std::string>{"a.txt"});
}

TEST_CASE("write_file: a full disk is an error that gives the reason, and what stood there still does") {
  test::temporary_folder const folder;
  auto const path = folder.write("a.txt", "from before");
  auto* const before = ::signal(SIGXFSZ, SIG_IGN);
  ::rlimit all{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &all) == 0);
  auto few = all;
  few.rlim_cur = 1000;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &few) == 0);
  auto const message = test::message_of([&] { write_text(path, std::string(100'000, 'x')); });
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &all) == 0);
  ::signal(SIGXFSZ, before);
  CHECK(message == path.string() + ": cannot be written: File too large");
  CHECK(test::read_all(path) == "from before");
  CHECK(folder.names() == std::vector<std::string>{"a.txt"});
}

TEST_CASE("write_file: no file of the user's is taken for a temporary one, and permissions stay") {
  test::temporary_folder const folder;
  folder.write("a.txt.part", "mine");
  auto const path = folder.write("a.txt", "old");
  std::filesystem::permissions(path, std::filesystem::perms{0640});
  write_text(path, "new");
  CHECK(test::read_all(path) == "new");
  CHECK(test::read_all(folder.path() / "a.txt.part") == "mine");
  CHECK(std::filesystem::status(path).permissions() == std::filesystem::perms{0640});
  CHECK(folder.names().size() == 2);
  std::set<std::filesystem::path> names;
  for (int i = 0; i < 100; ++i) {
    auto const one = temporary_beside(path);
    CHECK(one.parent_path() == folder.path());
    names.insert(one);
  }
  CHECK(names.size() == 100);
}

TEST_CASE("write_file: of writers at once one is there whole, always") {
  test::temporary_folder const folder;
  auto const path = folder.write("a.txt", std::string(50'000, '0'));
  std::atomic<bool> done = false;
  {
    std::vector<std::jthread> writers;
    for (char const sign : {'1', '2', '3'})
      writers.emplace_back([&, sign] {
        for (int i = 0; i < 20; ++i) write_text(path, std::string(50'000, sign));
        done = true;
      });
    while (!done) {
      auto const text = test::read_all(path);
      CHECK(text.size() == 50'000);
      CHECK(text.find_first_not_of(text[0]) == text.npos);
    }
  }
  CHECK(folder.names() == std::vector<std::string>{"a.txt"});
}

TEST_CASE("write_file: links are followed, to what is there and to what is not") {
  test::temporary_folder const folder;
  std::filesystem::create_directory(folder.path() / "scratch");
  std::filesystem::create_symlink("scratch/a.txt", folder.path() / "a.txt");
  std::filesystem::create_symlink("a.txt", folder.path() / "b.txt");
  for (std::string const text : {"one", "two"}) {
    write_text(folder.path() / "b.txt", text);
    CHECK(test::read_all(folder.path() / "scratch/a.txt") == text);
    CHECK(std::filesystem::is_symlink(folder.path() / "a.txt"));
    CHECK(std::filesystem::is_symlink(folder.path() / "b.txt"));
  }
  CHECK(folder.names().size() == 3);
}

TEST_CASE("write_file: a pipe and a device are written to, and stay what they are") {
  test::temporary_folder const folder;
  auto const path = folder.path() / "pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  int const reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  REQUIRE(reader >= 0);
  write_text(path, "text");
  char got[8]{};
  CHECK(::read(reader, got, sizeof got) == 4);
  ::close(reader);
  CHECK(std::string{got} == "text");
  CHECK(std::filesystem::is_fifo(path));
  write_text("/dev/null", "text");
  CHECK(std::filesystem::is_character_file("/dev/null"));
  if (std::filesystem::exists("/dev/shm")) CHECK(!is_stream("/dev/shm/a"));
  for (auto const* open : {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/../dev/stdout"}) CHECK(is_stream(open));
  if (std::filesystem::exists("/dev/full"))
    CHECK(test::contains(test::message_of([] { write_text("/dev/full", "text"); }), "/dev/full: cannot be written"));
}

TEST_CASE("outputs are asked for before the work: whether they can be written, and are no inputs") {
  test::temporary_folder const folder;
  auto const message = [](auto const& check) { return test::message_of(check); };
  CHECK(message([&] { require_writable(folder.path() / "new"); }).empty());
  CHECK(folder.names().empty());
  CHECK(message([] { require_writable("new"); }).empty());
  CHECK(message([] { require_writable("/dev/null"); }).empty());
  CHECK(test::contains(message([&] { require_writable(folder.path()); }), "cannot be written: it is a folder"));
  CHECK(test::contains(message([&] { require_writable(folder.path() / "no/such"); }), "there is no folder "));

  auto const input = folder.write("input", "x");
  std::filesystem::create_symlink("input", folder.path() / "link");
  std::filesystem::create_hard_link(input, folder.path() / "hard");
  for (auto const* name : {"input", "link", "hard", "./input"})
    CHECK(test::contains(message([&] { require_not_input(folder.path() / name, input); }), "it is read, too"));
  CHECK(message([&] { require_not_input(folder.path() / "new", input); }).empty());
  CHECK(message([&] { require_not_input(folder.path() / "new", folder.path() / "missing"); }).empty());
}

TEST_CASE("mapped_file: bytes are those of the file and an empty file has none") {
  test::temporary_folder const folder;
  mapped_file const file{folder.write("a", std::string("\0bytes", 6))};
  REQUIRE(file.bytes().size() == 6);
  CHECK(std::string{reinterpret_cast<char const*>(file.bytes().data()), 6} == std::string("\0bytes", 6));
  CHECK(mapped_file{folder.write("b", "")}.bytes().empty());
  CHECK(test::contains(test::message_of([&] { mapped_file{folder.path() / "c"}; }), "c: cannot be read"));
}
