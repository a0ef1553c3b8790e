#include <algorithm>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/file/write_safetensors.hpp>
#include <headcount/reference/checkpoint/checkpoint.hpp>
#include <headcount/reference/checkpoint/model_identity.hpp>

#include <unit/reference/support/files.hpp>

using namespace headcount::reference;

namespace {

struct named {
  std::string name, dtype;
  std::vector<std::size_t> shape;
  std::string bytes;
};

void write_shard(test::temporary_folder const& folder, std::string const& file, std::vector<named> const& tensors) {
  std::vector<tensor_to_write> all;
  for (auto const& one : tensors) all.push_back({one.name, one.dtype, one.shape, std::as_bytes(std::span{one.bytes})});
  write_safetensors(folder.path() / file, all);
}

std::string text_of_weights(weights const& from) {
  return {reinterpret_cast<char const*>(from.data), from.size() * bytes_of(from.type)};
}

std::string message_of_opening(test::temporary_folder const& folder) {
  return test::message_of([&] { checkpoint{folder.path()}; });
}

named const a{"a", "F32", {2}, "aaaaAAAA"};
named const b{"b", "BF16", {1, 3}, "bbbbbb"};
named const c{"c", "F16", {2}, "cccc"};
char const* const index_name = "model.safetensors.index.json";

}  // namespace

TEST_CASE("checkpoint: tensors of one file are taken by name and shape in their own format") {
  test::temporary_folder const folder;
  write_shard(folder, "model.safetensors", {a, b, c});
  checkpoint files{folder.path()};
  for (auto const& [tensor, type] : {std::pair{a, dtype::float32}, {b, dtype::bfloat16}, {c, dtype::float16}}) {
    auto const taken = files.take(tensor.name, tensor.shape);
    CHECK(taken.type == type);
    CHECK(taken.shape == tensor.shape);
    CHECK(text_of_weights(taken) == tensor.bytes);
  }
  CHECK_NOTHROW(files.require_all_taken());
  CHECK(files.tensors().size() == 3);
}

TEST_CASE("checkpoint: what is missing or misshapen or of another dtype is named") {
  test::temporary_folder const folder;
  write_shard(folder, "model.safetensors", {{"ids", "I64", {1}, "12345678"}, a, b});
  checkpoint files{folder.path()};
  auto const name = folder.path().string();
  CHECK(test::message_of([&] { (void)files.take("z", {1}); }) == name + ": the tensor \"z\" is missing");
  CHECK(test::message_of([&] { (void)files.take("a", {2, 1}); }) ==
        name + ", tensor \"a\": its shape is [2], the configuration asks for [2, 1]");
  CHECK(test::message_of([&] { (void)files.take("b", {3}); }) ==
        name + ", tensor \"b\": its shape is [1, 3], the configuration asks for [3]");
  CHECK(test::message_of([&] { (void)files.take("ids", {1}); }) ==
        name + ", tensor \"ids\": weights of dtype I64 cannot be run (allowed: F32, BF16, F16)");
}

TEST_CASE("checkpoint: tensors that nobody took are named but for known copies") {
  test::temporary_folder const folder;
  write_shard(folder, "model.safetensors", {a, b, {"layers.0.rotary_emb.inv_freq", "F32", {1}, "...."}});
  checkpoint files{folder.path()};
  CHECK(test::contains(test::message_of([&] { files.require_all_taken(); }), "unknown tensors: \"a\", \"b\" (allowed"));
  (void)files.take("a", {2});
  CHECK(test::contains(test::message_of([&] { files.require_all_taken(); }), "unknown tensors: \"b\""));
  (void)files.take("b", {1, 3});
  CHECK_NOTHROW(files.require_all_taken());

  std::vector<named> many;
  for (char letter = 'a'; letter <= 'h'; ++letter) many.push_back({{letter}, "F32", {0}, ""});
  write_shard(folder, "model.safetensors", many);
  CHECK(test::contains(test::message_of([&] { checkpoint{folder.path()}.require_all_taken(); }), "\"e\" and 3 more"));
}

