// runs: -fno-exceptions
// runs: -fno-exceptions -fno-rtti
// clang runs: -fno-exceptions -stdlib=libc++

// Engines without exceptions choose heads and are given mistakes as values; one that they did not ask for ends them
// with its sentence.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>

#include <headcount/headcount.hpp>

using namespace headcount;

int main() {
  float weights[] = {0.5f, 0.5f, 0.9f, 0.1f};
  strided_view<float const, 2> const rows{weights, {2, 2}};
  auto const policy = score::entropy{} | select::top_k{1} | mask::zero{};
  auto const kept = decide(policy, site{.heads = 2}, [&](std::size_t head) { return rows[head]; });
  if (!kept.contains(1) || kept.contains(0)) return 1;

  float outputs[] = {1, 2};
  sparsify(policy, {}, as_tensor(weights, {1, 2, 1, 2}), as_tensor(outputs, {1, 1, 2, 1}));
  if (outputs[0] != 0 || outputs[1] != 2) return 2;

  auto const read = parse_policy("entropy | top_k(1) @ generation");
  if (!decide(read, site{.heads = 2}, [&](std::size_t head) { return rows[head]; }).contains(1)) return 3;

  // What parse_policy and validate would throw.
  for (auto const& [text, told] : {
           std::pair{"entropy | top_k(", "column 17: "},
           std::pair{"entropy", "a scorer is followed by \"|\" and a selector"},
           std::pair{"entropi | top_k(1)", "did you mean entropy?"},
           std::pair{"entropy | top_k(-1)", "no value for k of top_k"},
           std::pair{"entropy | top_k(1) | zero(bias=maybe)", "column 32: "},
           std::pair{"ema(0.5, ema(2, entropy)) | top_k(1)", "column 14: decay of ema = 2 is out of range"},
           std::pair{"entropy | top_k(k=1, k=2)", "k is given twice"},
           std::pair{"entropy | top_k(1) @ generation, layers=2-x", "no layer or range of layers"},
           std::pair{"fixed(heads.json) | top_k(1)", "nothing here reads such files"},
       }) {
    auto const read_wrong = read_policy(text);
    if (read_wrong || read_wrong.mistake() == nullptr) return 4;
    if (std::string_view{read_wrong.mistake()->what()}.find(told) == std::string_view::npos) {
      std::printf("%s\n", read_wrong.mistake()->what());
      return 5;
    }
  }
  auto const told = [](std::optional<error> const& found, std::string_view what) {
    return found && std::string_view{found->what()}.find(what) != std::string_view::npos;
  };
  if (read_edits("omit(3) @ generation, heads=x").mistake() == nullptr) return 6;
  if (!read_edits("omit(3); null @ prefill") || !read_policy("entropy | top_k(1) | zero @ all, layers=1")) return 7;
  if (find_mistake(read, site{.heads = 2})) return 8;
  if (!told(find_mistake(read, site{.heads = 0}), "site::heads is 0")) return 9;
  if (!told(find_mistake(parse_policy("ema(0.5, entropy) | top_k(3)"), site{.layer = 4, .heads = 2}),
            "layer 4 has 2 heads"))
    return 10;
  if (!told(find_missing_reading(parse_policy("gate | top_k(1)"), reading::row, "rows"), "reads gates")) return 11;

  std::signal(SIGABRT, [](int) { std::_Exit(0); });
  (void)parse_policy("entropy | top_k(");  // ends here
  return 12;
}
