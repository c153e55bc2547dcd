/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "error.h"
#include "utf8.h"
#include "version.h"

static void an_error_has_code_and_message_and_no_stale_details(void **state)
{
	struct cni_error err = {.details = "stale"};

	(void)state;
	assert_int_equal(cni_error(&err, CNI_ERR_FIELD, "mtu is %d", 7), -1);
	assert_int_equal(err.code, CNI_ERR_FIELD);
	assert_string_equal(err.msg, "mtu is 7");
	assert_string_equal(err.details, "");
}

static void an_errno_error_has_its_text_and_keeps_errno(void **state)
{
	struct cni_error err;

	(void)state;
	errno = ENOENT;
	assert_int_equal(cni_error_errno(&err, CNI_ERR_IO, "open %s", "/x"), -1);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(err.msg, "open /x");
	assert_string_equal(err.details, "No such file or directory");

	errno = 4000;
	cni_error_errno(&err, CNI_ERR_IO, "x");
	assert_int_equal(errno, 4000);
	assert_string_equal(err.details, "errno 4000");
}

static void wrapping_puts_context_first_and_keeps_code_and_details(void **state)
{
	struct cni_error err;

	(void)state;
	cni_error(&err, CNI_ERR_AGAIN, "busy");
	cni_error_details(&err, "held by %d", 12);
	assert_int_equal(cni_error_wrap(&err, "network %s", "n"), -1);
	assert_int_equal(err.code, CNI_ERR_AGAIN);
	assert_string_equal(err.msg, "network n: busy");
	assert_string_equal(err.details, "held by 12");
}

static void a_message_may_be_made_of_the_one_it_replaces(void **state)
{
	struct cni_error err;

	(void)state;
	cni_error(&err, CNI_ERR_IO, "inner");
	cni_error_details(&err, "cause");
	cni_error(&err, CNI_ERR_IO, "outer: %s (%s)", err.msg, err.details);
	assert_string_equal(err.msg, "outer: inner (cause)");
	cni_error_wrap(&err, "%s", err.msg);
	assert_string_equal(err.msg, "outer: inner (cause): outer: inner (cause)");
	cni_error_details(&err, "%s", err.msg);
	assert_string_equal(err.details, err.msg);
}

static void out_of_memory_is_an_io_error(void **state)
{
	struct cni_error err;

	(void)state;
	assert_int_equal(cni_error_nomem(&err), -1);
	assert_int_equal(err.code, CNI_ERR_IO);
	assert_string_equal(err.msg, "out of memory");
}

