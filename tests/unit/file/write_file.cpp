#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

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

TEST_CASE("write_file: a full disk is an error and what stood there still does") {
  if (!std::filesystem::exists("/dev/full")) return;
  test::temporary_folder const folder;
  for (std::size_t const bytes : {1u, 1'000'000u}) {  // noticed when closing, and before
    auto const path = folder.write("a.txt", "from before");
    std::filesystem::create_symlink("/dev/full", folder.path() / "a.txt.part");
    CHECK(test::contains(test::message_of([&] { write_text(path, std::string(bytes, 'x')); }), "cannot be written"));
    CHECK(test::read_all(path) == "from before");
    CHECK(folder.names() == std::vector<std::string>{"a.txt"});
  }
}

TEST_CASE("mapped_file: bytes are those of the file and an empty file has none") {
  test::temporary_folder const folder;
  mapped_file const file{folder.write("a", std::string("\0bytes", 6))};
  REQUIRE(file.bytes().size() == 6);
  CHECK(std::string{reinterpret_cast<char const*>(file.bytes().data()), 6} == std::string("\0bytes", 6));
  CHECK(mapped_file{folder.write("b", "")}.bytes().empty());
  CHECK(test::contains(test::message_of([&] { mapped_file{folder.path() / "c"}; }), "c: cannot be read"));
}
