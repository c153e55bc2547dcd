/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What libcni's file formats and names are made of, besides JSON. */
#ifndef CNIRUN_ENCODING_H
#define CNIRUN_ENCODING_H

#include <stddef.h>
#include <stdint.h>

#define SHA512_BYTES 64

/* FIPS 180-4. */
void sha512(const void *data, size_t len, uint8_t out[SHA512_BYTES]);

/**
 * base64_encode() - RFC 4648, section 4, padded: how Go prints a []byte in JSON.
 *
 * Return: the text, owned by the caller, or NULL out of memory.
 */
char *base64_encode(const void *data, size_t len);

/**
 * base64_decode() - the reverse; nothing but the alphabet and the padding at the end is let
 * through.
 * @len: receives the bytes of the answer, which is terminated by one more
 *
 * Return: the bytes, owned by the caller, or NULL: not base64, or out of memory.
 */
char *base64_decode(const char *text, size_t *len);

#endif
