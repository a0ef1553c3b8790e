#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/file/safetensors.hpp>
#include <headcount/file/write_safetensors.hpp>

#include <unit/reference/support/files.hpp>

using namespace headcount::reference;
using test::safetensors_text;

namespace {

std::span<std::byte const> bytes_of(std::string const& text) { return std::as_bytes(std::span{text}); }

/// A header with one tensor "t".
std::string entry(std::string const& dtype, std::string const& shape, std::string const& offsets) {
  return R"({"t":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

/// A header with a one-byte-a-number vector for each (name, begin, end).
struct placed {
  std::string name;
  std::size_t begin, end;
};
std::string header_of(std::vector<placed> const& tensors) {
  std::string text;
  for (auto const& [name, begin, end] : tensors)
    text += (text.empty() ? "" : ",") + ("\"" + name + R"(":{"dtype":"U8","shape":[)" + std::to_string(end - begin)) +
            R"(],"data_offsets":[)" + std::to_string(begin) + "," + std::to_string(end) + "]}";
  return "{" + text + "}";
}

std::string with_length(std::uint64_t length, std::string const& rest) {
  std::string file(8, '\0');
  for (std::size_t byte = 0; byte < 8; ++byte) file[byte] = static_cast<char>(length >> (8 * byte) & 0xff);
  return file + rest;
}

}  // namespace

TEST_CASE("safetensors: every malformed file is refused with its name and its numbers") {
  struct malformed {
    std::string file;
    std::vector<std::string> says;  ///< parts of the message
  };
  std::string const eight(8, '.');
  std::vector<malformed> const files{
      // 1, 2, 3: the length
      {"", {"f.safetensors: ", "0 bytes, at least 8"}},
      {"1234567", {"7 bytes, at least 8"}},
      {with_length(100'000'001, "{}"), {"a header of 100000001 bytes", "at most 100000000"}},
      {with_length(std::numeric_limits<std::uint64_t>::max(), "{}"), {"a header of 18446744073709551615 bytes"}},
      {with_length(std::numeric_limits<std::uint64_t>::max() - 7, "{}"), {"a header of 18446744073709551608 bytes"}},
      {with_length(9, "{       "), {"truncated: a header of 9 bytes in a file of 16"}},
      // 4: the encoding
      {safetensors_text("{\"\xff\":1}"), {"header", "UTF-8"}},
      {safetensors_text("{\"a\xc0\x80\":1}"), {"header", "UTF-8"}},
      // 5: JSON and its schema
      {safetensors_text(""), {"does not start with \"{\""}},
      {safetensors_text(" {}"), {"does not start with \"{\""}},
      {safetensors_text("[]"), {"does not start with \"{\""}},
      {safetensors_text("\xef\xbb\xbf{}"), {"does not start with \"{\""}},
      {safetensors_text("{"), {"f.safetensors, header: malformed JSON"}},
      {safetensors_text("{} x"), {"malformed JSON", "column 4"}},
      {safetensors_text(std::string("{}\0", 3)), {"malformed JSON"}},
      {safetensors_text("{\"t\":1}"), {"tensor \"t\": malformed header entry"}},
      {safetensors_text("{\"t\":{}}"), {"tensor \"t\": malformed header entry"}},
      {safetensors_text(R"({"t":{"dtype":"U8","shape":[]}})"), {"tensor \"t\": malformed header entry"}},
      {safetensors_text(R"({"t":{"dtype":8,"shape":[0],"data_offsets":[0,0]}})"), {"malformed header entry"}},
      {safetensors_text(R"({"t":{"dtype":"U8","shape":0,"data_offsets":[0,0]}})"), {"malformed header entry"}},
      {safetensors_text(R"({"t":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":1}})"), {"malformed header entry"}},
      {safetensors_text(entry("U8", "[0]", "[0]")), {"malformed header entry"}},
      {safetensors_text(entry("U8", "[0]", "[0,0,0]")), {"malformed header entry"}},
      {safetensors_text(entry("U8", "[0]", "{\"0\":0,\"1\":0}")), {"malformed header entry"}},
      {safetensors_text(entry("U8", "[-1]", "[0,0]")), {"tensor \"t\": extent -1 in its shape", "whole numbers"}},
      {safetensors_text(entry("U8", "[2.0]", "[0,2]")), {"extent 2.0 in its shape"}},
      {safetensors_text(entry("U8", "[\"2\"]", "[0,2]")), {"extent \"2\" in its shape"}},
      {safetensors_text(entry("U8", "[18446744073709551616]", "[0,0]")), {"extent 1.8446744073709552e+19"}},
      {safetensors_text(entry("F31", "[0]", "[0,0]")), {"tensor \"t\": unknown dtype \"F31\"", "F32, BF16"}},
      {safetensors_text(entry("f32", "[0]", "[0,0]")), {"unknown dtype \"f32\""}},
      {safetensors_text(entry("", "[0]", "[0,0]")), {"unknown dtype \"\""}},
      {safetensors_text(entry("I32 U32", "[0]", "[0,0]")), {"unknown dtype \"I32 U32\""}},
      {safetensors_text(entry("U8\\nx", "[0]", "[0,0]")), {"unknown dtype \"U8\\nx\""}},
      {safetensors_text(R"({"__metadata__":{"a":1}})"), {"__metadata__ holds more than strings"}},
      {safetensors_text(R"({"__metadata__":{"a":{"b":"c"}}})"), {"__metadata__ holds more than strings"}},
      {safetensors_text(R"({"__metadata__":[]})"), {"__metadata__ holds more than strings"}},
      {safetensors_text(R"({"__metadata__":"pt"})"), {"__metadata__ holds more than strings"}},
      {safetensors_text(R"({"t":{},"t":{}})"), {"header: the key \"t\" is there twice"}},
      {safetensors_text(R"({"t":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}})"),
       {"the key \"dtype\" is there twice"}},
      {safetensors_text(R"({"a\nb":1})"), {"tensor \"a\\nb\": malformed header entry"}},
      {safetensors_text(entry("U8", std::string(100'000, '[') + std::string(100'000, ']'), "[0,0]")),
       {"nested more than 64 levels"}},
      // 6: places
      {safetensors_text(entry("U8", "[4]", "[4,0]"), eight), {"tensor \"t\": data_offsets [4,0] are no range"}},
      {safetensors_text(entry("U8", "[4]", "[-4,0]"), eight), {"data_offsets [-4,0] are no range"}},
      {safetensors_text(entry("U8", "[4]", "[0.0,4]"), eight), {"data_offsets [0.0,4] are no range"}},
      {safetensors_text(header_of({{"t", 4, 8}}), eight), {"tensor \"t\": its data begins at byte 4", "ends at 0"}},
      {safetensors_text(header_of({{"a", 0, 3}, {"b", 4, 8}}), eight),
       {"\"b\": its data begins at byte 4", "ends at 3"}},
      {safetensors_text(header_of({{"a", 0, 5}, {"b", 4, 8}}), eight),
       {"\"b\": its data begins at byte 4", "ends at 5"}},
      {safetensors_text(header_of({{"a", 0, 8}, {"b", 2, 6}}), eight),
       {"\"b\": its data begins at byte 2", "ends at 8"}},
      {safetensors_text(header_of({{"a", 0, 8}, {"b", 0, 8}}), eight), {"its data begins at byte 0", "ends at 8"}},
      {safetensors_text(header_of({{"a", 0, 8}, {"b", 3, 3}}), eight),
       {"\"b\": its data begins at byte 3", "ends at 8"}},
      // 7: sizes that overflow
      {safetensors_text(entry("F32", "[1099511627776,1099511627776]", "[0,0]")),
       {"F32 [1099511627776, 1099511627776] needs too many bytes", "hold 0"}},
      {safetensors_text(entry("F32", "[4611686018427387904]", "[0,0]")),
       {"[4611686018427387904] needs too many bytes"}},
      {safetensors_text(entry("F32", "[4294967296,4294967296,0]", "[0,0]")), {"needs too many bytes"}},
      {safetensors_text(entry("U8", "[18446744073709551615,2]", "[0,0]")), {"needs too many bytes"}},
      // 8: numbers that are not made of whole bytes
      {safetensors_text(entry("F4", "[2]", "[0,1]"), "."), {"unknown dtype \"F4\""}},
      {safetensors_text(entry("F6_E2M3", "[4]", "[0,3]"), "..."), {"unknown dtype \"F6_E2M3\""}},
      // 9: shape against bytes
      {safetensors_text(entry("F32", "[2,3]", "[0,20]"), std::string(20, '.')),
       {"F32 [2, 3] needs 24 bytes", "hold 20"}},
      {safetensors_text(entry("BF16", "[2]", "[0,8]"), eight), {"BF16 [2] needs 4 bytes", "hold 8"}},
      {safetensors_text(entry("F64", "[]", "[0,4]"), "...."), {"F64 [] needs 8 bytes", "hold 4"}},
      {safetensors_text(entry("U8", "[0,5]", "[0,5]"), "....."), {"U8 [0, 5] needs 0 bytes", "hold 5"}},
      // 10: the end
      {safetensors_text(entry("U8", "[8]", "[0,8]"), "......."), {"\"t\": truncated: it ends at byte 8", "holds 7"}},
      {safetensors_text(entry("U8", "[8]", "[0,8]")), {"truncated: it ends at byte 8", "holds 0"}},
      {safetensors_text(header_of({{"a", 0, 4}, {"e", 9, 9}}), eight),
       {"\"e\": truncated: it ends at byte 9", "holds 8"}},
      {safetensors_text(header_of({{"t", 0, 7}}), eight), {"8 bytes of data, its tensors fill 7"}},
      {safetensors_text("{}", "."), {"1 bytes of data, its tensors fill 0"}},
  };
  for (auto const& [file, says] : files) {
    CAPTURE(file.substr(0, 200));
    auto const message = test::message_of([&] { (void)parse_safetensors("f.safetensors", bytes_of(file)); });
    CHECK(message.size() < 300);
    CHECK(message.starts_with("f.safetensors"));
    for (auto const& part : says) CHECK_MESSAGE(test::contains(message, part), message);
  }
}

TEST_CASE("safetensors: a header without tensors is a file") {
  CHECK(parse_safetensors("f", bytes_of(safetensors_text("{}"))).empty());
  CHECK(parse_safetensors("f", bytes_of(safetensors_text("{}      "))).empty());
  CHECK(parse_safetensors("f", bytes_of(safetensors_text(R"({"__metadata__":null})"))).empty());
  CHECK(parse_safetensors("f", bytes_of(safetensors_text(R"({"__metadata__":{}})"))).empty());
  CHECK(parse_safetensors("f", bytes_of(safetensors_text(R"({"__metadata__":{"format":"pt"}})"))).empty());
}

TEST_CASE("safetensors: tensors are found by name whatever their order in the header and the data") {
  std::string const file = safetensors_text(header_of({{"z", 5, 8}, {"a", 0, 3}, {"m", 3, 5}}), "aaammzzz");
  auto const tensors = parse_safetensors("f", bytes_of(file));
  REQUIRE(tensors.size() == 3);
  auto const text = [&](char const* name) {
    auto const found = tensors.find(name)->second.bytes;
    return std::string{reinterpret_cast<char const*>(found.data()), found.size()};
  };
  CHECK(text("a") == "aaa");
  CHECK(text("m") == "mm");
  CHECK(text("z") == "zzz");
  CHECK(tensors.find("m")->second.bytes.data() == bytes_of(file).data() + file.size() - 5);  // in place, not copied
}

TEST_CASE("safetensors: scalars and empty tensors have their place") {
  auto const scalar = safetensors_text(entry("F32", "[]", "[0,4]"), "abcd");
  CHECK(parse_safetensors("f", bytes_of(scalar)).at("t").shape.empty());
  auto const huge_but_empty = safetensors_text(entry("F32", "[0,1099511627776,1099511627776]", "[0,0]"));
  CHECK(parse_safetensors("f", bytes_of(huge_but_empty)).at("t").bytes.empty());
  auto const between = safetensors_text(
      header_of({{"a", 0, 4}, {"none", 4, 4}, {"b", 4, 8}, {"no", 0, 0}, {"end", 8, 8}, {"end2", 8, 8}}), "aaaabbbb");
  auto const tensors = parse_safetensors("f", bytes_of(between));
  CHECK(tensors.size() == 6);
  CHECK(tensors.at("none").bytes.empty());
  CHECK(tensors.at("none").shape == std::vector<std::size_t>{0});
}

TEST_CASE("safetensors: every dtype of whole bytes takes as many as its name says") {
  struct sized {
    char const* dtype;
    std::size_t bytes;
  };
  for (auto const [dtype, bytes] : {sized{"BOOL", 1},
                                    {"U8", 1},
                                    {"I8", 1},
                                    {"F8_E5M2", 1},
                                    {"F8_E4M3", 1},
                                    {"F8_E8M0", 1},
                                    {"F8_E4M3FNUZ", 1},
                                    {"F8_E5M2FNUZ", 1},
                                    {"I16", 2},
                                    {"U16", 2},
                                    {"F16", 2},
                                    {"BF16", 2},
                                    {"I32", 4},
                                    {"U32", 4},
                                    {"F32", 4},
                                    {"C64", 8},
                                    {"F64", 8},
                                    {"I64", 8},
                                    {"U64", 8}}) {
    CAPTURE(dtype);
    CHECK(safetensors_dtype_bytes(dtype) == bytes);
    std::string const data(3 * bytes, 'x');
    auto const file = safetensors_text(entry(dtype, "[3]", "[0," + std::to_string(3 * bytes) + "]"), data);
    CHECK(parse_safetensors("f", bytes_of(file)).at("t").bytes.size() == 3 * bytes);
  }
}

TEST_CASE("safetensors: a file on disk is mapped and one that cannot be read is named") {
  test::temporary_folder const folder;
  auto const path = folder.write("good.safetensors", safetensors_text(header_of({{"t", 0, 4}}), "data"));
  auto const file = open_safetensors(path);
  CHECK(std::memcmp(file.tensors.at("t").bytes.data(), "data", 4) == 0);
  CHECK(test::contains(test::message_of([&] { (void)open_safetensors(folder.path() / "none.safetensors"); }),
                       "none.safetensors: cannot be read"));
  CHECK(test::contains(test::message_of([&] { (void)open_safetensors(folder.path()); }), "cannot be read"));
  folder.write("empty.safetensors", "");
  CHECK(test::contains(test::message_of([&] { (void)open_safetensors(folder.path() / "empty.safetensors"); }),
                       "0 bytes"));
}

TEST_CASE("write_safetensors: what is written is read back") {
  test::temporary_folder const folder;
  std::vector<std::int64_t> const wide{-1, 1ll << 40};
  std::vector<float> const numbers{1.5f, -0.0f, std::numeric_limits<float>::infinity(), 1e-45f, 3, 4};
  std::vector<std::uint8_t> const narrow{0, 255, 7};
  std::vector<float> const nothing;
  std::string const raw = "bf";
  std::vector<tensor_to_write> const tensors{to_write("wide", wide, {2}),
                                             to_write("floats", numbers, {2, 1, 3}),
                                             to_write("empty", nothing, {0, 4}),
                                             {"raw \"\n\xc3\xa9", "BF16", {1}, std::as_bytes(std::span{raw})},
                                             to_write("narrow", narrow, {3})};
  write_safetensors(folder.path() / "x.safetensors", tensors);
  CHECK(folder.names() == std::vector<std::string>{"x.safetensors"});

  auto const file = open_safetensors(folder.path() / "x.safetensors");
  REQUIRE(file.tensors.size() == tensors.size());
  for (auto const& written : tensors) {
    CAPTURE(written.name);
    auto const& read = file.tensors.at(written.name);
    CHECK(read.dtype == written.dtype);
    CHECK(read.shape == written.shape);
    CHECK(std::ranges::equal(read.bytes, written.bytes));
  }
  auto const text = test::read_all(folder.path() / "x.safetensors");
  std::uint64_t length = 0;
  std::memcpy(&length, text.data(), 8);
  CHECK(length % 8 == 0);  // so that the data is aligned, widest numbers first
  CHECK(reinterpret_cast<std::uintptr_t>(file.tensors.at("wide").bytes.data()) % 8 == 0);
}

TEST_CASE("write_safetensors: no tensors make a file too") {
  test::temporary_folder const folder;
  write_safetensors(folder.path() / "x.safetensors", {});
  CHECK(open_safetensors(folder.path() / "x.safetensors").tensors.empty());
}
