#ifndef HEADCOUNT_ADAPT_C_H
#define HEADCOUNT_ADAPT_C_H

/* headcount for C, and for whatever calls C: policies from sentences, decisions on plain buffers. Its functions are in
 * one source file, headcount/adapt/c.cpp, which whoever wants them compiles into a program or a shared library (C++20).
 * No exception crosses them. Policies never change: one may be used by several threads at once. */

#include <stddef.h>

#if defined(_WIN32)
#define HEADCOUNT_C_API
#else
#define HEADCOUNT_C_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* What a function returns. The words of the last error of this thread: headcount_message(). */
enum {
  HEADCOUNT_OK = 0,
  HEADCOUNT_BAD_ARGUMENT = 1, /* a null pointer, an unknown number format, buffers that do not fit */
  HEADCOUNT_BAD_SENTENCE = 2, /* the message says the column where it broke and what is allowed there */
  HEADCOUNT_BAD_SITE = 3,     /* the policy cannot work with such heads, or reads what is not here */
  HEADCOUNT_NO_MEMORY = 4
};

/* The number formats of buffers. */
enum { HEADCOUNT_FLOAT32 = 0, HEADCOUNT_FLOAT64 = 1, HEADCOUNT_FLOAT16 = 2, HEADCOUNT_BFLOAT16 = 3 };

enum { HEADCOUNT_PREFILL = 0, HEADCOUNT_GENERATION = 1 };

/* A policy: freed by headcount_free. */
typedef struct headcount_policy headcount_policy;

/* Where one decision is taken, as headcount::site is. */
typedef struct headcount_site {
  size_t layer;
  int phase;          /* HEADCOUNT_PREFILL or HEADCOUNT_GENERATION */
  size_t sequence_id; /* which sequence */
  size_t position;    /* of the query's token in its sequence, from 0 */
  size_t heads;       /* query heads of the layer, 1 to 256 */
  size_t group;       /* query heads that share a key/value head; 1 where each has its own */
} headcount_site;

/* Somebody's numbers, two axes of them; strides are counted in numbers. */
typedef struct headcount_matrix {
  void* data;
  int format; /* HEADCOUNT_FLOAT32, ... */
  size_t rows, columns;
  ptrdiff_t row_stride, column_stride;
} headcount_matrix;

/* The library's version, 10000 * major + 100 * minor + patch. */
HEADCOUNT_C_API unsigned headcount_version(void);

/* What went wrong in the last function of this thread that did not return HEADCOUNT_OK; one line, never null. */
HEADCOUNT_C_API char const* headcount_message(void);

/* A policy from its sentence, e.g. "entropy | top_k(5) @ generation". */
HEADCOUNT_C_API int headcount_parse(char const* sentence, headcount_policy** policy);

/* Frees a policy; null is let be. */
HEADCOUNT_C_API void headcount_free(headcount_policy* policy);

/* The heads that a policy keeps at a site: kept[head] becomes 1 or 0. `weights` are the site's attention rows,
 * [head, key], `outputs` its heads' outputs before the output projection, [head, dim]; what the scorer does not read
 * may be null. Policies that remember from token to token are refused. */
HEADCOUNT_C_API int headcount_decide(headcount_policy const* policy, headcount_site const* site,
                                     headcount_matrix const* weights, headcount_matrix const* outputs,
                                     unsigned char* kept);

/* What the policy's mask makes of the outputs, [head, dim], in place, of heads chosen before. Masks that let dropped
 * heads attend otherwise (streaming, uniform) are refused: they need values. */
HEADCOUNT_C_API int headcount_mask(headcount_policy const* policy, headcount_site const* site,
                                   unsigned char const* kept, headcount_matrix* outputs);

#ifdef __cplusplus
}
#endif

#endif
