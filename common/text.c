/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "utf8.h"

#define TEXT_FIRST 4096

void text_free(struct text *t)
{
	free(t->data);
	*t = (struct text){0};
}

void text_reset(struct text *t)
{
	t->len = 0;
	t->failed = false;
	if (t->data != NULL)
		t->data[0] = '\0';
}

char *text_reserve(struct text *t, size_t len)
{
	size_t more;

	if (t->failed)
		return NULL;
	if (len < t->size - t->len)
		return t->data + t->len;
	/* One byte more, for the NUL. */
	if (__builtin_add_overflow(len, 1, &more) ||
	    !array_reserve(t->data, t->size, t->len, more > TEXT_FIRST ? more : TEXT_FIRST)) {
		t->failed = true;
		return NULL;
	}
	t->data[t->len] = '\0';
	return t->data + t->len;
}

void text_added(struct text *t, size_t len)
{
	t->len += len;
	t->data[t->len] = '\0';
}

void text_cut(struct text *t, size_t len)
{
	if (len < t->len) {
		t->len = len;
		t->data[len] = '\0';
	}
}

void text_add_bytes(struct text *t, const char *s, size_t len)
{
	char *end = text_reserve(t, len);

	if (end == NULL)
		return;
	memcpy(end, s, len);
	text_added(t, len);
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
	char *end;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	end = len < 0 ? NULL : text_reserve(t, (size_t)len);
	if (end == NULL) {
		t->failed = true;
		return;
	}
	va_start(args, fmt);
	vsnprintf(end, (size_t)len + 1, fmt, args);
	va_end(args);
	t->len += (size_t)len;
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
	/* 999.5 and more would be rounded to four digits. */
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