static void bytes_that_are_no_text_become_question_marks(void **state)
{
	static const struct {
		const char *in;
		const char *msg;
		const char *details;
	} rows[] = {
		{"a\nb", "a b", "a\nb"},
		{"a\tb\rc", "a b c", "a b c"},
		{"\x01\x1b[31m\x7f", "??[31m?", "??[31m?"},
		{"\xc2\x9b"
		 "31m",
		 "?31m", "?31m"}, /* C1: a terminal reads it as ESC [ */
		{"a\xe2\x80\xae"
		 "b",
		 "a?b", "a?b"}, /* what follows would be read from right to left */
		{"\xe2\x80\xa8\xef\xbb\xbf\xf3\xa0\x80\x81", "???", "???"}, /* a new line; unseen */
		{"\xff\xfe", "??", "??"},
		{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
		{"\xe2\x82\xac", "\xe2\x82\xac", "\xe2\x82\xac"},
		{"\xf0\x9f\x90\xa7", "\xf0\x9f\x90\xa7", "\xf0\x9f\x90\xa7"},
		{"\xc0\xaf", "??", "??"},             /* overlong */
		{"\xe0\x80\xaf", "???", "???"},       /* overlong */
		{"\xf0\x80\x80\xaf", "????", "????"}, /* overlong */
		{"\xed\xa0\x80", "???", "???"},       /* surrogate */
		{"\xf4\x90\x80\x80", "????", "????"}, /* beyond U+10FFFF */
		{"\xf5\x80\x80\x80", "????", "????"}, /* beyond U+10FFFF */
		{"\xe2\x82", "??", "??"},             /* cut short */
		{"\xe2\x82+", "??+", "??+"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct cni_error err;

		cni_error(&err, 1, "%s", rows[i].in);
		cni_error_details(&err, "%s", rows[i].in);
		assert_string_equal(err.msg, rows[i].msg);
		assert_string_equal(err.details, rows[i].details);
	}
}

static void assert_text(const char *text, size_t size, bool newlines)
{
	const size_t len = strnlen(text, size);

	assert_true(len < size);
	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_length(text + i, len - i);
		assert_int_not_equal(n, 0);
		if (n == 1 && !(newlines && text[i] == '\n'))
			assert_true(text[i] >= 0x20 && text[i] != 0x7f);
	}
}

/* Characters of every length, at every offset from the place where the text is cut. */
static void a_long_text_is_cut_between_characters_and_says_so(void **state)
{
	static const char *const characters[] = {"a", "\xc3\xbc", "\xe2\x82\xac",
						 "\xf0\x9f\x90\xa7", "\xff"};
	char text[3000];

	(void)state;
	for (size_t c = 0; c < 5; c++) {
		for (size_t shift = 0; shift < 8; shift++) {
			const size_t n = strlen(characters[c]);
			struct cni_error err;
			size_t len = shift;

			memset(text, 'x', shift);
			for (; len < sizeof(text) - n; len += n)
				memcpy(text + len, characters[c], n);
			text[len] = '\0';
			cni_error(&err, 1, "%s", text);
			assert_text(err.msg, sizeof(err.msg), false);
			assert_true(strlen(err.msg) > sizeof(err.msg) - 8);
			assert_string_equal(err.msg + strlen(err.msg) - 3, "...");
			cni_error_details(&err, "%s", text);
			assert_text(err.details, sizeof(err.details), true);
			assert_true(strlen(err.details) > sizeof(err.details) - 8);
			cni_error(&err, 1, "%.*s", 600, text);
			cni_error_wrap(&err, "%.*s", (int)(400 + shift), text);
			assert_text(err.msg, sizeof(err.msg), false);
			cni_error_wrap(&err, "%s", text);
			assert_text(err.msg, sizeof(err.msg), false);
		}
	}
}

static void a_text_that_just_fits_is_not_cut(void **state)
{
	struct cni_error err;
	char text[sizeof(err.msg)];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	cni_error(&err, 1, "%s", text);
	assert_string_equal(err.msg, text);
}

static void garbage_of_any_kind_comes_out_as_text(void **state)
{
	uint32_t random = 12345;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct cni_error err;
		char text[1500];

		for (size_t i = 0; i < sizeof(text); i++) {
			random = random * 1664525 + 1013904223;
			text[i] = (char)((random >> 24) | 1); /* no NUL */
		}
		text[random % sizeof(text)] = '\0';
		text[sizeof(text) - 1] = '\0';
		cni_error(&err, 1, "%s", text);
		cni_error_details(&err, "%s", text);
		cni_error_wrap(&err, "%.40s", text);
		assert_text(err.msg, sizeof(err.msg), false);
		assert_text(err.details, sizeof(err.details), true);
	}
}

static void versions_are_known_by_exact_name_only(void **state)
{
	static const char *const names[] = {"0.1.0", "0.2.0", "0.3.0", "0.3.1",
					    "0.4.0", "1.0.0", "1.1.0"};
	static const char *const others[] = {"",       "0.3",    "0.3.2", "1.1",   "1.1.0 ",
					     "v1.1.0", "01.1.0", "1.2.0", "1.1.00"};
	enum cni_version version = CNI_VERSION_COUNT;

	(void)state;
	assert_int_equal(CNI_VERSION_COUNT, 7);
	for (unsigned int i = 0; i < 7; i++) {
		assert_int_equal(cni_version_parse(names[i], &version), 0);
		assert_int_equal(version, i);
		assert_string_equal(cni_version_name(version), names[i]);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_int_equal(cni_version_parse(others[i], &version), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_has_code_and_message_and_no_stale_details),
		cmocka_unit_test(an_errno_error_has_its_text_and_keeps_errno),
		cmocka_unit_test(wrapping_puts_context_first_and_keeps_code_and_details),
		cmocka_unit_test(a_message_may_be_made_of_the_one_it_replaces),
		cmocka_unit_test(out_of_memory_is_an_io_error),
		cmocka_unit_test(bytes_that_are_no_text_become_question_marks),
		cmocka_unit_test(a_long_text_is_cut_between_characters_and_says_so),
		cmocka_unit_test(a_text_that_just_fits_is_not_cut),
		cmocka_unit_test(garbage_of_any_kind_comes_out_as_text),
		cmocka_unit_test(versions_are_known_by_exact_name_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
