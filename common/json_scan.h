/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The strict half of json_parse(): what of RFC 8259 cJSON lets pass, and limits. */
#ifndef USERNET_JSON_SCAN_H
#define USERNET_JSON_SCAN_H

#include <stddef.h>

/**
 * json_scan() - check that a text is one JSON value and nothing else.
 * @text: need not be terminated
 * @at:   receives the offset of the fault
 *
 * Beyond the grammar: nesting up to JSON_MAX_DEPTH, at most JSON_MAX_VALUES values, numbers of at
 * most 63 characters, no U+0000. Allocates nothing, does not recurse, and reads each byte once.
 *
 * Return: NULL, or what is wrong.
 */
const char *json_scan(const char *text, size_t len, size_t *at);

#endif
