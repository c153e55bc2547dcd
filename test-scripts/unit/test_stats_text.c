// SPDX-License-Identifier: GPL-2.0-or-later
/* The escapes and the numbers of netns-stats: whatever goes in, the reader is not misled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/netns-stats/text.c"

#define ROWS(rows) (sizeof(rows) / sizeof(*(rows)))

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

		text_add_json(&t, rows[i][0]);
		assert_string_equal(t.data, rows[i][1]);
	}
}

static void labels_escape_backslash_quote_and_newline_only(void **unused)
{
	cleanup_text struct text t = {0};

	(void)unused;
	text_add_label(&t, "{pod", "a\"b\\c\nd\te\xff");
	assert_string_equal(t.data, "{pod=\"a\\\"b\\\\c\\nd\te\xef\xbf\xbd\"");
}

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

static void json_that_is_printed_keeps_its_values(void **unused)
{
	cleanup_text struct text t = {0};

	(void)unused;
	text_add_json_text(&t, "[\n\t{\"a\":\t\"\\\"\\n\xe2\x80\xae\xc2\x9b\x7f\xc3\xa9\"}]\n");
	assert_string_equal(t.data, "[\n\t{\"a\":\t\"\\\"\\n\\u202e\\u009b\\u007f\xc3\xa9\"}]\n");
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
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_strings_are_escaped_and_always_utf8),
		cmocka_unit_test(labels_escape_backslash_quote_and_newline_only),
		cmocka_unit_test(a_terminal_gets_nothing_that_is_not_seen_where_it_stands),
		cmocka_unit_test(json_that_is_printed_keeps_its_values),
		cmocka_unit_test(a_terminal_gets_nothing_from_behind_the_end),
		cmocka_unit_test(numbers_are_exact_to_the_last_digit),
		cmocka_unit_test(human_numbers_fit_in_five_columns),
		cmocka_unit_test(text_grows_and_a_failure_sticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
