/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base64: the test vectors of RFC 4648, texts of each length, and what is not base64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encoding.h"

static void base64_comes_back_whatever_the_length(void **state)
{
	char data[64];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 37 + 5);
	for (size_t len = 0; len <= sizeof(data); len++) {
		char *text = base64_encode(data, len);
		size_t back_len;
		char *back = base64_decode(text, &back_len);

		assert_non_null(back);
		assert_int_equal(back_len, len);
		assert_memory_equal(back, data, len);
		assert_int_equal(back[len], 0);
		assert_int_equal(strlen(text), (len + 2) / 3 * 4);
		free(text);
		free(back);
	}
}

/* RFC 4648, section 10, and the last two digits of the alphabet. */
static void base64_is_as_others_print_it(void **state)
{
	static const struct {
		const char *data, *text;
	} known[] = {
		{"", ""},
		{"f", "Zg=="},
		{"fo", "Zm8="},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"},
		{"any carnal pleas\xff\xfe", "YW55IGNhcm5hbCBwbGVhc//+"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		char *text = base64_encode(known[i].data, strlen(known[i].data));

		assert_string_equal(text, known[i].text);
		free(text);
	}
}

/* Among them space, which libnettle skips, and bits behind the last byte that are not zero. */
static void what_is_not_base64_is_refused(void **state)
{
	static const char *const wrong[] = {
		"Y",    "YQ",    "YQ=",  "YQ===",  "Y===",  "====", "YQ=Q", "=YQ=",     "YQ==YQ==",
		"YQ-_", "YQ\n=", "Y Q=", "YQ==\n", " YQ==", "YR==", "YWF=", "YQ==\x80",
	};
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_null(base64_decode(wrong[i], &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_comes_back_whatever_the_length),
		cmocka_unit_test(base64_is_as_others_print_it),
		cmocka_unit_test(what_is_not_base64_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
