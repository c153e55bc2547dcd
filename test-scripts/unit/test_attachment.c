/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The key of an attachment: its order, its text, and when it is one. (Its grammar: test_cni.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "isolated.h"

#include "attachment.h"

static void the_order_is_by_container_then_network_then_interface(void **unused)
{
	static const struct attachment sorted[] = {
		{"net", "a", "eth0"}, {"net", "a", "eth1"},  {"other", "a", "eth0"},
		{"net", "b", "eth0"}, {"net", "bb", "eth0"},
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(sorted); i++) {
		for (size_t k = 0; k < ROWS(sorted); k++) {
			const int order = attachment_compare(&sorted[i], &sorted[k]);

			assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
		}
	}
}

static void the_longest_key_has_a_whole_text(void **unused)
{
	char id[ATTACHMENT_NAME_MAX + 1], expected[ATTACHMENT_TEXT_MAX], out[ATTACHMENT_TEXT_MAX];
	const struct attachment a = {"net", id, "123456789012345"};

	(void)unused;
	memset(id, 'x', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	snprintf(expected, sizeof(expected), "%s@123456789012345", id);
	assert_true(attachment_is_valid(&a));
	assert_ptr_equal(attachment_format(&a, out), out);
	assert_string_equal(out, expected);
}

static void a_key_has_three_parts_each_as_its_grammar_says(void **unused)
{
	static const struct {
		struct attachment a;
		bool valid;
	} rows[] = {
		{{"net", "c1", "eth0"}, true},  {{NULL, "c1", "eth0"}, false},
		{{"net", NULL, "eth0"}, false}, {{"net", "c1", NULL}, false},
		{{"a/b", "c1", "eth0"}, false}, {{"net", "a/b", "eth0"}, false},
		{{"net", "c1", "a/b"}, false},  {{"", "c1", "eth0"}, false},
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_int_equal(attachment_is_valid(&rows[i].a), rows[i].valid);
}

static void what_is_freed_may_be_incomplete_and_is_zero_then(void **unused)
{
	struct attachment a = {.container_id = strdup("c1")};

	(void)unused;
	attachment_free(&a);
	assert_null(a.container_id);
	attachment_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_is_by_container_then_network_then_interface),
		cmocka_unit_test(the_longest_key_has_a_whole_text),
		cmocka_unit_test(a_key_has_three_parts_each_as_its_grammar_says),
		cmocka_unit_test(what_is_freed_may_be_incomplete_and_is_zero_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
