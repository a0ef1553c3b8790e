// file/mapped_file.hpp: a pipe is read as a file of the same bytes.

#include <headcount/file/mapped_file.hpp>

#include <sys/stat.h>

#include <fstream>
#include <string>
#include <string_view>
#include <thread>

#include <doctest/doctest.h>

#include <unit/reference/support/files.hpp>

using namespace headcount;

namespace {

std::string_view text_of_bytes(reference::mapped_file const& file) {
  auto const bytes = file.bytes();
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("mapped_file: the bytes of a file, of an empty one, and of a pipe") {
  test::temporary_folder const at;
  std::string const text(100000, 'x');
  CHECK(text_of_bytes(reference::mapped_file{at.write("file", text)}) == text);
  CHECK(reference::mapped_file{at.write("empty", "")}.bytes().empty());
  auto const pipe = at.path() / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  std::jthread const writer{[&] { std::ofstream{pipe} << text; }};
  CHECK(text_of_bytes(reference::mapped_file{pipe}) == text);
  CHECK(test::contains(test::message_of([&] { reference::mapped_file const none{at.path() / "none"}; }),
                       "cannot be read: No such file"));
}
