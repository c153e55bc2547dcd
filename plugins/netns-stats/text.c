// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Text that grows, and the three escapes that its readers want: JSON (RFC 8259), Prometheus labels
 * (exposition format 0.0.4: backslash, quote and newline; OpenMetrics 1.0 the same, and both want
 * UTF-8), terminals.
 *
 * The kernel allows nearly any byte in an interface name, and any byte but NUL in a path, so
 * nothing here trusts its input to be UTF-8.
 */
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "utf8.h"

#define TEXT_FIRST 4096

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

void text_free(struct text *t)
{
	free(t->data);
	*t = (struct text){0};
}

void text_reset(struct text *t)
{
	t->len = 0;
	t->failed = false;
	if (t->data)
		t->data[0] = '\0';
}

/* Room for len more bytes and a NUL. */
static bool reserve(struct text *t, size_t len)
{
	size_t size = t->size ? t->size : TEXT_FIRST;
	char *data;

	if (t->failed)
		return false;
	if (t->len + len < t->size)
		return true;
	while (size <= t->len + len) {
		if (size > SIZE_MAX / 2) {
			t->failed = true;
			return false;
		}
		size *= 2;
	}
	data = realloc(t->data, size);
	if (!data) {
		t->failed = true;
		return false;
	}
	t->data = data;
	t->size = size;
	return true;
}

void text_add_bytes(struct text *t, const char *s, size_t len)
{
	if (!reserve(t, len))
		return;
	memcpy(t->data + t->len, s, len);
	t->len += len;
	t->data[t->len] = '\0';
}

void text_add(struct text *t, const char *s)
{
	text_add_bytes(t, s, strlen(s));
}

void text_add_u64(struct text *t, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	text_add_bytes(t, digits + at, sizeof(digits) - at);
}

void text_printf(struct text *t, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0 || !reserve(t, (size_t)len)) {
		t->failed = true;
		return;
	}
	va_start(args, fmt);
	vsnprintf(t->data + t->len, (size_t)len + 1, fmt, args);
	va_end(args);
	t->len += (size_t)len;
}

/* As JSON has characters by number: beyond U+FFFF as two halves. */
static void add_json_escape(struct text *t, uint32_t code)
{
	if (code > 0xffff) {
		text_printf(t, "\\u%04x", 0xd7c0 + (code >> 10));
		code = 0xdc00 + (code & 0x3ff);
	}
	text_printf(t, "\\u%04x", code);
}

/* One character of s; returns the bytes it took. */
static size_t add_json_character(struct text *t, const char *s)
{
	const size_t len = utf8_length(s, strnlen(s, 4));

	if (!len)
		text_add(t, replacement);
	else if (utf8_is_seen(s, len))
		text_add_bytes(t, s, len);
	else
		add_json_escape(t, utf8_code_point(s, len));
	return len ? len : 1;
}

/* How many bytes at s are characters of ASCII that JSON and terminals take as they are. */
static size_t plain_run(const char *s)
{
	size_t run = 0;

	while ((unsigned char)s[run] >= 0x20 && (unsigned char)s[run] < 0x7f && s[run] != '"' &&
	       s[run] != '\\')
		run++;
	return run;
}

void text_add_json(struct text *t, const char *s)
{
	text_add_bytes(t, "\"", 1);
	while (*s) {
		/* The common case by the run, not by the byte. */
		const size_t run = plain_run(s);

		text_add_bytes(t, s, run);
		s += run;
		if (*s == '"' || *s == '\\') {
			const char pair[2] = {'\\', *s++};

			text_add_bytes(t, pair, 2);
		} else if (*s) {
			s += add_json_character(t, s);
		}
	}
	text_add_bytes(t, "\"", 1);
}

void text_add_json_text(struct text *t, const char *json)
{
	while (*json) {
		/* Space between values, and what the strings have as they should. */
		const size_t run = *json == '\n' || *json == '\t' || *json == '"' || *json == '\\'
					   ? 1
					   : plain_run(json);

		text_add_bytes(t, json, run);
		json += run ? run : add_json_character(t, json);
	}
}

void text_add_label(struct text *t, const char *name, const char *value)
{
	text_add(t, name);
	text_add_bytes(t, "=\"", 2);
	while (*value) {
		if (*value == '\n') {
			text_add_bytes(t, "\\n", 2);
			value++;
		} else if (*value == '"' || *value == '\\') {
			const char pair[2] = {'\\', *value++};

			text_add_bytes(t, pair, 2);
		} else {
			const size_t len = utf8_length(value, strnlen(value, 4));

			if (len)
				text_add_bytes(t, value, len);
			else
				text_add(t, replacement);
			value += len ? len : 1;
		}
	}
	text_add_bytes(t, "\"", 1);
}

void text_add_printable(struct text *t, const char *s)
{
	for (size_t len; *s; s += len ? len : 1) {
		len = utf8_length(s, strnlen(s, 4));
		if (*s == '\\')
			text_add(t, "\\\\");
		else if (len && utf8_is_seen(s, len))
			text_add_bytes(t, s, len);
		else if (len <= 1)
			text_printf(t, "\\x%02x", (unsigned char)*s);
		else
			text_printf(t, len == 4 ? "\\U%08x" : "\\u%04x", utf8_code_point(s, len));
	}
}

size_t text_columns(const char *s)
{
	size_t columns = 0;

	for (; *s; s++)
		columns += ((unsigned char)*s & 0xc0) != 0x80;
	return columns;
}

const char *text_human(uint64_t value, char *buf)
{
	static const char units[] = "KMGTPE";
	double scaled = (double)value / 1024;
	size_t unit = 0;

	if (value < 1024) {
		snprintf(buf, TEXT_HUMAN_MAX, "%u", (unsigned int)value);
		return buf;
	}
	/* 999.5 and up would round to four digits. */
	while (scaled >= 999.5 && unit < 5) {
		scaled /= 1024;
		unit++;
	}
	snprintf(buf, TEXT_HUMAN_MAX, scaled < 9.95 ? "%.1f%c" : "%.0f%c", scaled, units[unit]);
	return buf;
}

int text_write(struct text *t, int fd, struct cni_error *err)
{
	size_t done = 0;

	if (t->failed)
		return cni_error_nomem(err);
	while (done < t->len) {
		const ssize_t n = write(fd, t->data + done, t->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cni_error_errno(err, CNI_ERR_IO, "cannot write the output");
		done += (size_t)n;
	}
	text_reset(t);
	return 0;
}
