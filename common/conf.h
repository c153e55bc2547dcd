/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Typed, validated reading of JSON (cJSON behind it). Two layers: json_parse() refuses what no
 * honest writer produces, before and after cJSON sees it; the conf_get_* functions read one
 * member with its type and range, and say which key is wrong.
 */
#ifndef USERNET_CONF_H
#define USERNET_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "error.h"

/* A network configuration with 50,000 attachments for GC fits; a runaway writer does not. */
#define JSON_MAX_BYTES (8u << 20)
#define JSON_MAX_DEPTH 64
/* Each takes cJSON 64 bytes and more: eight megabytes of zeros would become 350. */
#define JSON_MAX_VALUES (1u << 20)

/**
 * json_parse() - parse a whole text as one JSON object.
 * @text: need not be terminated
 * @what: what it is, for the message ("the network configuration", "the record PATH")
 * @out:  the tree, owned by the caller (cJSON_Delete)
 *
 * Refused with CNI_ERR_DECODE, naming line and column where there is one: empty text, more than
 * JSON_MAX_BYTES, nesting beyond JSON_MAX_DEPTH, more than JSON_MAX_VALUES values, a number beyond
 * what a double holds, bytes that are not UTF-8, a raw control character or \u0000 in a
 * string (C would see a shorter string than other readers), a key twice in one object (readers
 * differ in which one counts), anything after the value, a value that is no object.
 *
 * Return: 0, or -1 with @err filled.
 */
int json_parse(const char *text, size_t len, const char *what, cJSON **out, struct cni_error *err);

/**
 * json_copy() - a deep copy that cJSON prints without loss.
 *
 * cJSON prints 15 digits of a number, and 10^15 and above with an exponent, which readers of whole
 * numbers refuse. Such numbers are raw text in the copy: print it, do not read it. A number that
 * json_parse() read comes out as it stood in the text, also one that a double rounds (2^60 + 1).
 *
 * Return: the copy, owned by the caller, or NULL out of memory.
 */
cJSON *json_copy(const cJSON *json);

/* Case-sensitive member of an object; NULL when absent or when obj is NULL. null counts as absent.
 */
const cJSON *json_get(const cJSON *obj, const char *key);

/*
 * conf_get_*() - one member of a configuration object.
 * @obj:  may be NULL: then every member is absent
 * @path: how the object is called in messages: "" for the configuration itself, else
 * "runtimeConfig."
 * @out:  left as it is when the member is absent, so it holds the default
 *
 * Return: 1 present, 0 absent, -1 wrong type or out of range (CNI_ERR_CONFIG; the message has the
 * key, the value, and what is allowed).
 */
int conf_get_bool(const cJSON *obj, const char *path, const char *key, bool *out,
		  struct cni_error *err);
/* Whole numbers only: 80.5 and "80" are refused, as is what a double may have rounded (from 2^53
 * on). */
int conf_get_int(const cJSON *obj, const char *path, const char *key, int64_t min, int64_t max,
		 int64_t *out, struct cni_error *err);
/* *out points into the tree. An empty string is present. */
int conf_get_string(const cJSON *obj, const char *path, const char *key, const char **out,
		    struct cni_error *err);
int conf_get_object(const cJSON *obj, const char *path, const char *key, const cJSON **out,
		    struct cni_error *err);
int conf_get_array(const cJSON *obj, const char *path, const char *key, const cJSON **out,
		   struct cni_error *err);

/**
 * conf_wrong() - refuse a member that has the right type, but not the right value.
 * @item:    the member; NULL: it is missing
 * @allowed: what it must be, as in "KEY is VALUE, but must be ALLOWED"
 *
 * Return: always -1 (CNI_ERR_CONFIG).
 */
int conf_wrong(const cJSON *item, const char *path, const char *key, const char *allowed,
	       struct cni_error *err);

/**
 * cni_args_get() - one key of CNI_ARGS ("K=V;K2=V2", spec section 2, "Parameters").
 * @args: the variable's value, NULL for none
 * @buf:  receives the value, terminated
 *
 * Keys are compared whole. A later pair of the same key wins, as in libcni.
 *
 * Return: 1 found, 0 not there, -1 when it does not fit @size (CNI_ERR_ENVIRONMENT).
 */
int cni_args_get(const char *args, const char *key, char *buf, size_t size, struct cni_error *err);

#endif
