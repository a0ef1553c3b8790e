// Two libraries that each use headcount, in a program that uses it too: they decide alike, and what one throws is
// caught by its type here.
#include <headcount/headcount.hpp>

extern "C" int choose_one(float const* weights, std::size_t heads);
extern "C" int choose_two(float const* weights, std::size_t heads);

int main() {
  float const weights[] = {0.5f, 0.5f, 0.9f, 0.1f, 0.6f, 0.4f};
  if (choose_one(weights, 3) != 1 || choose_two(weights, 3) != 1) return 1;
  for (auto* const choose : {choose_one, choose_two}) try {
      choose(weights, 0);
      return 2;
    } catch (headcount::error const&) {
    }
  return 0;
}