TEST_CASE("checkpoint: data that is not aligned for its numbers is copied") {
  test::temporary_folder const folder;
  // One byte before the floats: no reader may rely on a writer's padding.
  folder.write("model.safetensors", test::safetensors_text(R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                                                           R"("a":{"dtype":"F32","shape":[2],"data_offsets":[1,9]},)"
                                                           R"("b":{"dtype":"BF16","shape":[1],"data_offsets":[9,11]}})",
                                                           std::string("x\0\0\x80\x3f\0\0\0\xc0\x80\x3f", 11)));
  checkpoint files{folder.path()};
  auto const floats = files.take("a", {2});
  auto const half = files.take("b", {1});
  CHECK(reinterpret_cast<std::uintptr_t>(floats.data) % 4 == 0);
  CHECK(reinterpret_cast<std::uintptr_t>(half.data) % 2 == 0);
  CHECK(widen_all(floats) == std::vector<float>{1.0f, -2.0f});
  CHECK(widen_all(half) == std::vector<float>{1.0f});
}

TEST_CASE("checkpoint: what was taken lives as long as what is kept") {
  test::temporary_folder const folder;
  write_shard(folder, "model.safetensors", {a});
  std::shared_ptr<void const> kept;
  weights taken;
  {
    checkpoint files{folder.path()};
    taken = files.take("a", {2});
    kept = files.kept();
  }
  CHECK(text_of_weights(taken) == a.bytes);
}

TEST_CASE("checkpoint: shards make one model and one file goes before an index") {
  test::temporary_folder const folder;
  write_shard(folder, "one.safetensors", {a, c});
  write_shard(folder, "two.safetensors", {b});
  folder.write(index_name, R"({"metadata": {"total_size": 18},
    "weight_map": {"a": "one.safetensors", "b": "two.safetensors", "c": "one.safetensors"}})");
  checkpoint files{folder.path()};
  for (auto const& tensor : {a, b, c}) CHECK(text_of_weights(files.take(tensor.name, tensor.shape)) == tensor.bytes);
  CHECK_NOTHROW(files.require_all_taken());

  write_shard(folder, "model.safetensors", {a});
  CHECK(checkpoint{folder.path()}.tensors().size() == 1);
}

TEST_CASE("checkpoint: a folder without weights is named") {
  test::temporary_folder const folder;
  CHECK(test::contains(message_of_opening(folder),
                       folder.path().string() + ": no weights found (allowed: model.safetensors"));
  folder.write("adapter_model.safetensors", "");
  CHECK(test::contains(message_of_opening(folder), "it is an adapter, not yet merged into its model"));
  folder.write("pytorch_model.bin", "");
  CHECK(test::contains(message_of_opening(folder), "its weights are PyTorch's, which are not read"));
  for (auto const* name : {"model.safetensors.index.json", "model.safetensors"}) {
    std::filesystem::create_symlink("../../blobs/x", folder.path() / name);
    CHECK(test::contains(message_of_opening(folder),
                         std::string{name} + ": it is a link to ../../blobs/x, and nothing is there"));
  }
}

TEST_CASE("checkpoint: an index that does not fit its shards is refused") {
  struct wrong {
    std::string index, says;
  };
  test::temporary_folder const folder;
  write_shard(folder, "one.safetensors", {a});
  write_shard(folder, "two.safetensors", {b});
  write_shard(folder, "both.safetensors", {a, b});
  folder.write("broken.safetensors", "not a tensor in sight");
  for (auto const& [index, says] : std::vector<wrong>{
           {"[]", "index.json: it has no weight_map"},
           {"{}", "it has no weight_map"},
           {R"({"weight_map": {}})", "it has no weight_map"},
           {R"({"weight_map": ["one.safetensors"]})", "it has no weight_map"},
           {R"({"weight_map": )", "index.json: malformed JSON"},
           {R"({"weight_map": {"a": 1}})", "tensor \"a\" is in 1 (allowed: the name of a file in the same folder)"},
           {R"({"weight_map": {"a": "../one.safetensors"}})", "tensor \"a\" is in \"../one.safetensors\""},
           {R"({"weight_map": {"a": "/etc/passwd"}})", "tensor \"a\" is in \"/etc/passwd\""},
           {R"({"weight_map": {"a": "sub/one.safetensors"}})", "tensor \"a\" is in \"sub/one.safetensors\""},
           {R"({"weight_map": {"a": ".."}})", "tensor \"a\" is in \"..\""},
           {R"({"weight_map": {"a": "."}})", "tensor \"a\" is in \".\""},
           {R"({"weight_map": {"a": ""}})", "cannot be read"},
           {R"({"weight_map": {"a": "three.safetensors"}})", "three.safetensors: cannot be read"},
           {R"({"weight_map": {"a": "broken.safetensors"}})", "broken.safetensors: not a safetensors file"},
           {R"({"weight_map": {"a": "one.safetensors", "a": "two.safetensors"}})", "the key \"a\" is there twice"},
           {R"({"weight_map": {"z": "one.safetensors"}})", "one.safetensors: the tensor \"z\" is not in it"},
           {R"({"weight_map": {"a": "two.safetensors", "b": "one.safetensors"}})",
            "one.safetensors: the tensor \"b\" is not in it"},
           {R"({"weight_map": {"a": "one.safetensors", "b": "both.safetensors"}})",
            "the tensor \"a\" is in another shard too"}}) {
    folder.write(index_name, index);
    auto const message = message_of_opening(folder);
    CHECK_MESSAGE(test::contains(message, says), message);
  }
}

