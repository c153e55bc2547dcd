/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cJSON makes the trees that plugins read and build. It is in every distribution, it is small, and
 * it has functions for all that is done with a tree. But its parser is made for input that one
 * trusts, and ours is hostile:
 *
 * - The parser is lenient. It accepts bytes that are not UTF-8, control characters in strings,
 *   numbers such as 01 or 1., and any byte up to the space as white space; an escaped U+0000 ends a
 *   string early. The place where it stopped is in a variable of the whole process. So json_scan()
 *   first holds the text to the grammar; it allocates nothing, has limits, and says where the fault
 *   is.
 * - The parser accepts a key twice. The tree has both, a lookup finds the first, and other parsers
 *   take the last, so that a checker and a user of a configuration could read different values.
 *   check_keys() refuses that in the tree, where "a" and "\u0061" are seen to be the same key.
 * - A number is a double, and foreign data has numbers that a double does not keep: an inode, a
 *   cookie of 64 bits, 1.10. check_tree() walks along the tree and the text. When a number would
 *   not be printed as it stands in the text, keep_digits() stores that text as the item's
 *   valuestring: cJSON copies and frees a valuestring with the item, and reads it for strings only.
 *   json_copy() makes it the text that is printed.
 *
 * The parser and the walk recurse, to JSON_MAX_DEPTH levels at most. Output that is written once
 * and read by others needs no tree; json_write.h writes it.
 */
#include "conf.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json_scan.h"
#include "utf8.h"

#define WHOLE_MAX (1LL << 53) /* up to here a double holds every whole number */

static bool conf_is_whole(double number)
{
	return fabs(number) >= (double)WHOLE_MAX || (double)(int64_t)number == number;
}

#define NUMBER_TEXT_MAX 32

/* The shortest of the usual forms that reads back as the same number. */
static void number_text(double number, char text[NUMBER_TEXT_MAX])
{
	if (conf_is_whole(number) && fabs(number) < 1e21) {
		snprintf(text, NUMBER_TEXT_MAX, "%.0f", number);
		return;
	}
	snprintf(text, NUMBER_TEXT_MAX, "%.15g", number);
	if (strtod(text, NULL) != number)
		snprintf(text, NUMBER_TEXT_MAX, "%.17g", number);
}

/* How a message shows a value. */
#define SHOWN_MAX 80

static const char *show(const cJSON *item, char text[SHOWN_MAX])
{
	const size_t room = 60;
	const char *string;
	size_t n = 0;

	if (item == NULL)
		return "missing";
	if (cJSON_IsNumber(item)) {
		number_text(item->valuedouble, text);
		return text;
	}
	if (!cJSON_IsString(item)) {
		return cJSON_IsBool(item)    ? (cJSON_IsTrue(item) ? "true" : "false")
		       : cJSON_IsArray(item) ? "an array"
		       : cJSON_IsNull(item)  ? "null"
					     : "an object";
	}
	string = item->valuestring;
	while (n < room && string[n])
		n += utf8_length(string + n, strlen(string + n)) ?: 1;
	snprintf(text, SHOWN_MAX, "\"%.*s%s\"", (int)n, string, string[n] ? "..." : "");
	return text;
}

static int fault_at(const char *text, size_t at, const char *what, const char *fault,
		    struct cni_error *err)
{
	size_t line = 1;
	size_t column = 1;

