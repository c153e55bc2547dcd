/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is written as JSON is JSON, whatever goes in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json_write.h"

#define ROWS(rows) (sizeof(rows) / sizeof(*(rows)))

static int allocations_left = -1; /* -1: any number */

void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	if (allocations_left == 0)
		return NULL;
	if (allocations_left > 0)
		allocations_left--;
	return __real_reallocarray(p, n, size);
}

static void json_strings_are_escaped_and_always_utf8(void **unused)
{
	static const char *const rows[][2] = {
		{"eth0", "\"eth0\""},
		{"", "\"\""},
		{"a\"b\\c", "\"a\\\"b\\\\c\""},
		{"\n\t\x1f", "\"\\u000a\\u0009\\u001f\""},
		{"\x7f", "\"\\u007f\""},
		{"\xe2\x80\xae", "\"\\u202e\""},
		{"\xc2\x9b[31m", "\"\\u009b[31m\""},
		{"\xf3\xa0\x80\x81", "\"\\udb40\\udc01\""},
		{"\xc3\xa9", "\"\xc3\xa9\""},
		{"\xff", "\"\xef\xbf\xbd\""},
		{"\xc3", "\"\xef\xbf\xbd\""},
		{"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
		{"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
		{"\xed\xa0\x80x", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\""},
		{"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""},
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_text struct text t = {0};
		struct json_write w = {.out = &t};

		json_write_string(&w, NULL, rows[i][0]);
		assert_string_equal(t.data, rows[i][1]);
	}
}

static void json_that_is_printed_keeps_its_values(void **unused)
{
	cleanup_text struct text t = {0};

	(void)unused;
	json_write_escaped(&t, "[\n\t{\"a\":\t\"\\\"\\n\xe2\x80\xae\xc2\x9b\x7f\xc3\xa9\"}]\n");
	assert_string_equal(t.data, "[\n\t{\"a\":\t\"\\\"\\n\\u202e\\u009b\\u007f\xc3\xa9\"}]\n");
}

static void members_and_elements_have_commas_between_them(void **unused)
{
	cleanup_text struct text t = {0};
	struct json_write w = {.out = &t};

	(void)unused;
	json_write_object(&w, NULL);
	json_write_array(&w, "none");
	json_write_array_end(&w);
	json_write_array(&w, "list");
	json_write_u64(&w, NULL, UINT64_MAX);
	json_write_object(&w, NULL);
	json_write_bool(&w, "yes", true);
	json_write_bool(&w, "no", false);
	json_write_object_end(&w);
	json_write_array(&w, NULL);
	json_write_object(&w, NULL);
	json_write_object_end(&w);
	json_write_object(&w, NULL);
	json_write_object_end(&w);
	json_write_array_end(&w);
	json_write_printed(&w, NULL, "[1, 2]", 6);
	json_write_array_end(&w);
	json_write_string(&w, "a\"\n\xff", "b");
	json_write_object_end(&w);
	assert_string_equal(t.data, "{\"none\":[],\"list\":[18446744073709551615,"
				    "{\"yes\":true,\"no\":false},[{},{}],[1, 2]],"
				    "\"a\\\"\\u000a\xef\xbf\xbd\":\"b\"}");
}

static void what_is_taken_back_leaves_no_comma(void **unused)
{
	cleanup_text struct text t = {0};
	struct json_write w = {.out = &t};
	struct json_mark first, second;

	(void)unused;
	json_write_object(&w, NULL);
	first = json_write_mark(&w);
	json_write_object(&w, "empty");
	assert_true(json_write_is_empty(&w));
	json_write_undo(&w, first);
	json_write_u64(&w, "a", 1);
	assert_false(json_write_is_empty(&w));
	second = json_write_mark(&w);
	json_write_array(&w, "empty");
	json_write_undo(&w, second);
	assert_false(json_write_is_empty(&w));
	json_write_u64(&w, "b", 2);
	json_write_object_end(&w);
	assert_string_equal(t.data, "{\"a\":1,\"b\":2}");
}

/* Deeper than any reader goes: the writer keeps nothing for a level. */
static void nesting_has_no_limit_here(void **unused)
{
	enum { DEPTH = 100000 };
	cleanup_text struct text t = {0};
	struct json_write w = {.out = &t};

	(void)unused;
	for (int i = 0; i < DEPTH; i++)
		json_write_array(&w, NULL);
	for (int i = 0; i < DEPTH; i++)
		json_write_array_end(&w);
	assert_false(t.failed);
	assert_int_equal(t.len, 2 * DEPTH);
	for (int i = 0; i < DEPTH; i++) {
		assert_int_equal(t.data[i], '[');
		assert_int_equal(t.data[DEPTH + i], ']');
	}
}

/* At each allocation: the text says that it failed, and what is in it is the beginning of the
 * whole. */
static void memory_that_runs_out_is_told(void **unused)
{
	char value[4096];
	size_t lengths[8] = {0};

	(void)unused;
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (int n = 0; n < 8; n++) {
		cleanup_text struct text t = {0};
		struct json_write w = {.out = &t};

		allocations_left = n;
		json_write_array(&w, NULL);
		for (int i = 0; i < 30; i++)
			json_write_string(&w, NULL, value);
		json_write_array_end(&w);
		allocations_left = -1;
		lengths[n] = t.len;
		if (t.failed)
			assert_int_equal(t.data == NULL ? 0 : strlen(t.data), t.len);
		else
			assert_int_equal(t.data[t.len - 1], ']');
		assert_true(n == 0 || lengths[n] >= lengths[n - 1]);
		assert_true(t.failed == (n < 6));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_strings_are_escaped_and_always_utf8),
		cmocka_unit_test(json_that_is_printed_keeps_its_values),
		cmocka_unit_test(members_and_elements_have_commas_between_them),
		cmocka_unit_test(what_is_taken_back_leaves_no_comma),
		cmocka_unit_test(nesting_has_no_limit_here),
		cmocka_unit_test(memory_that_runs_out_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
