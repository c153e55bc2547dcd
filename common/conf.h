/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Typed and checked reading of JSON, on cJSON. There are two layers: json_parse() refuses, before
 * and after cJSON sees the text, what no honest writer produces; the conf_get_* functions read one
 * member with its type and range, and name the key that is wrong.
 */
#ifndef USERNET_CONF_H
#define USERNET_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "error.h"

/* A network configuration with 50,000 attachments for GC fits; the output of a writer that runs
 * wild does not. */
#define JSON_MAX_BYTES (8u << 20)
#define JSON_MAX_DEPTH 64
/* cJSON takes 64 bytes or more for a value: eight megabytes of zeros would become 350. */
#define JSON_MAX_VALUES (1u << 20)

/**
 * json_parse() - parse a whole text as one JSON object.
 * @text: need not be terminated
 * @what: what the text is, for messages: "the network configuration", "the record PATH"
 * @out:  the tree, owned by the caller (cJSON_Delete)
 *
 * What is refused with CNI_ERR_DECODE, with line and column where there are any: an empty text,
 * more than JSON_MAX_BYTES, nesting beyond JSON_MAX_DEPTH, more than JSON_MAX_VALUES values, a
 * number beyond the range of a double, bytes that are not UTF-8, a raw control character or \u0000
 * in a string (C would see a shorter string than other readers), a key twice in one object (readers
 * differ in which one counts), anything after the value, and a value that is not an object.
 *
 * Return: 0, or -1 with @err filled.
 */
int json_parse(const char *text, size_t len, const char *what, cJSON **out, struct cni_error *err);

/**
 * json_copy() - a deep copy that cJSON prints without loss.
 *
 * cJSON prints 15 digits of a number, and numbers from 10^15 on with an exponent, which readers of
 * whole numbers refuse. Such numbers are raw text in the copy, so it is for printing and not for
 * reading. A number that json_parse() has read is printed as it stood in the text, even one that a
 * double rounds (2^60 + 1).
 *
 * Return: the copy, owned by the caller, or NULL out of memory.
 */
cJSON *json_copy(const cJSON *json);

/* Find a member of an object by its exact name. Return: the member, part of @obj; NULL when it is
 * absent or null, or when @obj is NULL. */
const cJSON *json_get(const cJSON *obj, const char *key);

/*
 * conf_get_*() - read one member of a configuration object.
 * @obj:  may be NULL: then every member is absent
 * @path: what messages call the object: "" for the configuration itself, or e.g. "runtimeConfig."
 * @out:  not changed when the member is absent, so the caller may put the default there
 *
 * Return: 1 when it is present, 0 when it is absent, -1 CNI_ERR_CONFIG when its type or range is
 * wrong; the message has the key, the value, and what is allowed.
 */
int conf_get_bool(const cJSON *obj, const char *path, const char *key, bool *out,
		  struct cni_error *err);
/* Whole numbers only: 80.5 and "80" are refused, and so are numbers from 2^53 on, which a double
 * may have rounded. */
int conf_get_int(const cJSON *obj, const char *path, const char *key, int64_t min, int64_t max,
		 int64_t *out, struct cni_error *err);
/* *out points into the tree. An empty string counts as present. */
int conf_get_string(const cJSON *obj, const char *path, const char *key, const char **out,
		    struct cni_error *err);
int conf_get_object(const cJSON *obj, const char *path, const char *key, const cJSON **out,
		    struct cni_error *err);
int conf_get_array(const cJSON *obj, const char *path, const char *key, const cJSON **out,
		   struct cni_error *err);

/**
 * conf_wrong() - refuse a member that has the right type, but not the right value.
 * @item:    the member; NULL when it is missing
 * @allowed: what it must be, as in "KEY is VALUE, but must be ALLOWED"
 *
 * Return: always -1 (CNI_ERR_CONFIG).
 */
int conf_wrong(const cJSON *item, const char *path, const char *key, const char *allowed,
	       struct cni_error *err);

/**
 * cni_args_get() - read one key of CNI_ARGS ("K=V;K2=V2", spec section 2, "Parameters").
 * @args: the variable's value; NULL when it is not set
 * @buf:  receives the value, with a NUL; @size bytes
 *
 * The whole key must match. Of several pairs with the same key the last one counts, as in libcni.
 *
 * Return: 1 when it is there, 0 when it is not, -1 CNI_ERR_ENVIRONMENT when it does not fit.
 */
int cni_args_get(const char *args, const char *key, char *buf, size_t size, struct cni_error *err);

#endif