TEST_CASE("model_identity: of weights, sharding does not change it") {
  test::temporary_folder const whole;
  test::temporary_folder const sharded;
  write_shard(whole, "model.safetensors", {a, b, c});
  write_shard(sharded, "one.safetensors", {c, a});
  write_shard(sharded, "two.safetensors", {b});
  sharded.write(index_name,
                R"({"weight_map": {"a": "one.safetensors", "b": "two.safetensors", "c": "one.safetensors"}})");
  auto const identity = weights_identity(checkpoint{whole.path()}.tensors());
  CHECK(identity.size() == 32);
  CHECK(identity.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(weights_identity(checkpoint{sharded.path()}.tensors()) == identity);
}

TEST_CASE("model_identity: of weights, a byte of a weight and a name and a dtype and a shape each change it") {
  test::temporary_folder const folder;
  auto const of = [&](std::vector<named> const& tensors) {
    write_shard(folder, "model.safetensors", tensors);
    return weights_identity(checkpoint{folder.path()}.tensors());
  };
  auto const first = of({a, b, c});
  CHECK(of({a, b, c}) == first);
  CHECK(of({c, b, a}) == first);  // the order in the file is not part of it
  std::vector<std::string> all{first, of({a, b}), of({})};
  for (std::size_t byte = 0; byte < b.bytes.size(); ++byte) {
    auto changed = b;
    changed.bytes[byte] ^= 1;
    all.push_back(of({a, changed, c}));
  }
  all.push_back(of({{"A", "F32", {2}, a.bytes}, b, c}));
  all.push_back(of({{"a", "I32", {2}, a.bytes}, b, c}));
  all.push_back(of({{"a", "F32", {1, 2}, a.bytes}, b, c}));
  all.push_back(of({{"a", "F32", {2}, c.bytes + c.bytes}, b, {"c", "F16", {2}, "aaaa"}}));
  std::sort(all.begin(), all.end());
  CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
}

TEST_CASE("model_identity: files that change what it says count, its folder's name and other files do not") {
  test::temporary_folder const folder;
  write_shard(folder, "model.safetensors", {a, b});
  folder.write("config.json", "{}");
  auto const identity = [](std::filesystem::path const& path) {
    return model_identity(path, checkpoint{path}.tensors());
  };
  auto const first = identity(folder.path());
  test::temporary_folder const other;
  std::filesystem::copy(folder.path(), other.path() / "renamed");
  CHECK(identity(other.path() / "renamed") == first);
  folder.write("README.md", "about it");
  CHECK(identity(folder.path()) == first);

  std::vector<std::string> all{first};
  for (std::string const name :
       {"config.json", "generation_config.json", "tokenizer.model", "tokenizer.json", "tokenizer_config.json",
        "special_tokens_map.json", "added_tokens.json", "chat_template.jinja", "chat_template.json"}) {
    for (auto const* text : {"{\"a\": 1}", "{\"a\": 2}"}) {
      folder.write(name, text);
      all.push_back(identity(folder.path()));
    }
    if (name == "config.json") folder.write(name, "{}");
    else std::filesystem::remove(folder.path() / name);
    CHECK(identity(folder.path()) == first);
  }
  write_shard(folder, "model.safetensors", {a, c});
  all.push_back(identity(folder.path()));
  std::sort(all.begin(), all.end());
  CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
}
