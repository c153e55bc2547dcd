/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The labels of what is served: whatever a name has in it, the reader is not misled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plugins/netns-stats/exposition.h"

static void labels_escape_backslash_quote_and_newline_only(void **unused)
{
	struct link link = {.index = 2, .name = "a\"b\\c"};
	struct sample sample = {.links = &link, .n_links = 1};
	struct container container = {
		.id = "id", .netns = "", .pod = "p\nd\te\xff", .pod_namespace = ""};
	struct exposition e = {0};
	struct cni_error err = {0};

	(void)unused;
	assert_int_equal(exposition_add(&e, &container, &sample, false, &err), 0);
	assert_int_equal(e.n, 1);
	assert_string_equal(e.labels.data,
			    "{interface=\"a\\\"b\\\\c\",namespace=\"\",pod=\"p\\nd\te"
			    "\xef\xbf\xbd\",id=\"id\",network=\"\"} ");
	exposition_free(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_escape_backslash_quote_and_newline_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
