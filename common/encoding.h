/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base64 (RFC 4648, section 4, padded), as Go prints a []byte in JSON; over libnettle. */
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
 * base64_decode() - read bytes from base64.
 * @len: receives the number of bytes; a NUL follows them
 *
 * Only the alphabet and the padding at the end are accepted, and of several texts that stand for
 * the same bytes only the one that base64_encode() writes.
 *
 * Return: the bytes, owned by the caller; NULL when the text is not base64, or out of memory.
 */
char *base64_decode(const char *text, size_t *len);

#endif
