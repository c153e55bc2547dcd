// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "encoding.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *data, size_t len)
{
	const uint8_t *p = data;
	char *text = malloc((len + 2) / 3 * 4 + 1);
	char *out = text;

	if (!text)
		return NULL;
	for (size_t i = 0; i < len; i += 3) {
		const size_t n = len - i < 3 ? len - i : 3;
		const uint32_t bits = (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
				      (n > 2 ? p[i + 2] : 0);

		*out++ = alphabet[bits >> 18];
		*out++ = alphabet[bits >> 12 & 63];
		*out++ = n > 1 ? alphabet[bits >> 6 & 63] : '=';
		*out++ = n > 2 ? alphabet[bits & 63] : '=';
	}
	*out = '\0';
	return text;
}

char *base64_decode(const char *text, size_t *len)
{
	const size_t n = strlen(text);
	cleanup_free char *data = malloc(n / 4 * 3 + 1);
	const char *end = memchr(text, '=', n);
	const size_t digits = end ? (size_t)(end - text) : n;
	uint32_t bits = 0;
	size_t out = 0;

	if (!data || n % 4 != 0 || n - digits > 2 || (n - digits == 2 && text[n - 1] != '='))
		return NULL;
	for (size_t i = 0; i < digits; i++) {
		const char *digit = memchr(alphabet, text[i], sizeof(alphabet) - 1);

		if (!digit)
			return NULL;
		bits = bits << 6 | (uint32_t)(digit - alphabet);
		if (i % 4 == 0)
			continue;
		data[out++] = (char)(bits >> (6 - 2 * (i % 4)));
	}
	data[out] = '\0';
	*len = out;
	return take_ptr(data);
}
