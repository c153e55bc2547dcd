/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Characters of UTF-8 (RFC 3629), and which of them a terminal may be shown. */
#ifndef USERNET_UTF8_H
#define USERNET_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* U+FFFD, which replaces bytes that are not UTF-8. */
#define UTF8_REPLACEMENT "\xef\xbf\xbd"

/**
 * utf8_length() - the length in bytes of the character at the start of a text.
 *
 * RFC 3629 has no overlong forms, no surrogates, and nothing above U+10FFFF. The first two bytes
 * show each of these faults.
 *
 * Return: 1 to 4, or 0 when no well-formed character starts here, or @len cuts it short.
 */
static inline size_t utf8_length(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned char low = 0x80, high = 0xbf; /* of the second byte */
	size_t n;

	if (len == 0)
		return 0;
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		n = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		n = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (len < n || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}

/* The code point of a character whose length @len is what utf8_length() returned. */
uint32_t utf8_code_point(const char *character, size_t len);

/* Whether a terminal may be shown the character: it is seen where it stands, so it is neither a
 * control nor a format nor invisible. */
bool utf8_is_seen(const char *character, size_t len);

/* Whether a text can be put into JSON and on a terminal: well-formed UTF-8, no control
 * characters. */
static inline bool utf8_is_printable(const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		const size_t n = utf8_length(text, len);

		if (n == 0 || (unsigned char)*text < ' ' || *text == 0x7f)
			return false;
		if ((unsigned char)text[0] == 0xc2 && (unsigned char)text[1] < 0xa0)
			return false; /* U+0080 to U+009F are control characters too */
		text += n;
		len -= n;
	}
	return true;
}

#endif
