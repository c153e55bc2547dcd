/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The strict half of json_parse(): limits, and the rules of RFC 8259 that cJSON does not enforce.
 */
#ifndef USERNET_JSON_SCAN_H
#define USERNET_JSON_SCAN_H

#include <stddef.h>

/**
 * json_scan() - check that a text is one JSON value and nothing else.
 * @text: need not be terminated
 * @at:   receives the offset of the fault
 *
 * The limits beyond the grammar are JSON_MAX_DEPTH levels, JSON_MAX_VALUES values, 63 characters
 * for a number, and no U+0000 in strings. It allocates nothing, does not recurse, and reads each
 * byte once.
 *
 * Return: NULL when the text is valid, else what is wrong with it (static storage).
 */
const char *json_scan(const char *text, size_t len, size_t *at);

#endif
