/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "cleanup.h"
#include "conf.h"
#include "failing_alloc.h"

#define WHAT "the text"
#define ROWS(rows) (sizeof(rows) / sizeof(*(rows)))

/* From a block of just the text's size: valgrind sees a read beyond it. */
static int parse_bytes(const char *text, size_t len, cJSON **out, struct cni_error *err)
{
	cleanup_free char *exact = malloc(len ?: 1);

	assert_non_null(exact);
	memcpy(exact, text, len);
	return json_parse(exact, len, WHAT, out, err);
}

static cJSON *parse(const char *text)
{
	cJSON *tree = NULL;
	struct cni_error err;

	if (parse_bytes(text, strlen(text), &tree, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return tree;
}

static void refuse(const char *text, size_t len, const char *expected)
{
	cJSON *tree = NULL;
	struct cni_error err;

	assert_int_equal(parse_bytes(text, len, &tree, &err), -1);
	assert_null(tree);
	assert_int_equal(err.code, CNI_ERR_DECODE);
	assert_string_equal(err.msg, expected);
}

static void every_form_of_json_is_accepted(void **state)
{
	static const struct {
		const char *in;
		const char *out;
	} rows[] = {
		{"{}", "{}"},
		{" \t\r\n{ \t\r\n} \t\r\n", "{}"},
		{"{\"a\":[],\"A\":{},\"\":[[]]}", "{\"a\":[],\"A\":{},\"\":[[]]}"},
		{"{ \"a\" : [ 1 , true , false , null , \"x\" , { } ] }",
		 "{\"a\":[1,true,false,null,\"x\",{}]}"},
		{"{\"n\":[0,-0,-1,1.5,1e3,1E+3,25e-1,-0.5e0]}",
		 "{\"n\":[0,-0,-1,1.5,1000,1000,2.5,-0.5]}"},
		{"{\"s\":\"\\ud800\\udc00\\uDBFF\\uDFFF\\ud7ff\\ue000\\uffff\"}",
		 "{\"s\":"
		 "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"}"},
		{"{\"s\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\ud83d\\uDC27\"}",
		 "{\"s\":\"\\\"\\\\/\\b\\f\\n\\r\\tA\xf0\x9f\x90\xa7\"}"},
		{"{\"\xc3\xbc\":\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\x7f\"}",
		 "{\"\xc3\xbc\":\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\x7f\"}"},
		{"{\"a\":{\"k\":1},\"b\":{\"k\":1}}", "{\"a\":{\"k\":1},\"b\":{\"k\":1}}"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_json cJSON *tree = parse(rows[i].in);
		cleanup_free char *text = cJSON_PrintUnformatted(tree);

		assert_string_equal(text, rows[i].out);
	}
}

static void what_is_not_json_is_refused_at_its_place(void **state)
{
	static const struct {
		const char *in;
		const char *where_and_why;
	} rows[] = {
		{"", "1, column 1: the text is empty"},
		{" \n ", "2, column 2: the text is empty"},
		{"{", "1, column 2: a key in double quotes should be here"},
		{"{\n  \"a\": 1,\n  \"b\": x}", "3, column 8: a value should be here"},
		{"{} x", "1, column 4: something follows the value"},
		{"{}{}", "1, column 3: something follows the value"},
		{"{\"a\":1", "1, column 7: a comma or a closing brace should be here"},
		{"{\"a\":[1", "1, column 8: a comma or a closing bracket should be here"},
		{"{\"a\":[1}", "1, column 8: a comma or a closing bracket should be here"},
		{"{\"a\":1]", "1, column 7: a comma or a closing brace should be here"},
		{"{\"a\":1,}", "1, column 8: a key in double quotes should be here"},
		{"{\"a\":[1,]}", "1, column 9: a value should be here"},
		{"{\"a\":[,1]}", "1, column 7: a value should be here"},
		{"{,}", "1, column 2: a key in double quotes should be here"},
		{"{\"a\"}", "1, column 5: a colon should follow the key"},
		{"{\"a\" 1}", "1, column 6: a colon should follow the key"},
		{"{\"a\":}", "1, column 6: a value should be here"},
		{"{a:1}", "1, column 2: a key in double quotes should be here"},
		{"{'a':1}", "1, column 2: a key in double quotes should be here"},
		{"{1:1}", "1, column 2: a key in double quotes should be here"},
		{"{\"a\":1 \"b\":2}", "1, column 8: a comma or a closing brace should be here"},
		{"{\"a\":nul}", "1, column 6: a value should be here"},
		{"{\"a\":True}", "1, column 6: a value should be here"},
		{"{\"a\":truex}", "1, column 10: a comma or a closing brace should be here"},
		{"{\"a\":NaN}", "1, column 6: a value should be here"},
		{"{\"a\":1} // x", "1, column 9: something follows the value"},
		{"/* x */ {}", "1, column 1: a value should be here"},
		{"\xef\xbb\xbf{}", "1, column 1: a value should be here"},
		{"{\x0b}", "1, column 2: a key in double quotes should be here"},
		{"{\x01}", "1, column 2: a key in double quotes should be here"},
		{"{\"a\":\"x", "1, column 6: a string without an end"},
		{"{\"a\":\"x\\\"}", "1, column 6: a string without an end"},
		{"{\"a\":\"x\n\"}", "1, column 8: a control character in a string"},
		{"{\"a\":\"\x1f\"}", "1, column 7: a control character in a string"},
		{"{\"a\x01\":1}", "1, column 4: a control character in a string"},
		{"{\"\xc3\xbc\":\"\xff\"}", "1, column 7: a byte that is not UTF-8"},
		{"{\"a\":\"\xc0\x80\"}", "1, column 7: a byte that is not UTF-8"},
		{"{\"a\":\"\xed\xa0\x80\"}", "1, column 7: a byte that is not UTF-8"},
		{"{\"a\":\"\xf4\x90\x80\x80\"}", "1, column 7: a byte that is not UTF-8"},
		{"{\"a\":\"\xe2\x82\"}", "1, column 7: a byte that is not UTF-8"},
		{"{\"a\":\"\xe2\x82", "1, column 7: a byte that is not UTF-8"},
		{"{\"\xff\":1}", "1, column 3: a byte that is not UTF-8"},
		{"{\"a\":\"x\\u0000y\"}", "1, column 8: a NUL character in a string"},
		{"{\"a\\u0000\":1}", "1, column 4: a NUL character in a string"},
		{"{\"a\":\"\\ud800\"}", "1, column 7: a \\u escape that is not a character"},
		{"{\"a\":\"\\udc00\"}", "1, column 7: a \\u escape that is not a character"},
		{"{\"a\":\"\\udbff\"}", "1, column 7: a \\u escape that is not a character"},
		{"{\"a\":\"\\udbff\\udbff\"}", "1, column 7: a \\u escape that is not a character"},
		{"{\"a\":\"\\udbff\\ue000\"}", "1, column 7: a \\u escape that is not a character"},
		{"{\"a\":\"\\udc00\\udc00\"}", "1, column 7: a \\u escape that is not a character"},
		{"{\"a\":\"\\udfff\"}", "1, column 7: a \\u escape that is not a character"},
		{"{\"a\":\"\\ud800\\u0041\"}", "1, column 7: a \\u escape that is not a character"},
		{"{\"a\":\"\\ud800\\ud800\"}", "1, column 7: a \\u escape that is not a character"},
		{"{\"a\":\"\\u12g4\"}", "1, column 7: a \\u escape that is not a character"},
		{"{\"a\":\"\\u12", "1, column 7: a \\u escape that is not a character"},
		{"{\"a\":\"\\ud800\\u", "1, column 7: a \\u escape that is not a character"},
		{"{\"a\":\"\\x\"}", "1, column 8: an escape that JSON does not know"},
		{"{\"a\":\"\\", "1, column 8: an escape that JSON does not know"},
		{"{\"a\":01}", "1, column 6: a malformed number"},
		{"{\"a\":-01}", "1, column 6: a malformed number"},
		{"{\"a\":-}", "1, column 6: a malformed number"},
		{"{\"a\":1.}", "1, column 6: a malformed number"},
		{"{\"a\":1.e1}", "1, column 6: a malformed number"},
		{"{\"a\":1e}", "1, column 6: a malformed number"},
		{"{\"a\":1e+}", "1, column 6: a malformed number"},
		{"{\"a\":+1}", "1, column 6: a value should be here"},
		{"{\"a\":.5}", "1, column 6: a value should be here"},
		{"{\"a\":0x10}", "1, column 7: a comma or a closing brace should be here"},
		{"{\"a\":1234567890123456789012345678901234567890123456789012345678901234}",
		 "1, column 6: a number of more than 63 characters"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char expected[200];

		snprintf(expected, sizeof(expected), WHAT " is not valid JSON at line %s",
			 rows[i].where_and_why);
		refuse(rows[i].in, strlen(rows[i].in), expected);
	}
	refuse("{\"a\":\"\0\"}", 9,
	       WHAT " is not valid JSON at line 1, column 7: a control character in a string");
	refuse("{}\0", 3,
	       WHAT " is not valid JSON at line 1, column 3: something follows the value");
	refuse("{\"a\":\"\\\0\"}", 10,
	       WHAT " is not valid JSON at line 1, column 8: an escape that JSON does not know");
}

static void only_an_object_is_a_whole(void **state)
{
	(void)state;
	refuse("[1]", 3, WHAT " is an array, but must be a JSON object");
	refuse("null", 4, WHAT " is null, but must be a JSON object");
	refuse("true", 4, WHAT " is true, but must be a JSON object");
	refuse("-80", 3, WHAT " is -80, but must be a JSON object");
	refuse("\"{}\"", 4, WHAT " is \"{}\", but must be a JSON object");
}

static void a_key_stands_once_in_an_object(void **state)
{
	static const struct {
		const char *in;
		const char *key;
	} rows[] = {
		{"{\"a\":1,\"a\":1}", "a"},
		{"{\"b\":1,\"a\":2,\"c\":3,\"a\":null}", "a"},
		{"{\"a\":1,\"\\u0061\":2}", "a"},
		{"{\"\":1,\"\":2}", ""},
		{"{\"x\":[0,{\"y\":{\"d\":1,\"d\":2}}]}", "d"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char expected[200];

		snprintf(expected, sizeof(expected), WHAT " has the key \"%s\" twice in one object",
			 rows[i].key);
		refuse(rows[i].in, strlen(rows[i].in), expected);
	}
}

static void a_number_beyond_a_double_is_refused(void **state)
{
	(void)state;
	refuse("{\"a\":1e999}", 11, WHAT " has a number that is too large");
	refuse("{\"a\":[{\"b\":-1e999}]}", 20, WHAT " has a number that is too large");
}

static void nesting_is_limited_however_deep(void **state)
{
	const size_t deep = 100000;
	cleanup_free char *text = malloc(2 * deep + 6);
	cleanup_json cJSON *tree = NULL;
	struct cni_error err;

	(void)state;
	assert_non_null(text);
	/* {"a":[[...]]}: one object and JSON_MAX_DEPTH - 1 arrays */
	memcpy(text, "{\"a\":", 5);
	memset(text + 5, '[', JSON_MAX_DEPTH - 1);
	memset(text + 5 + JSON_MAX_DEPTH - 1, ']', JSON_MAX_DEPTH - 1);
	text[5 + 2 * (JSON_MAX_DEPTH - 1)] = '}';
	assert_int_equal(parse_bytes(text, 6 + 2 * (JSON_MAX_DEPTH - 1), &tree, &err), 0);

	memset(text + 5, '[', JSON_MAX_DEPTH);
	memset(text + 5 + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH);
	text[5 + 2 * JSON_MAX_DEPTH] = '}';
	refuse(text, 6 + 2 * JSON_MAX_DEPTH,
	       WHAT " is not valid JSON at line 1, column 69: nested too deeply");

	memset(text + 5, '[', 2 * deep);
	refuse(text, 5 + 2 * deep,
	       WHAT " is not valid JSON at line 1, column 69: nested too deeply");
}

static void size_is_limited_however_large(void **state)
{
	const size_t large = 10 << 20;
	cleanup_free char *text = malloc(large);
	cleanup_json cJSON *tree = NULL;
	struct cni_error err;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', large);
	memcpy(text, "{}", 2);
	assert_int_equal(json_parse(text, large, WHAT, &tree, &err), -1);
	assert_int_equal(err.code, CNI_ERR_DECODE);
	assert_string_equal(err.msg, WHAT " is larger than 8388608 bytes");
	assert_int_equal(json_parse(text, JSON_MAX_BYTES + 1, WHAT, &tree, &err), -1);
	assert_int_equal(json_parse(text, JSON_MAX_BYTES, WHAT, &tree, &err), 0);
}

static void the_number_of_values_is_limited(void **state)
{
	const size_t len = 8 + 2 * JSON_MAX_VALUES;
	cleanup_free char *text = malloc(len);
	cJSON *tree = NULL;
	struct cni_error err;

	(void)state;
	assert_non_null(text);
	memcpy(text, "{\"a\":[0", 7);
	for (size_t i = 7; i < len; i += 2)
		memcpy(text + i, ",0", 2 - (i == len - 1));
	assert_int_equal(json_parse(text, len, WHAT, &tree, &err), -1);
	assert_non_null(strstr(err.msg, ": too many values"));
	assert_null(tree);
}

/* Processor time of refusing an object of @n keys, the last one twice. */
static double many_keys(size_t n)
{
	cleanup_free char *text = malloc(n * 16 + 16);
	char message[128];
	size_t len = 0;
	clock_t start;

	assert_non_null(text);
	for (size_t i = 0; i < n; i++)
		len += (size_t)sprintf(text + len, "%c\"k%06zu\":%zu", i ? ',' : '{', i, i % 10);
	len += (size_t)sprintf(text + len, ",\"k%06zu\":1}", n - 1);
	snprintf(message, sizeof(message), WHAT " has the key \"k%06zu\" twice in one object",
		 n - 1);
	start = clock();
	refuse(text, len, message);
	return (double)(clock() - start);
}

/* Eight times the keys take about nine times as long; compared in pairs, they would take 64 times.
 */
static void many_keys_take_no_quadratic_time(void **state)
{
	double ratio = 64;

	(void)state;
	for (int tries = 0; tries < 5 && ratio > 30; tries++)
		ratio = many_keys(160000) / (many_keys(20000) + 1);
	assert_true(ratio <= 30);
}

static void parsing_survives_every_failing_allocation(void **state)
{
	static const char text[] = "{\"a\":[1,\"x\",{\"b\":true,\"c\":null}],\"d\":{\"e\":1.5}}";
	unsigned long n = 0;
	int rc;

	(void)state;
	do {
		cJSON *tree = NULL;
		struct cni_error err;

		fail_allocation(++n);
		rc = json_parse(text, sizeof(text) - 1, WHAT, &tree, &err);
		if (allocation_failed()) {
			assert_int_equal(rc, -1);
			assert_int_equal(err.code, CNI_ERR_IO);
			assert_string_equal(err.msg, "out of memory");
			assert_null(tree);
		}
		cJSON_Delete(tree);
	} while (allocation_failed());
	assert_int_equal(rc, 0);
	assert_true(n > 10);
}

static void a_copy_prints_every_number_in_full(void **state)
{
	static const char text[] = "{\"a\":[0,-1,2147483648,999999999999999,1000000000000000,"
				   "9007199254740991,9007199254740992,-9007199254740991,"
				   "100000000000000000,0.1,0.30000000000000004,1.5e+300,"
				   "{\"b\":1000000000000001}],\"c\":\"x\"}";
	cleanup_json cJSON *tree = parse(text);
	cleanup_json cJSON *copy = json_copy(tree);
	cleanup_json cJSON *again = NULL;
	cleanup_free char *printed = cJSON_PrintUnformatted(copy);

	(void)state;
	assert_string_equal(printed, text);
	again = json_copy(copy);
	free(take_ptr(printed));
	printed = cJSON_PrintUnformatted(again);
	assert_string_equal(printed, text);
}

static void copying_survives_every_failing_allocation(void **state)
{
	cleanup_json cJSON *tree =
		parse("{\"a\":[9007199254740991,\"x\"],\"b\":{\"c\":0.30000000000000004}}");
	unsigned long n = 0;

	(void)state;
	do {
		cJSON *copy;

		fail_allocation(++n);
		copy = json_copy(tree);
		assert_int_equal(!copy, allocation_failed());
		cJSON_Delete(copy);
	} while (allocation_failed());
	assert_true(n > 5);
}

static void members_are_found_by_exact_key_and_null_is_absent(void **state)
{
	cleanup_json cJSON *tree = parse("{\"MTU\":1,\"mtu\":2,\"cidr\":null}");

	(void)state;
	assert_int_equal(json_get(tree, "mtu")->valueint, 2);
	assert_int_equal(json_get(tree, "MTU")->valueint, 1);
	assert_null(json_get(tree, "Mtu"));
	assert_null(json_get(tree, "cidr"));
	assert_null(json_get(tree, "none"));
	assert_null(json_get(NULL, "mtu"));
	assert_null(json_get(json_get(tree, "mtu"), "mtu"));
}

static void an_absent_member_leaves_the_default(void **state)
{
	cleanup_json cJSON *tree = parse("{\"null\":null,\"X\":1}");
	static const char *const keys[] = {"null", "x"};
	const cJSON *objects[] = {tree, tree, NULL};

	(void)state;
	for (size_t i = 0; i < ROWS(objects); i++) {
		const char *key = keys[i % 2];
		bool flag = true;
		int64_t number = 7;
		const char *text = "default";
		const cJSON *item = tree;
		struct cni_error err = {0};

		assert_int_equal(conf_get_bool(objects[i], "", key, &flag, &err), 0);
		assert_int_equal(conf_get_int(objects[i], "", key, 0, 1, &number, &err), 0);
		assert_int_equal(conf_get_string(objects[i], "", key, &text, &err), 0);
		assert_int_equal(conf_get_object(objects[i], "", key, &item, &err), 0);
		assert_int_equal(conf_get_array(objects[i], "", key, &item, &err), 0);
		assert_true(flag);
		assert_int_equal(number, 7);
		assert_string_equal(text, "default");
		assert_ptr_equal(item, tree);
		assert_int_equal(err.code, 0);
	}
}

static void a_member_of_its_type_is_read(void **state)
{
	cleanup_json cJSON *tree = parse("{\"yes\":true,\"no\":false,\"mtu\":65520,\"whole\":1e3,"
					 "\"minus\":-9007199254740991,\"large\":9007199254740991,"
					 "\"text\":\"x\",\"empty\":\"\",\"o\":{},\"a\":[]}");
	bool flag = false;
	int64_t number = 0;
	const char *text = NULL;
	const cJSON *item = NULL;
	struct cni_error err;

	(void)state;
	assert_int_equal(conf_get_bool(tree, "", "yes", &flag, &err), 1);
	assert_true(flag);
	assert_int_equal(conf_get_bool(tree, "", "no", &flag, &err), 1);
	assert_false(flag);
	assert_int_equal(conf_get_int(tree, "", "mtu", 68, 65521, &number, &err), 1);
	assert_int_equal(number, 65520);
	assert_int_equal(conf_get_int(tree, "", "mtu", 65520, 65520, &number, &err), 1);
	assert_int_equal(conf_get_int(tree, "", "whole", 0, INT64_MAX, &number, &err), 1);
	assert_int_equal(number, 1000);
	assert_int_equal(conf_get_int(tree, "", "minus", INT64_MIN, 0, &number, &err), 1);
	assert_true(number == -9007199254740991);
	assert_int_equal(conf_get_int(tree, "", "large", 0, INT64_MAX, &number, &err), 1);
	assert_true(number == 9007199254740991);
	assert_int_equal(conf_get_string(tree, "", "text", &text, &err), 1);
	assert_string_equal(text, "x");
	assert_int_equal(conf_get_string(tree, "", "empty", &text, &err), 1);
	assert_string_equal(text, "");
	assert_int_equal(conf_get_object(tree, "", "o", &item, &err), 1);
	assert_true(cJSON_IsObject(item));
	assert_int_equal(conf_get_array(tree, "", "a", &item, &err), 1);
	assert_true(cJSON_IsArray(item));
}

#define LONG_TEXT "123456789_123456789_123456789_123456789_123456789_123456789_"

static void a_wrong_member_is_named_with_its_value_and_what_is_allowed(void **state)
{
	static const struct {
		char type; /* of the reader: b, i, s, o, a */
		const char *json;
		const char *msg;
	} rows[] = {
		{'i', "70000", "70000, but must be a whole number from 68 to 65521"},
		{'i', "67", "67, but must be a whole number from 68 to 65521"},
		{'i', "65522", "65522, but must be a whole number from 68 to 65521"},
		{'i', "-1", "-1, but must be a whole number from 68 to 65521"},
		{'i', "80.5", "80.5, but must be a whole number from 68 to 65521"},
		{'i', "\"80\"", "\"80\", but must be a whole number from 68 to 65521"},
		{'i', "true", "true, but must be a whole number from 68 to 65521"},
		{'i', "[80]", "an array, but must be a whole number from 68 to 65521"},
		{'i', "1e300", "1e+300, but must be a whole number from 68 to 65521"},
		{'i', "9007199254740993",
		 "9007199254740992, but must be a whole number from 68 to 65521"},
		{'I', "9007199254740992",
		 "9007199254740992, but must be a whole number from -9007199254740991 to "
		 "9007199254740991"},
		{'I', "-1e19",
		 "-10000000000000000000, but must be a whole number from -9007199254740991 to "
		 "9007199254740991"},
		{'b', "1", "1, but must be true or false"},
		{'b', "\"true\"", "\"true\", but must be true or false"},
		{'b', "{}", "an object, but must be true or false"},
		{'s', "5", "5, but must be a string"},
		{'s', "[]", "an array, but must be a string"},
		{'s', "false", "false, but must be a string"},
		{'o', "[]", "an array, but must be an object"},
		{'o', "\"{}\"", "\"{}\", but must be an object"},
		{'a', "{}", "an object, but must be an array"},
		{'a', "\"" LONG_TEXT "\"", "\"" LONG_TEXT "\", but must be an array"},
		{'a', "\"" LONG_TEXT "1\"", "\"" LONG_TEXT "...\", but must be an array"},
		{'a', "\"" LONG_TEXT LONG_TEXT "\"", "\"" LONG_TEXT "...\", but must be an array"},
		/* not cut inside of a character, not passing on a control character */
		{'a', "\"xx\xf0\x9f\x90\xa7" LONG_TEXT "\"",
		 "\"xx\xf0\x9f\x90\xa7"
		 "123456789_123456789_123456789_123456789_123456789_1234"
		 "...\", but must be an array"},
		{'a',
		 "\"123456789_123456789_123456789_123456789_123456789_12345678\xe2\x82\xac++\"",
		 "\"123456789_123456789_123456789_123456789_123456789_12345678\xe2\x82\xac"
		 "...\", but must be an array"},
		{'a', "\"\\u001b[m\"", "\"?[m\", but must be an array"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char text[400];
		char expected[400];
		cleanup_json cJSON *tree = NULL;
		bool flag;
		int64_t number;
		const char *string;
		const cJSON *item;
		struct cni_error err;
		int rc = 0;

		snprintf(text, sizeof(text), "{\"key\":%s}", rows[i].json);
		snprintf(expected, sizeof(expected), "runtimeConfig.key is %s", rows[i].msg);
		tree = parse(text);
		if (rows[i].type == 'b')
			rc = conf_get_bool(tree, "runtimeConfig.", "key", &flag, &err);
		else if (rows[i].type == 'i')
			rc = conf_get_int(tree, "runtimeConfig.", "key", 68, 65521, &number, &err);
		else if (rows[i].type == 'I')
			rc = conf_get_int(tree, "runtimeConfig.", "key", INT64_MIN, INT64_MAX,
					  &number, &err);
		else if (rows[i].type == 's')
			rc = conf_get_string(tree, "runtimeConfig.", "key", &string, &err);
		else if (rows[i].type == 'o')
			rc = conf_get_object(tree, "runtimeConfig.", "key", &item, &err);
		else
			rc = conf_get_array(tree, "runtimeConfig.", "key", &item, &err);
		assert_int_equal(rc, -1);
		assert_int_equal(err.code, CNI_ERR_CONFIG);
		assert_string_equal(err.msg, expected);
	}
}

static void arguments_are_found_by_whole_key_and_the_last_wins(void **state)
{
	static const struct {
		const char *args;
		const char *value; /* of K; NULL: not there */
	} rows[] = {
		{NULL, NULL},
		{"", NULL},
		{";", NULL},
		{"K", NULL},
		{"K=", ""},
		{"K=v", "v"},
		{"K=v;", "v"},
		{";;K=v", "v"},
		{"A=b;K=v;C=d", "v"},
		{"K=1;K=2", "2"},
		{"K=1;K", "1"},
		{"KK=1", NULL},
		{"xK=1", NULL},
		{"A=K=1", NULL},
		{"K=a=b", "a=b"},
		{"k=1", NULL},
		{"IgnoreUnknown=1;K=12345678;K=1234567", "1234567"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char value[8] = "none";
		struct cni_error err;

		assert_int_equal(cni_args_get(rows[i].args, "K", value, sizeof(value), &err),
				 rows[i].value != NULL);
		assert_string_equal(value, rows[i].value ?: "none");
	}
}

static void an_argument_that_does_not_fit_is_an_error(void **state)
{
	char value[8];
	struct cni_error err;

	(void)state;
	assert_int_equal(cni_args_get("K=12345678;X=", "K", value, sizeof(value), &err), -1);
	assert_int_equal(err.code, CNI_ERR_ENVIRONMENT);
	assert_string_equal(err.msg, "CNI_ARGS: K has 8 bytes, but at most 7 are allowed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_of_json_is_accepted),
		cmocka_unit_test(what_is_not_json_is_refused_at_its_place),
		cmocka_unit_test(only_an_object_is_a_whole),
		cmocka_unit_test(a_key_stands_once_in_an_object),
		cmocka_unit_test(a_number_beyond_a_double_is_refused),
		cmocka_unit_test(nesting_is_limited_however_deep),
		cmocka_unit_test(size_is_limited_however_large),
		cmocka_unit_test(the_number_of_values_is_limited),
		cmocka_unit_test(many_keys_take_no_quadratic_time),
		cmocka_unit_test_setup_teardown(parsing_survives_every_failing_allocation,
						use_failing_alloc, use_usual_alloc),
		cmocka_unit_test(a_copy_prints_every_number_in_full),
		cmocka_unit_test_setup_teardown(copying_survives_every_failing_allocation,
						use_failing_alloc, use_usual_alloc),
		cmocka_unit_test(members_are_found_by_exact_key_and_null_is_absent),
		cmocka_unit_test(an_absent_member_leaves_the_default),
		cmocka_unit_test(a_member_of_its_type_is_read),
		cmocka_unit_test(a_wrong_member_is_named_with_its_value_and_what_is_allowed),
		cmocka_unit_test(arguments_are_found_by_whole_key_and_the_last_wins),
		cmocka_unit_test(an_argument_that_does_not_fit_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
