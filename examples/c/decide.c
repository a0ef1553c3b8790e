/* Which heads does a policy keep, and what is left of their outputs: from C, on plain buffers.
 *
 *     c++ -std=c++20 -c -I include include/headcount/adapt/c.cpp -o headcount_c.o
 *     cc -I include -c examples/c/decide.c && c++ decide.o headcount_c.o -o decide
 */
#include <stdio.h>

#include <headcount/adapt/c.h>

int main(void) {
  float weights[2][2] = {{0.5f, 0.5f}, {0.9f, 0.1f}}; /* [head, key] */
  float outputs[2][2] = {{1, 2}, {3, 4}};             /* [head, dim] */
  headcount_matrix const rows = {weights, HEADCOUNT_FLOAT32, 2, 2, 2, 1};
  headcount_matrix values = {outputs, HEADCOUNT_FLOAT32, 2, 2, 2, 1};
  headcount_site const site = {0, HEADCOUNT_GENERATION, 0, 1, 2, 1};
  unsigned char kept[2];
  headcount_policy* policy;

  if (headcount_parse("entropi | top_k(1)", &policy) != HEADCOUNT_OK) printf("%s\n", headcount_message());
  if (headcount_parse("entropy | top_k(1)", &policy) != HEADCOUNT_OK ||
      headcount_decide(policy, &site, &rows, NULL, kept) != HEADCOUNT_OK ||
      headcount_mask(policy, &site, kept, &values) != HEADCOUNT_OK) {
    printf("%s\n", headcount_message());
    return 1;
  }
  printf("kept: %d %d; outputs: %g %g, %g %g\n", kept[0], kept[1], outputs[0][0], outputs[0][1], outputs[1][0],
         outputs[1][1]);
  headcount_free(policy);
  return 0;
}
