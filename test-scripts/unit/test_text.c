/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that grows, its escapes and numbers: whatever goes in, the reader is not misled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "array.h"
#include "text.h"

#define ROWS(rows) (sizeof(rows) / sizeof(*(rows)))

static void a_terminal_gets_nothing_that_is_not_seen_where_it_stands(void **unused)
{
	static const char *const rows[][2] = {
		{"\x1b[31m\r\n\x7f", "\\x1b[31m\\x0d\\x0a\\x7f"},
		{"\xc2\x9b"
		 "0m\xff\xc3\xa9",
		 "\\u009b0m\\xff\xc3\xa9"},
		{"\\x1b", "\\\\x1b"},
		{"eth\xe2\x80\xae"
		 "0",
		 "eth\\u202e0"},                          /* RIGHT-TO-LEFT OVERRIDE */
		{"\xe2\x81\xa6", "\\u2066"},              /* LEFT-TO-RIGHT ISOLATE */
		{"\xe2\x80\x8b", "\\u200b"},              /* ZERO WIDTH SPACE */
		{"\xe2\x80\xa8", "\\u2028"},              /* LINE SEPARATOR */
		{"\xef\xb8\x8f", "\\ufe0f"},              /* VARIATION SELECTOR-16 */
		{"\xe1\x85\xa0", "\\u1160"},              /* HANGUL JUNGSEONG FILLER */
		{"\xee\x80\x80", "\\ue000"},              /* private use */
		{"\xef\xbf\xbf", "\\uffff"},              /* not a character */
		{"\xf3\xa0\x80\x81", "\\U000e0001"},      /* LANGUAGE TAG */
		{"\xf1\x80\x80\x80", "\\U00040000"},      /* a plane without characters */
		{"e\xcc\x81", "e\xcc\x81"},               /* a mark is seen */
		{"\xd7\x90", "\xd7\x90"},                 /* and so is a Hebrew letter, */
		{"\xe4\xb8\xad", "\xe4\xb8\xad"},         /* a Chinese one, */
		{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"}, /* and a face */
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_text struct text t = {0};

		text_add_printable(&t, rows[i][0]);
		assert_string_equal(t.data, rows[i][1]);
	}
	assert_int_equal(text_columns("\xc3\xa9"
				      "a"),
			 2);
}

/* The first byte of a control character, and nothing behind it: an interface may be called so. */
static void a_terminal_gets_nothing_from_behind_the_end(void **unused)
{
	static const char name[] = "eth\xc2\0secret";
	cleanup_text struct text t = {0};

	(void)unused;
	text_add_printable(&t, name);
	assert_string_equal(t.data, "eth\\xc2");
}

static void numbers_are_exact_to_the_last_digit(void **unused)
{
	cleanup_text struct text t = {0};

	(void)unused;
	text_add_u64(&t, 0);
	text_add(&t, " ");
	text_add_u64(&t, UINT64_MAX);
	text_add(&t, " ");
	text_add_u64(&t, (UINT64_C(1) << 53) + 1);
	assert_string_equal(t.data, "0 18446744073709551615 9007199254740993");
}

static void human_numbers_fit_in_five_columns(void **unused)
{
	static const struct {
		uint64_t value;
		const char *text;
	} rows[] = {{0, "0"},
		    {1023, "1023"},
		    {1024, "1.0K"},
		    {1536, "1.5K"},
		    {10 * 1024 - 1, "10K"},
		    {999 * 1024, "999K"},
		    {1000 * 1024, "1.0M"},
		    {UINT64_MAX, "16E"}};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char buf[TEXT_HUMAN_MAX];

		assert_string_equal(text_human(rows[i].value, buf), rows[i].text);
	}
	for (unsigned int shift = 0; shift < 64; shift++) {
		char buf[TEXT_HUMAN_MAX];

		assert_true(strlen(text_human(UINT64_MAX >> shift, buf)) <= 5);
	}
}

