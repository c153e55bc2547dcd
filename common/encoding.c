/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encoding.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/base64.h>

#include "cleanup.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

char *base64_encode(const void *data, size_t len)
{
	const size_t n = BASE64_ENCODE_RAW_LENGTH(len);
	char *text = malloc(n + 1);

	if (text == NULL)
		return NULL;
	base64_encode_raw(text, len, data);
	text[n] = '\0';
	return text;
}

char *base64_decode(const char *text, size_t *len)
{
	const size_t n = strlen(text);
	cleanup_free char *data = malloc(BASE64_DECODE_LENGTH(n) + 1);
	struct base64_decode_ctx ctx;

	/* libnettle skips white space, which Go does not write. */
	if (data == NULL || strspn(text, alphabet) != n)
		return NULL;
	base64_decode_init(&ctx);
	*len = BASE64_DECODE_LENGTH(n);
	if (base64_decode_update(&ctx, len, (uint8_t *)data, n, text) == 0 ||
	    base64_decode_final(&ctx) == 0)
		return NULL;
	data[*len] = '\0';
	return take_ptr(data);
}
