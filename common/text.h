/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text that grows: what is printed and served is put together here, and what is received.
 *
 * A failure (out of memory) sticks: later appends do nothing, and whoever hands the text on looks
 * at `failed` once.
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

/* Room for len more bytes, for what reads into it: text_added() says how many came. NULL: the text
 * has failed. */
char *text_reserve(struct text *t, size_t len);
void text_added(struct text *t, size_t len);

/* Forget what is behind the first len bytes. */
void text_cut(struct text *t, size_t len);

void text_add(struct text *t, const char *s);
void text_add_bytes(struct text *t, const char *s, size_t len);
void text_add_u64(struct text *t, uint64_t value);
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What a terminal may be shown of foreign text: what is not seen there and bytes that are not UTF-8
 * become \x1b, \u202e or \U000e0001, and a backslash two: no two texts look the same. */
void text_add_printable(struct text *t, const char *s);

/* Columns that the text takes on a terminal, each character counting for one. */
size_t text_columns(const char *s);

/* 1536 as "1.5K": three significant digits at most, powers of 1024; into buf of 8 bytes. */
#define TEXT_HUMAN_MAX 8
const char *text_human(uint64_t value, char *buf);

/**
 * text_write() - write the whole text to a descriptor and reset it.
 *
 * Return: 0, or -1 CNI_ERR_IO. A reader that has gone away (EPIPE) is an error like others; the
 * caller finds it in errno.
 */
int text_write(struct text *t, int fd, struct cni_error *err);

#endif
