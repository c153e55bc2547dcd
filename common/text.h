/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A text that grows. What is printed, served or received is collected in one.
 *
 * A failure (out of memory) is kept: later appends do nothing, and whoever uses the text in the end
 * checks `failed` once.
 */
#ifndef USERNET_TEXT_H
#define USERNET_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct text {
	char *data; /* terminated whenever it is not NULL */
	size_t len;
	size_t size;
	bool failed;
};

void text_free(struct text *t);
#define cleanup_text __attribute__((cleanup(text_free)))

/* Forget the contents, keep the memory. */
void text_reset(struct text *t);

/* Make room for @len more bytes, for a caller that reads into it; text_added() then says how many
 * bytes came. Return: where they go, or NULL when the text has failed. */
char *text_reserve(struct text *t, size_t len);
void text_added(struct text *t, size_t len);

/* Forget everything behind the first @len bytes. */
void text_cut(struct text *t, size_t len);

/* Append. @value is written as decimal digits. */
void text_add(struct text *t, const char *s);
void text_add_bytes(struct text *t, const char *s, size_t len);
void text_add_u64(struct text *t, uint64_t value);
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Append foreign text as a terminal may be shown it. Characters that are not seen there and bytes
 * that are not UTF-8 become \x1b, \u202e or \U000e0001, and a backslash becomes two, so that no two
 * texts look the same. */
void text_add_printable(struct text *t, const char *s);

/* The columns that the text takes on a terminal, where each character counts for one. */
size_t text_columns(const char *s);

/* 1536 as "1.5K": three significant digits at most, powers of 1024; into buf of 8 bytes. */
#define TEXT_HUMAN_MAX 8
const char *text_human(uint64_t value, char *buf);

/**
 * text_write() - write the whole text to a descriptor and reset it.
 *
 * Return: 0, or -1 CNI_ERR_IO. A reader that has gone away is an error like others; errno is then
 * EPIPE.
 */
int text_write(struct text *t, int fd, struct cni_error *err);

#endif
