/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text of an error goes through a buffer on the stack, because a caller may format a message
 * out of the error that it replaces, and "out of memory" must not allocate. The text ends up in
 * JSON and on a terminal, so it is cleaned on the way: paths, arguments and what a daemon wrote may
 * hold any bytes.
 */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

#define ELLIPSIS "..."

/*
 * Copy src, which holds at most size - 1 bytes. A text that was cut ends in an ellipsis. Its last
 * bytes give way to the ellipsis, together with a character that the cut may have split.
 */
static void clean(char *dst, size_t size, const char *src, bool keep_newlines, bool cut)
{
	const size_t len = strlen(src);
	const size_t limit = cut ? size - sizeof(ELLIPSIS) : len;
	size_t out = 0;
	size_t n;

	for (size_t in = 0; in < limit; in += n) {
		const char *character = src + in;
		const bool valid = (n = utf8_length(character, len - in)) > 0;

		if (!valid)
			n = 1;
		if (in + n > limit)
			break;
		if (valid && *character == '\n' && keep_newlines) {
			dst[out++] = '\n';
		} else if (valid && *character && strchr("\n\r\t", *character) != NULL) {
			dst[out++] = ' ';
		} else if (!valid || !utf8_is_seen(character, n)) {
			dst[out++] = '?';
		} else {
			memcpy(dst + out, character, n);
			out += n;
		}
	}
	memcpy(dst + out, cut ? ELLIPSIS : "", cut ? sizeof(ELLIPSIS) : 1);
}

static void set_msg(struct cni_error *err, const char *fmt, va_list ap)
{
	char text[sizeof(err->msg)];
	const int n = vsnprintf(text, sizeof(text), fmt, ap);

	if (n < 0)
		snprintf(text, sizeof(text), "unprintable error");
	clean(err->msg, sizeof(err->msg), text, false, n >= (int)sizeof(text));
}

static void set_details(struct cni_error *err, const char *fmt, va_list ap)
{
	char text[sizeof(err->details)];
	const int n = vsnprintf(text, sizeof(text), fmt, ap);

	if (n < 0)
		text[0] = '\0';
	clean(err->details, sizeof(err->details), text, true, n >= (int)sizeof(text));
}

int cni_error(struct cni_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_msg(err, fmt, ap);
	va_end(ap);
	err->code = code;
	err->details[0] = '\0';
	return -1;
}

int cni_error_errno(struct cni_error *err, int code, const char *fmt, ...)
{
	const int number = errno;
	/* Unlike strerror(3), it neither allocates nor translates. */
	const char *text = strerrordesc_np(number);
	va_list ap;

	va_start(ap, fmt);
	set_msg(err, fmt, ap);
	va_end(ap);
	err->code = code;
	if (text != NULL)
		cni_error_details(err, "%s", text);
	else
		cni_error_details(err, "errno %d", number);
	errno = number;
	return -1;
}

int cni_error_details(struct cni_error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_details(err, fmt, ap);
	va_end(ap);
	return -1;
}

int cni_error_wrap(struct cni_error *err, const char *fmt, ...)
{
	struct cni_error context;
	char text[sizeof(context.msg) + sizeof(err->msg) + 2];
	va_list ap;

	va_start(ap, fmt);
	set_msg(&context, fmt, ap);
	va_end(ap);
	snprintf(text, sizeof(text), "%s: %s", context.msg, err->msg);
	/* Both halves are clean already; the text may have become too long. */
	clean(err->msg, sizeof(err->msg), text, false, strlen(text) >= sizeof(err->msg));
	return -1;
}

int cni_error_copy(struct cni_error *err, const struct cni_error *foreign)
{
	/* The texts are cleaned on the way, as all other texts are. */
	cni_error(err, foreign->code != 0 ? foreign->code : CNI_ERR_IO, "%.*s",
		  (int)sizeof(foreign->msg) - 1, foreign->msg);
	return cni_error_details(err, "%.*s", (int)sizeof(foreign->details) - 1, foreign->details);
}

int cni_error_nomem(struct cni_error *err)
{
	return cni_error(err, CNI_ERR_IO, "out of memory");
}
