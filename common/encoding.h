/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base64 (RFC 4648, section 4, padded), as Go prints a []byte in JSON; over libnettle's. */
#ifndef USERNET_ENCODING_H
#define USERNET_ENCODING_H

#include <stddef.h>

/**
 * base64_encode() - write bytes as base64.
 *
 * Return: the text, owned by the caller, or NULL out of memory.
 */
char *base64_encode(const void *data, size_t len);

/**
 * base64_decode() - the reverse; nothing but the alphabet and the padding at the end is let
 * through, and of the texts that stand for the same bytes only the one that base64_encode() writes.
 * @len: receives the number of bytes, which are terminated by one more
 *
 * Return: the bytes, owned by the caller, or NULL: not base64, or out of memory.
 */
char *base64_decode(const char *text, size_t *len);

#endif
