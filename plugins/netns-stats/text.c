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

/* One character of s, as it is or replaced; returns the bytes it took. */
static size_t add_utf8(struct text *t, const char *s, const char *instead)
{
	const size_t len = utf8_length(s, strnlen(s, 4));

	if (!len) {
		text_add(t, instead);
		return 1;
	}
	text_add_bytes(t, s, len);
	return len;
}

void text_add_json(struct text *t, const char *s)
{
	text_add_bytes(t, "\"", 1);
	while (*s) {
		const unsigned char c = (unsigned char)*s;

		/* The common case by the run, not by the byte. */
		if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
			size_t run = 1;

			while ((unsigned char)s[run] >= 0x20 && (unsigned char)s[run] < 0x80 &&
			       s[run] != '"' && s[run] != '\\')
				run++;
			text_add_bytes(t, s, run);
			s += run;
		} else if (c == '"' || c == '\\') {
			const char pair[2] = {'\\', *s++};

			text_add_bytes(t, pair, 2);
		} else if (c < 0x20) {
			text_printf(t, "\\u%04x", c);
			s++;
		} else {
			s += add_utf8(t, s, replacement);
		}
	}
	text_add_bytes(t, "\"", 1);
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
			value += add_utf8(t, value, replacement);
		}
	}
	text_add_bytes(t, "\"", 1);
}

/* Of a whole character. C1 controls (U+0080 to U+009F) too: some terminals take them for escape
 * sequences. */
static bool is_control(const char *s)
{
	const unsigned char *c = (const unsigned char *)s;

	return c[0] < 0x20 || c[0] == 0x7f || (c[0] == 0xc2 && c[1] < 0xa0);
}

void text_add_printable(struct text *t, const char *s)
{
	while (*s) {
		const size_t len = utf8_length(s, strnlen(s, 4));

		if (len && is_control(s)) {
			text_add_bytes(t, "?", 1);
			s += len;
		} else {
			s += add_utf8(t, s, "?");
		}
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
