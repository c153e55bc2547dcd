/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A writer of JSON (RFC 8259) that makes no tree: each value goes into a text as it comes, and
 * numbers keep every digit.
 *
 * The writer knows whether a comma is due, and nothing else of what surrounds a value: whoever
 * opens an object or an array ends it too. The text's `failed` tells when memory ran out.
 */
#ifndef USERNET_JSON_WRITE_H
#define USERNET_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

/* Start from {.out = &text}. */
struct json_write {
	struct text *out;
	bool comma; /* a comma is due before the next member or element */
};

/*
 * Write a member named @key into the open object. When @key is NULL, write an element of the open
 * array, or the whole value. Keys and strings are escaped: bytes that are not UTF-8 become U+FFFD,
 * and characters that a terminal must not be shown become \u202e and the like, which every reader
 * of JSON takes for the same character.
 */
void json_write_object(struct json_write *w, const char *key);
void json_write_array(struct json_write *w, const char *key);
void json_write_string(struct json_write *w, const char *key, const char *value);
void json_write_u64(struct json_write *w, const char *key, uint64_t value);
void json_write_bool(struct json_write *w, const char *key, bool value);

/* Write a value that is JSON already: @len bytes, as they are. */
void json_write_printed(struct json_write *w, const char *key, const char *json, size_t len);

void json_write_object_end(struct json_write *w);
void json_write_array_end(struct json_write *w);

/*
 * To take back an object or array that turns out to be empty: call json_write_mark() before it is
 * opened, json_write_is_empty() instead of its end, then json_write_undo().
 */
struct json_mark {
	size_t len;
	bool comma;
};
struct json_mark json_write_mark(const struct json_write *w);
void json_write_undo(struct json_write *w, struct json_mark mark);

/* Whether the innermost open object or array is empty. */
bool json_write_is_empty(const struct json_write *w);

/* Append text that is JSON already, with this writer's escapes in its strings. */
void json_write_escaped(struct text *out, const char *json);

#endif