	for (size_t i = 0; i < at; i++) {
		if (text[i] == '\n') {
			line++;
			column = 1;
		} else if ((text[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	return cni_error(err, CNI_ERR_DECODE, "%s is not valid JSON at line %zu, column %zu: %s",
			 what, line, column, fault);
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_keys(const cJSON *object, const char *what, struct cni_error *err)
{
	const size_t n = (size_t)cJSON_GetArraySize(object);
	cleanup_free const char **keys = NULL;
	const cJSON *member;
	size_t i = 0;

	if (n < 2)
		return 0;
	keys = calloc(n, sizeof(*keys));
	if (keys == NULL)
		return cni_error_nomem(err);
	cJSON_ArrayForEach (member, object)
		keys[i++] = member->string;
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (i = 1; i < n; i++) {
		if (strcmp(keys[i - 1], keys[i]) == 0)
			return cni_error(err, CNI_ERR_DECODE,
					 "%s has the key \"%s\" twice in one object", what,
					 keys[i]);
	}
	return 0;
}

/* Find the next number of a text that json_scan() has accepted. @at: not inside a string or a
 * number. Return: where the number begins. */
static const char *next_number(const char *at, size_t *len)
{
	while (*at != '-' && (*at < '0' || *at > '9')) {
		if (*at++ != '"')
			continue;
		for (; *at != '"'; at++)
			at += *at == '\\';
		at++;
	}
	*len = strspn(at, "+-.0123456789Ee");
	return at;
}

static int keep_digits(cJSON *number, const char *text, size_t len)
{
	char usual[NUMBER_TEXT_MAX];

	number_text(number->valuedouble, usual);
	if (strlen(usual) == len && memcmp(usual, text, len) == 0)
		return 0;
	number->valuestring = cJSON_malloc(len + 1);
	if (number->valuestring == NULL)
		return -1;
	memcpy(number->valuestring, text, len);
	number->valuestring[len] = '\0';
	return 0;
}

/* @at: a place in the text before the item; it is moved behind the item's last number. */
static int check_tree(cJSON *item, const char **at, const char *what, struct cni_error *err)
{
	cJSON *child;
	size_t len;

	if (cJSON_IsNumber(item)) {
		if (!isfinite(item->valuedouble))
			return cni_error(err, CNI_ERR_DECODE, "%s has a number that is too large",
					 what);
		*at = next_number(*at, &len);
		if (keep_digits(item, *at, len) < 0)
			return cni_error_nomem(err);
		*at += len;
	}
	if (cJSON_IsObject(item) && check_keys(item, what, err) < 0)
		return -1;
	cJSON_ArrayForEach (child, item) {
		if (check_tree(child, at, what, err) < 0)
			return -1;
	}
	return 0;
}

int json_parse(const char *text, size_t len, const char *what, cJSON **out, struct cni_error *err)
{
	cleanup_json cJSON *tree = NULL;
	const char *from = text;
	const char *fault;
	size_t at;

	if (len > JSON_MAX_BYTES)
		return cni_error(err, CNI_ERR_DECODE, "%s is larger than %u bytes", what,
				 JSON_MAX_BYTES);
	fault = json_scan(text, len, &at);
	if (fault != NULL)
		return fault_at(text, at, what, fault, err);
	tree = cJSON_ParseWithLength(text, len);
	if (tree == NULL)
		return cni_error_nomem(err);
	if (!cJSON_IsObject(tree)) {
		conf_wrong(tree, "", what, "a JSON object", err);
		err->code = CNI_ERR_DECODE;
		return -1;
	}
	if (check_tree(tree, &from, what, err) < 0)
		return -1;
	*out = take_ptr(tree);
	return 0;
}

/* Whether cJSON prints the number in full, and without an exponent when it is whole. */
static bool prints_well(double number)
{
	char text[NUMBER_TEXT_MAX];

	if (conf_is_whole(number))
		return fabs(number) < 1e15;
	snprintf(text, sizeof(text), "%.15g", number);
	return strtod(text, NULL) == number;
}

static int make_exact(cJSON *item)
{
	cJSON *child;

	if (cJSON_IsNumber(item) &&
	    (item->valuestring != NULL || !prints_well(item->valuedouble))) {
		if (item->valuestring == NULL) {
			item->valuestring = cJSON_malloc(NUMBER_TEXT_MAX);
			if (item->valuestring == NULL)
				return -1;
			number_text(item->valuedouble, item->valuestring);
		}
		item->type = (item->type & ~0xff) | cJSON_Raw;
	}
	cJSON_ArrayForEach (child, item) {
		if (make_exact(child) < 0)
			return -1;
	}
	return 0;
}

cJSON *json_copy(const cJSON *json)
{
	cleanup_json cJSON *copy = cJSON_Duplicate(json, true);

	if (copy == NULL || make_exact(copy) < 0)
		return NULL;
	return take_ptr(copy);
}

const cJSON *json_get(const cJSON *obj, const char *key)
{
	/* cJSON_GetObjectItem() would take "MTU" for "mtu". */
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(obj, key);

	return cJSON_IsNull(item) ? NULL : item;
}

int conf_wrong(const cJSON *item, const char *path, const char *key, const char *allowed,
	       struct cni_error *err)
{
	char shown[SHOWN_MAX];

	return cni_error(err, CNI_ERR_CONFIG, "%s%s is %s, but must be %s", path, key,
			 show(item, shown), allowed);
}

int conf_get_bool(const cJSON *obj, const char *path, const char *key, bool *out,
		  struct cni_error *err)
{
	const cJSON *item = json_get(obj, key);

	if (item == NULL)
		return 0;
	if (!cJSON_IsBool(item))
		return conf_wrong(item, path, key, "true or false", err);
	*out = cJSON_IsTrue(item);
	return 1;
}

int conf_get_int(const cJSON *obj, const char *path, const char *key, int64_t min, int64_t max,
		 int64_t *out, struct cni_error *err)
{
	const cJSON *item = json_get(obj, key);
	char allowed[80];

	if (item == NULL)
		return 0;
	/* 2^53 itself is refused, because 2^53 + 1 reads as the same double. */
	if (cJSON_IsNumber(item) && fabs(item->valuedouble) < (double)WHOLE_MAX &&
	    conf_is_whole(item->valuedouble)) {
		const int64_t value = (int64_t)item->valuedouble;

		if (value >= min && value <= max) {
			*out = value;
			return 1;
		}
	}
	min = min > -WHOLE_MAX ? min : -WHOLE_MAX + 1;
	max = max < WHOLE_MAX ? max : WHOLE_MAX - 1;
	snprintf(allowed, sizeof(allowed), "a whole number from %" PRId64 " to %" PRId64, min, max);
	return conf_wrong(item, path, key, allowed, err);
}

int conf_get_string(const cJSON *obj, const char *path, const char *key, const char **out,
		    struct cni_error *err)
{
	const cJSON *item = json_get(obj, key);

	if (item == NULL)
		return 0;
	if (!cJSON_IsString(item))
		return conf_wrong(item, path, key, "a string", err);
	*out = item->valuestring;
	return 1;
}

int conf_get_object(const cJSON *obj, const char *path, const char *key, const cJSON **out,
		    struct cni_error *err)
{
	const cJSON *item = json_get(obj, key);

	if (item == NULL)
		return 0;
	if (!cJSON_IsObject(item))
		return conf_wrong(item, path, key, "an object", err);
	*out = item;
	return 1;
}

int conf_get_array(const cJSON *obj, const char *path, const char *key, const cJSON **out,
		   struct cni_error *err)
{
	const cJSON *item = json_get(obj, key);

	if (item == NULL)
		return 0;
	if (!cJSON_IsArray(item))
		return conf_wrong(item, path, key, "an array", err);
	*out = item;
	return 1;
}

int cni_args_get(const char *args, const char *key, char *buf, size_t size, struct cni_error *err)
{
	const size_t key_len = strlen(key);
	const char *value = NULL;
	size_t len = 0;

	for (const char *pair = args; pair != NULL; pair = *pair ? pair + 1 : NULL) {
		const char *end = strchrnul(pair, ';');

		if (strncmp(pair, key, key_len) == 0 && pair[key_len] == '=') {
			value = pair + key_len + 1;
			len = (size_t)(end - value);
		}
		pair = end;
	}
	if (value == NULL)
		return 0;
	if (len >= size)
		return cni_error(err, CNI_ERR_ENVIRONMENT,
				 "CNI_ARGS: %s has %zu bytes, but at most %zu are allowed", key,
				 len, size - 1);
	memcpy(buf, value, len);
	buf[len] = '\0';
	return 1;
}
