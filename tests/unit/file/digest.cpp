#include <string>

#include <doctest/doctest.h>

#include <headcount/file/digest.hpp>

#include <unit/reference/support/files.hpp>

using headcount::digest;

TEST_CASE("hash_of: XXH3 of nothing is the published value") {
  CHECK(headcount::hash_of("") == 0x2d06800538d394c2);
  CHECK(headcount::hexadecimal(headcount::hash_of("")) == "2d06800538d394c2");
  CHECK(headcount::hexadecimal(0xab, 4) == "00ab");
}

TEST_CASE("digest: content and the borders of pieces count, and a file's name does not") {
  test::temporary_folder const folder;
  auto const one = folder.write("one.txt", "the same");
  auto const two = folder.write("two.txt", "the same");
  auto const other = folder.write("other.txt", "the sama");
  CHECK(headcount::digest_of_file(one) == headcount::digest_of_file(two));
  CHECK(headcount::digest_of_file(one) != headcount::digest_of_file(other));
  CHECK(headcount::digest_of_file(one) == digest{}.add("the same").text());
  CHECK(headcount::digest_of_file(one).size() == 32);
  CHECK(digest{}.add("ab").add("c").text() != digest{}.add("a").add("bc").text());
  CHECK(digest{}.add("").text() != digest{}.text());
  CHECK_THROWS_AS(digest{}.add_file(folder.path() / "none"), headcount::error);
}

TEST_CASE("digest: an empty file has one, too") {
  test::temporary_folder const folder;
  CHECK(headcount::digest_of_file(folder.write("empty.txt", "")) == digest{}.add("").text());
}
