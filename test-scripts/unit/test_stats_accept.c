/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which form of the exposition a client gets for what its header field Accept says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "plugins/netns-stats/accept.h"

#define OPEN "application/openmetrics-text"
#define REFUSED (-1)

struct row {
	const char *accept;
	int form;
};

static void check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct accept accept = {0};
		enum form form;
		int got;

		accept_read(&accept, rows[i].accept);
		got = accept_choose(&accept, &form) < 0 ? REFUSED : (int)form;
		if (got != rows[i].form)
			fail_msg("\"%s\": %d", rows[i].accept, got);
	}
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof(*(rows)))

static void scrapers_get_what_they_prefer(void **unused)
{
	static const struct row rows[] = {
		/* Prometheus 2.42, 2.20, 3.0; curl; a browser; vmagent */
		{OPEN ";version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
		      "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		 FORM_OPENMETRICS},
		{OPEN "; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", FORM_TEXT},
		{OPEN ";version=1.0.0;escaping=allow-utf-8;q=0.5," OPEN ";version=0.0.1;q=0.4,"
		      "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
		      "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
		 FORM_OPENMETRICS},
		{"*/*", FORM_TEXT},
		{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", FORM_TEXT},
		{"text/plain;version=0.0.4;q=1,*/*;q=0.1", FORM_TEXT},
		{OPEN, FORM_OPENMETRICS},
		{OPEN ",text/plain", FORM_OPENMETRICS},
		{"text/plain," OPEN, FORM_OPENMETRICS},
	};

	(void)unused;
	CHECK(rows);
}

static void a_quality_of_zero_refuses_and_a_higher_one_wins(void **unused)
{
	static const struct row rows[] = {
		{OPEN ";q=0", FORM_TEXT},
		{OPEN ";q=0.000, */*", FORM_TEXT},
		{OPEN ";version=1.0.0;q=0,text/plain;q=0.001", FORM_TEXT},
		{OPEN ";q=0.5,text/plain", FORM_TEXT},
		{OPEN ";q=0.5,text/plain;q=0.499", FORM_OPENMETRICS},
		{OPEN ";Q=0.2 , TEXT/PLAIN ; q=0.1", FORM_OPENMETRICS},
		{"text/plain;q=0,*/*", FORM_OPENMETRICS},
		{"text/*;q=0,*/*;q=0.1", FORM_OPENMETRICS},
		{"text/plain;q=0", REFUSED},
		{"*/*;q=0", REFUSED},
		{"*/*;q=0," OPEN, FORM_OPENMETRICS},
		{"text/plain;q=0," OPEN ";q=0", REFUSED},
		{"application/json", FORM_TEXT},
		{"", FORM_TEXT},
	};

	(void)unused;
	CHECK(rows);
}

static void the_closest_range_counts_wherever_it_stands(void **unused)
{
	static const struct row rows[] = {
		{"*/*;q=1," OPEN ";q=0.1,text/plain;q=0.2", FORM_TEXT},
		{"application/*;q=0.9,text/*;q=0.1", FORM_OPENMETRICS},
		{"application/*;q=0.9," OPEN ";q=0,text/*;q=0.1", FORM_TEXT},
		{"text/plain;version=0.0.4;q=0.1,text/plain;q=0.9," OPEN ";q=0.5",
		 FORM_OPENMETRICS},
		{"text/plain;version=1.0.0," OPEN ";q=0.1", FORM_OPENMETRICS},
		{OPEN ";version=2.0.0", FORM_TEXT},
		{OPEN ";version=\"1.0.0\"", FORM_OPENMETRICS},
	};

	(void)unused;
	CHECK(rows);
}

static void what_is_not_well_formed_is_passed_over(void **unused)
{
	static const struct row rows[] = {
		{OPEN ";q=2", FORM_TEXT},
		{OPEN ";q=0.2000", FORM_TEXT}, /* a fourth digit */
		{OPEN ";q=0.200," OPEN ";q=0.1000", FORM_OPENMETRICS},
		{OPEN ";q=1.0000", FORM_TEXT},
		{OPEN ";q=1.001", FORM_TEXT},
		{OPEN ";q=0.1234," OPEN ";q=0.1", FORM_OPENMETRICS},
		{OPEN ";q=", FORM_TEXT},
		{OPEN ";q=x," OPEN, FORM_OPENMETRICS},
		{OPEN ";version", FORM_TEXT},
		{OPEN ";a=\"x,y;q=0\"", FORM_OPENMETRICS},
		{OPEN ";a=\"\\\"," OPEN ";q=0\"", FORM_OPENMETRICS},
		{OPEN ";a=\"unterminated", FORM_TEXT},
		{"/,;,=,\"," OPEN, FORM_OPENMETRICS},
		{"application/openmetrics-text-and-more", FORM_TEXT},
		{"xapplication/openmetrics-text", FORM_TEXT},
		{",, ," OPEN ", ,", FORM_OPENMETRICS},
		{"*/openmetrics-text", FORM_TEXT},
		{OPEN " x", FORM_TEXT},
		{OPEN ";;charset=utf-8;", FORM_OPENMETRICS},
	};

	(void)unused;
	CHECK(rows);
}

static void several_fields_are_one_list(void **unused)
{
	struct accept accept = {0};
	enum form form;

	(void)unused;
	assert_int_equal(accept_choose(&accept, &form), 0);
	assert_int_equal(form, FORM_TEXT);
	accept_read(&accept, "text/plain;q=0.4");
	accept_read(&accept, OPEN ";q=0.5");
	assert_int_equal(accept_choose(&accept, &form), 0);
	assert_int_equal(form, FORM_OPENMETRICS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scrapers_get_what_they_prefer),
		cmocka_unit_test(a_quality_of_zero_refuses_and_a_higher_one_wins),
		cmocka_unit_test(the_closest_range_counts_wherever_it_stands),
		cmocka_unit_test(what_is_not_well_formed_is_passed_over),
		cmocka_unit_test(several_fields_are_one_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
