/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json_write.h"

#include <string.h>

#include "utf8.h"

/* Write a character as \uXXXX; JSON has two of these, a surrogate pair, for one beyond U+FFFF. */
static void write_escape(struct text *out, uint32_t code)
{
	if (code > 0xffff) {
		text_printf(out, "\\u%04x", 0xd7c0 + (code >> 10));
		code = 0xdc00 + (code & 0x3ff);
	}
	text_printf(out, "\\u%04x", code);
}

/* Write one character of s. Return: the bytes that it has in s. */
static size_t write_character(struct text *out, const char *s)
{
	const size_t len = utf8_length(s, strnlen(s, 4));

	if (len == 0)
		text_add(out, UTF8_REPLACEMENT);
	else if (utf8_is_seen(s, len))
		text_add_bytes(out, s, len);
	else
		write_escape(out, utf8_code_point(s, len));
	return len > 0 ? len : 1;
}

/* The ASCII characters that need no escape in JSON and on a terminal. */
static const bool plain[256] = {
	[' '] = true,
	['!'] = true,
	['#' ... '['] = true,
	[']' ... '~'] = true,
};

/* How many of them s begins with. */
static size_t plain_run(const char *s)
{
	size_t run = 0;

	while (plain[(unsigned char)s[run]])
		run++;
	return run;
}

static void write_quoted(struct text *out, const char *s)
{
	const size_t all = plain_run(s);
	char *p;

	/* Nearly all keys and values are plain, and a link has hundreds of them. */
	if (s[all] == '\0') {
		p = text_reserve(out, all + 2);
		if (p == NULL)
			return;
		p[0] = '"';
		memcpy(p + 1, s, all);
		p[1 + all] = '"';
		text_added(out, all + 2);
		return;
	}
	text_add_bytes(out, "\"", 1);
	while (*s != '\0') {
		const size_t run = plain_run(s);

		text_add_bytes(out, s, run);
		s += run;
		if (*s == '"' || *s == '\\') {
			const char pair[2] = {'\\', *s++};

			text_add_bytes(out, pair, 2);
		} else if (*s != '\0') {
			s += write_character(out, s);
		}
	}
	text_add_bytes(out, "\"", 1);
}

/* Write what stands before a value: a comma where one is due, and the key. */
static void begin_value(struct json_write *w, const char *key)
{
	if (w->comma)
		text_add_bytes(w->out, ",", 1);
	w->comma = true;
	if (key != NULL) {
		write_quoted(w->out, key);
		text_add_bytes(w->out, ":", 1);
	}
}

static void open_value(struct json_write *w, const char *key, const char *bracket)
{
	begin_value(w, key);
	text_add_bytes(w->out, bracket, 1);
	w->comma = false;
}

static void close_value(struct json_write *w, const char *bracket)
{
	text_add_bytes(w->out, bracket, 1);
	w->comma = true;
}

void json_write_object(struct json_write *w, const char *key)
{
	open_value(w, key, "{");
}

void json_write_array(struct json_write *w, const char *key)
{
	open_value(w, key, "[");
}

void json_write_object_end(struct json_write *w)
{
	close_value(w, "}");
}

void json_write_array_end(struct json_write *w)
{
	close_value(w, "]");
}

void json_write_string(struct json_write *w, const char *key, const char *value)
{
	begin_value(w, key);
	write_quoted(w->out, value);
}

void json_write_u64(struct json_write *w, const char *key, uint64_t value)
{
	begin_value(w, key);
	text_add_u64(w->out, value);
}

void json_write_bool(struct json_write *w, const char *key, bool value)
{
	begin_value(w, key);
	text_add(w->out, value ? "true" : "false");
}

void json_write_printed(struct json_write *w, const char *key, const char *json, size_t len)
{
	begin_value(w, key);
	text_add_bytes(w->out, json, len);
}

struct json_mark json_write_mark(const struct json_write *w)
{
	return (struct json_mark){.len = w->out->len, .comma = w->comma};
}

void json_write_undo(struct json_write *w, struct json_mark mark)
{
	text_cut(w->out, mark.len);
	w->comma = mark.comma;
}

bool json_write_is_empty(const struct json_write *w)
{
	return !w->comma;
}

void json_write_escaped(struct text *out, const char *json)
{
	while (*json != '\0') {
		/* White space between values, quotes, and escapes that are there already stay. */
		const size_t run = *json == '\n' || *json == '\t' || *json == '"' || *json == '\\'
					   ? 1
					   : plain_run(json);

		text_add_bytes(out, json, run);
		json += run > 0 ? run : write_character(out, json);
	}
}
