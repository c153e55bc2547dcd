/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzz targets share. A target is one function over the real parser; it says what must be
 * true of every result with PROMISE(). The same object is driven by libFuzzer (`make fuzz`) and by
 * replay.c, which runs it over the seeds and the inputs that once broke something (`make check`).
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property of the code under test; that it does not hold is a finding. */
#define PROMISE(condition)                                               \
	do {                                                             \
		if (!(condition))                                        \
			fuzz_broken(__FILE__, __LINE__, #condition, ""); \
	} while (0)
/* The same, and what it was about. */
#define PROMISE_OF(condition, text)                                        \
	do {                                                               \
		if (!(condition))                                          \
			fuzz_broken(__FILE__, __LINE__, #condition, text); \
	} while (0)

_Noreturn void fuzz_broken(const char *file, int line, const char *condition, const char *text);

/*
 * An input is taken apart from the front. What is handed out is a copy in an allocation of exactly
 * its length, so that a byte read too far is seen.
 */
struct input {
	const uint8_t *at;
	size_t left;
};

/* 0 at the end. */
uint8_t input_byte(struct input *input);
/*
 * All that is left, as a socket would have given it: aligned, and with a page behind it that cannot
 * be read, for libraries that no sanitizer looks into. Static storage.
 */
void *input_datagram(struct input *input, size_t *len);
/* Up to a NUL or the end, terminated; the caller's. */
char *input_text(struct input *input);
/* All that is left, not terminated; the caller's. */
char *input_rest(struct input *input, size_t *len);
/* All that is left, up to a NUL, terminated; the caller's. */
char *input_last_text(struct input *input);

/* An environment variable, up to a NUL; "-": it is not set. */
void input_variable(struct input *input, const char *name);

/* An object of all that is left; NULL when json_parse() refuses it. */
cJSON *input_json(struct input *input);

/* What a function with an error object promises: 0 or more and no error, or -1 and a whole one. */
void fuzz_check_outcome(int value, const struct cni_error *err);
void fuzz_check_error(const struct cni_error *err);

/* The text is one JSON value in UTF-8. */
void fuzz_check_json(const char *text, size_t len);

/* UTF-8 without control characters, but for newlines. */
void fuzz_check_printable(const char *text);

/* Equal to the last bit of a number and in the order of members. */
bool fuzz_same(const cJSON *a, const cJSON *b);

/* Print, and check what was printed; the caller's. */
char *fuzz_print(const cJSON *json);

/* A directory of this process's own, in memory; a file in it, made anew. */
const char *fuzz_dir(void);
void fuzz_write_file(const char *path, const void *data, size_t len);

#endif
