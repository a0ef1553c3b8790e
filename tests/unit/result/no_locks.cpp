// result/journal.hpp where the file system has no locks: what flock answers there is put in its place.

#include <headcount/result/journal.hpp>

#include <cerrno>
#include <string>
#include <vector>

#include <sys/syscall.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <unit/reference/support/files.hpp>

namespace {

std::vector<int> answers;  // numbers of errors, the last first

}  // namespace

extern "C" int flock(int file, int how) noexcept {
  if (answers.empty()) return static_cast<int>(::syscall(SYS_flock, file, how));
  errno = answers.back();
  answers.pop_back();
  return -1;
}

using namespace headcount::evaluate;

TEST_CASE("journal: without locks it works, and says why nobody is kept from it") {
  for (int const number : {ENOSYS, ENOLCK, EOPNOTSUPP, EINVAL, EIO}) {
    test::temporary_folder const folder;
    auto const path = folder.path() / "r.jsonl";
    answers = {number};
    journal file{path};
    REQUIRE(answers.empty());
    CHECK(!file.is_locked());
    CHECK(file.unlocked_reason() == std::strerror(number));
    file.append(std::vector<row>{row{.model = "m", .prompt = "p"}});
    CHECK(read_journal(path).rows.size() == 1);
  }
}

TEST_CASE("journal: a signal while it waits for the lock is no answer") {
  test::temporary_folder const folder;
  answers = {EINTR, EINTR};
  journal const file{folder.path() / "r.jsonl"};
  CHECK(answers.empty());
  CHECK(file.is_locked());
  CHECK(file.unlocked_reason().empty());
  answers = {EWOULDBLOCK};
  CHECK(test::contains(test::message_of([&] { journal const other{folder.path() / "s.jsonl"}; }), "another run"));
}
