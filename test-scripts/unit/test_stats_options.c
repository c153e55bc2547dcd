/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command lines of netns-stats: what each subcommand takes, and what it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <getopt.h>

#include <cmocka.h>

#include "plugins/netns-stats/complain.h"
#include "plugins/netns-stats/options.h"
#include "plugins/netns-stats/serve.h"

#define ROWS(rows) (sizeof(rows) / sizeof(*(rows)))

/* One of the parsers on a command line. */
#define PARSE(parser, out, ...)  \
	(optind = 0, opterr = 0, \
	 parser(count((char *[]){__VA_ARGS__, NULL}), (char *[]){__VA_ARGS__, NULL}, out))

#define W(word) ((char[]){word})

static int count(char **argv)
{
	int n = 0;

	while (argv[n] != NULL)
		n++;
	return n;
}

static void seconds_are_a_whole_number_of_milliseconds_in_range(void **unused)
{
	static const struct {
		const char *text;
		int ms; /* -1: refused */
	} rows[] = {
		{"2", 2000},  {"0.5", 500}, {"0.1", 100},     {"0.099", -1}, {"3600", 3600000},
		{"3601", -1}, {"", -1},     {"x", -1},        {"1s", -1},    {"nan", -1},
		{"inf", -1},  {"-1", -1},   {"1e3", 1000000}, {"1e400", -1},
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++) {
		int ms = -1;

		if (options_seconds(rows[i].text, 100, 3600000, &ms) != (rows[i].ms < 0 ? -1 : 0) ||
		    ms != rows[i].ms)
			fail_msg("%s: %d", rows[i].text, ms);
	}
}

static void show_has_forms_and_takes_ids_or_paths(void **unused)
{
	struct show_options o;

	(void)unused;
	assert_int_equal(PARSE(options_of_show, &o, W("show")), 0);
	assert_ptr_equal(o.form, &show_table);
	assert_int_equal(o.n_rest, 0);
	assert_false(o.detail || o.loopback || o.exact || o.paths);
	assert_int_equal(
		PARSE(options_of_show, &o, W("show"), W("-f"), W("json"), W("-dlb"), W("one")), 0);
	assert_ptr_equal(o.form, &show_json);
	assert_true(o.detail && o.loopback && o.exact);
	assert_int_equal(o.n_rest, 1);
	assert_int_equal(
		PARSE(options_of_show, &o, W("show"), W("--state-dir=/s"), W("--cni-cache=/c")), 0);
	assert_string_equal(o.where.state_dir, "/s");
	assert_string_equal(o.where.cni_cache, "/c");
	assert_int_equal(PARSE(options_of_show, &o, W("show"), W("-f"), W("xml")), EXIT_USAGE);
	assert_int_equal(PARSE(options_of_show, &o, W("show"), W("-d"), W("-f"), W("prometheus")),
			 EXIT_USAGE);
	assert_int_equal(PARSE(options_of_show, &o, W("show"), W("-n")), EXIT_USAGE);
	assert_int_equal(PARSE(options_of_show, &o, W("show"), W("-n"), W("/p")), 0);
	assert_int_equal(PARSE(options_of_show, &o, W("show"), W("--nonsense")), EXIT_USAGE);
}

static void inspect_top_and_serve_want_what_they_need(void **unused)
{
	struct inspect_options inspect;
	struct top_options top;
	struct serve_options serve;

	(void)unused;
	assert_int_equal(PARSE(options_of_inspect, &inspect, W("inspect")), EXIT_USAGE);
	assert_int_equal(PARSE(options_of_inspect, &inspect, W("inspect"), W("a"), W("b")), 0);
	assert_int_equal(inspect.n_rest, 2);

	assert_int_equal(PARSE(options_of_top, &top, W("top")), 0);
	assert_int_equal(top.interval_ms, 1000);
	assert_int_equal(top.sort, SORT_TOTAL);
	assert_int_equal(
		PARSE(options_of_top, &top, W("top"), W("-s"), W("tx"), W("-i"), W("0.1"), W("-b")),
		0);
	assert_int_equal(top.interval_ms, 100);
	assert_int_equal(top.sort, SORT_TX);
	assert_true(top.exact);
	assert_int_equal(PARSE(options_of_top, &top, W("top"), W("-i"), W("0.05")), EXIT_USAGE);
	assert_int_equal(PARSE(options_of_top, &top, W("top"), W("-s"), W("age")), EXIT_USAGE);
	assert_int_equal(PARSE(options_of_top, &top, W("top"), W("more")), EXIT_USAGE);

	assert_int_equal(PARSE(options_of_serve, &serve, W("serve")), EXIT_USAGE);
	assert_int_equal(PARSE(options_of_serve, &serve, W("serve"), W("--listen"), W(":1")), 0);
	assert_string_equal(serve.address, ":1");
	assert_int_equal(serve.limit_ms, 8000);
	assert_int_equal(PARSE(options_of_serve, &serve, W("serve"), W("--listen=:1"),
			       W("--limit=0.01"), W("-lq")),
			 0);
	assert_int_equal(serve.limit_ms, 10);
	assert_true(serve.loopback && serve.quiet);
	assert_int_equal(
		PARSE(options_of_serve, &serve, W("serve"), W("--listen=:1"), W("--limit=61")),
		EXIT_USAGE);
	assert_int_equal(PARSE(options_of_serve, &serve, W("serve"), W("--listen=:1"), W("more")),
			 EXIT_USAGE);
}

static void a_port_is_digits_up_to_65535(void **unused)
{
	static const struct {
		const char *text;
		int port; /* -1: refused */
	} rows[] = {
		{"0", 0}, {"80", 80}, {"65535", 65535}, {"65536", -1},
		{"", -1}, {"+1", -1}, {" 1", -1},       {"1x", -1},
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint16_t port = 7;

		assert_int_equal(http_parse_port(rows[i].text, &port), rows[i].port < 0 ? -1 : 0);
		if (rows[i].port >= 0)
			assert_int_equal(port, rows[i].port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seconds_are_a_whole_number_of_milliseconds_in_range),
		cmocka_unit_test(show_has_forms_and_takes_ids_or_paths),
		cmocka_unit_test(inspect_top_and_serve_want_what_they_need),
		cmocka_unit_test(a_port_is_digits_up_to_65535),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
