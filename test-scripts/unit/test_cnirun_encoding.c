/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cnirun's SHA-512 and base64, at the edges of their blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/cnirun/base64.c"
#include "../../plugins/cnirun/sha512.c"

/* The first ten bytes, which is what cnitool uses. */
static void is_hash(const char *text, size_t len, const char *expected)
{
	uint8_t hash[SHA512_BYTES];
	char hex[21] = "";

	sha512(text, len, hash);
	for (int i = 0; i < 10; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	assert_string_equal(hex, expected);
}

static void sha512_is_right_around_the_edges_of_its_blocks(void **state)
{
	char text[256];

	(void)state;
	memset(text, 'a', sizeof(text));
	is_hash(text, 0, "cf83e1357eefb8bdf154");
	is_hash(text, 1, "1f40fc92da2416947509");
	is_hash(text, 111, "fa9121c7b32b9e01733d");
	is_hash(text, 112, "c01d080efd492776a1c4");
	is_hash(text, 113, "55ddd8ac210a6e18ba1e");
	is_hash(text, 127, "828613968b501dc00a97");
	is_hash(text, 128, "b73d1929aa615934e61a");
	is_hash(text, 129, "4f681e0bd53cda4b5a20");
	is_hash(text, 239, "52c853cb8d907f3d4d6b");
	is_hash(text, 240, "4c296d90c61052a62ffb");
	is_hash(text, 256, "6a9169eb662f136d8737");
}

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
		assert_int_equal(strlen(text), (len + 2) / 3 * 4);
		free(text);
		free(back);
	}
}

static void base64_is_as_others_print_it(void **state)
{
	char *text = base64_encode("any carnal pleas\xff\xfe", 18);

	(void)state;
	assert_string_equal(text, "YW55IGNhcm5hbCBwbGVhc//+");
	free(text);
	text = base64_encode("a", 1);
	assert_string_equal(text, "YQ==");
	free(text);
}

static void what_is_not_base64_is_refused(void **state)
{
	static const char *const wrong[] = {"Y",    "YQ",   "YQ=",      "YQ===", "Y===",  "====",
					    "YQ=Q", "=YQ=", "YQ==YQ==", "YQ-_",  "YQ\n=", "Y Q="};
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_null(base64_decode(wrong[i], &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha512_is_right_around_the_edges_of_its_blocks),
		cmocka_unit_test(base64_comes_back_whatever_the_length),
		cmocka_unit_test(base64_is_as_others_print_it),
		cmocka_unit_test(what_is_not_base64_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
