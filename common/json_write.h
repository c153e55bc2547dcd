/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON (RFC 8259), written as it comes: into a text, without a tree, numbers to the last digit.
 *
 * Of what a value is in, the writer knows whether a comma is due, and nothing else: whoever opens
 * an object or an array ends it, too. Memory that runs out is told by the text (`failed`).
 */
#ifndef USERNET_JSON_WRITE_H
#define USERNET_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

/* {.out = &text}: what follows is the first value there. */
struct json_write {
	struct text *out;
	bool comma; /* is due before the next member or element */
};

/*
 * A member named @key of the object that is open, or with NULL an element of the array that is open
 * (or the whole value). Keys and strings are escaped: bytes that are not UTF-8 become U+FFFD, and
 * what a terminal must not be shown becomes \u202e and the like, which says the same to every
 * reader of JSON.
 */
void json_write_object(struct json_write *w, const char *key);
void json_write_array(struct json_write *w, const char *key);
void json_write_string(struct json_write *w, const char *key, const char *value);
void json_write_u64(struct json_write *w, const char *key, uint64_t value);
void json_write_bool(struct json_write *w, const char *key, bool value);

/* A value that is printed already, @len bytes, as they are. */
void json_write_printed(struct json_write *w, const char *key, const char *json, size_t len);

void json_write_object_end(struct json_write *w);
void json_write_array_end(struct json_write *w);

/*
 * To take back what turns out to have nothing in it: json_write_mark() before it is opened,
 * json_write_is_empty() where it would be ended, json_write_undo().
 */
struct json_mark {
	size_t len;
	bool comma;
};
struct json_mark json_write_mark(const struct json_write *w);
void json_write_undo(struct json_write *w, struct json_mark mark);

/* Whether the innermost object or array that is open has nothing in it. */
bool json_write_is_empty(const struct json_write *w);

/* JSON that is printed already, with the escapes of this writer in its strings. */
void json_write_escaped(struct text *out, const char *json);

#endif
