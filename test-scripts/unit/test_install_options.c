/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the installer is asked for, and when a list can be used on a node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <getopt.h>

#include <cmocka.h>

#include "isolated.h"

#include "cleanup.h"
#include "plugins/install/node.h"
#include "plugins/install/options.h"

#define ARGUMENTS_MAX 5

static int parse(struct install_options *options, const char *const *argv, const char *state)
{
	char *copies[ARGUMENTS_MAX + 1];
	int argc = 0;

	for (; argv[argc] != NULL; argc++)
		copies[argc] = (char *)(uintptr_t)argv[argc];
	copies[argc] = NULL;
	if (state == NULL)
		unsetenv("USERNET_CNI");
	else
		setenv("USERNET_CNI", state, 1);
	optind = 0;
	opterr = 0;
	return install_options_parse(options, argc, copies);
}

static void what_is_asked_for_is_present_unless_it_says_absent(void **unused)
{
	static const struct {
		const char *argv[ARGUMENTS_MAX + 1];
		const char *state;
		int status; /* -1: go on */
		bool absent;
	} rows[] = {
		{{"i"}, NULL, -1, false},
		{{"i"}, "present", -1, false},
		{{"i"}, "absent", -1, true},
		{{"i"}, "gone", 2, false},
		{{"i"}, "", 2, false},
		{{"i", "--check"}, NULL, -1, false},
		{{"i", "--once"}, "absent", -1, true},
		{{"i", "--once", "--check"}, NULL, 2, false},
		{{"i", "more"}, NULL, 2, false},
		{{"i", "--host"}, NULL, 2, false},
		{{"i", "--nonsense"}, NULL, 2, false},
		{{"i", "--version"}, NULL, 0, false},
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct install_options options;

		if (parse(&options, rows[i].argv, rows[i].state) != rows[i].status)
			fail_msg("row %zu", i);
		if (rows[i].status < 0)
			assert_int_equal(options.absent, rows[i].absent);
	}
}

static void places_have_defaults(void **unused)
{
	struct install_options options;

	(void)unused;
	assert_int_equal(parse(&options, (const char *const[]){"i", NULL}, NULL), -1);
	assert_string_equal(options.host, "/host");
	assert_string_equal(options.from, "/cni");
	assert_false(options.once || options.check);
	assert_int_equal(
		parse(&options,
		      (const char *const[]){"i", "--host", "/h", "--from=/f", "--once", NULL},
		      NULL),
		-1);
	assert_string_equal(options.host, "/h");
	assert_string_equal(options.from, "/f");
	assert_true(options.once);
}

static void a_list_is_used_where_all_of_its_plugins_are(void **unused)
{
	static const struct {
		const char *text, *why; /* NULL: it can be used */
	} rows[] = {
		{"{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"plugins\":[{\"type\":\"ours\"}]}",
		 NULL},
		{"{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"plugins\":[{\"type\":\"theirs\"}]}",
		 NULL},
		{"{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"plugins\":[{\"type\":\"ours\"},{"
		 "\"type\":\"none\"}]}",
		 "none"},
		{"{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"plugins\":[{\"type\":\"ours\","
		 "\"ipam\":{\"type\":\"no-ipam\"}}]}",
		 "no-ipam"},
		{"{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"plugins\":[{\"type\":\"../ours\"}]}",
		 "is not the name of a plugin"},
		{"{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"plugins\":[]}", "at least one plugin"},
		{"{\"cniVersion\":\"1.0.0\",\"plugins\":[{\"type\":\"ours\"}]}", "name"},
		{"{", ""},
	};
	cleanup_items struct items plugins = {0};
	cleanup_place struct place bin = PLACE_NONE;
	struct cni_error err = {0};

	(void)unused;
	need_isolation();
	assert_int_equal(mkdir("/run/from", 0755) | mkdir("/run/h", 0755) |
				 mkdir("/run/h/bin", 0755) | mkdir("/run/lists", 0755),
			 0);
	assert_true(make_file("/run/from/ours", "x"));
	assert_true(make_file("/run/h/bin/theirs", "x"));
	assert_int_equal(chmod("/run/h/bin/theirs", 0755), 0);
	if (items_read("/run/from", NULL, &plugins, &err) < 0 ||
	    place_open(&bin, "/run/h", "/bin", 0755, true, &err) < 0)
		fail_msg("%s: %s", err.msg, err.details);
	assert_int_equal(plugins.n, 1);
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_items struct items lists = {0};

		unlink("/run/lists/10-l.conflist");
		assert_true(make_file("/run/lists/10-l.conflist", rows[i].text));
		assert_int_equal(items_read("/run/lists", ".conflist", &lists, &err), 0);
		assert_int_equal(lists.n, 1);
		err = (struct cni_error){0};
		if ((node_can_use("/run/h", &lists.item[0], &bin, &plugins, &err) == 0) !=
			    (rows[i].why == NULL) ||
		    (rows[i].why != NULL && strstr(err.msg, rows[i].why) == NULL))
			fail_msg("%s: %s", rows[i].text, err.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_asked_for_is_present_unless_it_says_absent),
		cmocka_unit_test(places_have_defaults),
		cmocka_unit_test(a_list_is_used_where_all_of_its_plugins_are),
	};

	return cmocka_run_group_tests(tests, isolate, NULL);
}