static void text_grows_and_a_failure_sticks(void **unused)
{
	cleanup_text struct text t = {0};

	(void)unused;
	for (int i = 0; i < 100000; i++)
		text_printf(&t, "%d ", i % 10);
	assert_int_equal(t.len, 200000);
	assert_int_equal(strlen(t.data), 200000);
	t.failed = true;
	text_add(&t, "more");
	assert_int_equal(t.len, 200000);
	text_reset(&t);
	text_add(&t, "again");
	assert_string_equal(t.data, "again");
}

/* A size that no machine has fails as running out of memory does, and leaves what is there. */
static void a_text_that_is_too_large_is_refused(void **unused)
{
	static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 6, SIZE_MAX / 2};

	(void)unused;
	for (size_t i = 0; i < ROWS(sizes); i++) {
		cleanup_text struct text t = {0};

		assert_null(text_reserve(&t, sizes[i]));
		assert_true(t.failed);
		text_reset(&t);
		text_add(&t, "there");
		assert_null(text_reserve(&t, sizes[i]));
		assert_true(t.failed);
		assert_string_equal(t.data, "there");
		assert_null(text_reserve(&t, 1));
	}
}

static void what_is_read_into_a_text_is_terminated_and_can_be_cut(void **unused)
{
	cleanup_text struct text t = {0};
	char *end = text_reserve(&t, 3);

	(void)unused;
	assert_non_null(end);
	assert_string_equal(t.data, "");
	memcpy(end, "abc", 3);
	text_added(&t, 2);
	assert_string_equal(t.data, "ab");
	text_cut(&t, 3);
	assert_string_equal(t.data, "ab");
	text_cut(&t, 1);
	assert_string_equal(t.data, "a");
	assert_int_equal(t.len, 1);
}

static void an_array_grows_and_keeps_what_it_has(void **unused)
{
	struct element {
		size_t number;
		char name[24];
	} *array = NULL;
	size_t size = 0, n = 0;

	(void)unused;
	for (; n < 1000; n++) {
		assert_true(array_reserve(array, size, n, 1));
		assert_true(size > n);
		array[n].number = n;
	}
	assert_true(size < 2 * n);
	assert_true(array_reserve(array, size, n, 5000));
	assert_true(size >= n + 5000);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(array[i].number, i);
	free(array);
}

/* The sum of the elements, the room and the bytes: each may be more than there are addresses. */
static void an_array_that_is_too_large_is_refused_and_nothing_changes(void **unused)
{
	static const size_t more[] = {SIZE_MAX, SIZE_MAX - 2, SIZE_MAX / 2 + 1, SIZE_MAX / 8,
				      SIZE_MAX / 16};
	uint64_t *array = NULL, *before;
	size_t size = 0;

	(void)unused;
	assert_true(array_reserve(array, size, 0, 3));
	before = array;
	array[2] = 7;
	for (size_t i = 0; i < ROWS(more); i++) {
		assert_false(array_reserve(array, size, 3, more[i]));
		assert_ptr_equal(array, before);
		assert_int_equal(size, 4);
		assert_int_equal(array[2], 7);
	}
	free(array);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_terminal_gets_nothing_that_is_not_seen_where_it_stands),
		cmocka_unit_test(a_terminal_gets_nothing_from_behind_the_end),
		cmocka_unit_test(numbers_are_exact_to_the_last_digit),
		cmocka_unit_test(human_numbers_fit_in_five_columns),
		cmocka_unit_test(text_grows_and_a_failure_sticks),
		cmocka_unit_test(a_text_that_is_too_large_is_refused),
		cmocka_unit_test(what_is_read_into_a_text_is_terminated_and_can_be_cut),
		cmocka_unit_test(an_array_grows_and_keeps_what_it_has),
		cmocka_unit_test(an_array_that_is_too_large_is_refused_and_nothing_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
