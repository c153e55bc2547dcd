/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cnirun's readers of numbers, paths and CNI_ARGS, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cni.h"
#include "isolated.h"
#include "plugins/cnirun/options.h"

static void a_number_is_the_whole_text_and_in_range(void **unused)
{
	static const struct {
		const char *text;
		long number; /* 0: refused */
	} rows[] = {
		{"1", 1},    {"3600", 3600}, {"007", 7}, {"0", 0},
		{"3601", 0}, {"", 0},        {" 1", 0},  {"1 ", 0},
		{"-1", 0},   {"+1", 0},      {"1x", 0},  {"x", 0},
		{"1.0", 0},  {"/1", 0},      {":", 0},   {"99999999999999999999", 0},
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct cni_error err = {0};
		long number = -7;
		const int value = options_number("timeout", rows[i].text, 3600, &number, &err);

		assert_int_equal(value, rows[i].number == 0 ? -1 : 0);
		if (value == 0)
			assert_int_equal(number, rows[i].number);
		else
			assert_non_null(strstr(err.msg, "whole number from 1 to 3600"));
	}
}

static void a_path_is_as_go_makes_it_absolute(void **unused)
{
	static const struct {
		const char *path, *absolute;
	} rows[] = {
		{"/a/b", "/a/b"},
		{"//a///b//", "/a/b"},
		{"/a/./b/.", "/a/b"},
		{"/a/../b", "/b"},
		{"/a/b/../../c", "/c"},
		{"/..", "/"},
		{"/../../a", "/a"},
		{"/", "/"},
		{"/a/..", "/"},
		{"/...", "/..."},
		{"/.a/..b/c.", "/.a/..b/c."},
		{"a", "/run/here/a"},
		{"./a", "/run/here/a"},
		{"../a", "/run/a"},
		{"../../../../a", "/a"},
		{".", "/run/here"},
		{"..", "/run"},
	};
	char out[PATH_MAX], longest[PATH_MAX + 1];
	struct cni_error err = {0};

	(void)unused;
	need_isolation();
	assert_int_equal(mkdir("/run/here", 0755), 0);
	assert_int_equal(chdir("/run/here"), 0);
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(options_absolute_path(rows[i].path, out, &err), 0);
		assert_string_equal(out, rows[i].absolute);
	}
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[PATH_MAX] = '\0';
	assert_int_equal(options_absolute_path(longest, out, &err), -1);
	assert_int_equal(err.code, CNI_ERR_ENVIRONMENT);
	longest[PATH_MAX - 2] = '\0';
	assert_int_equal(options_absolute_path(longest, out, &err), 0);
	assert_string_equal(out, longest);
	/* With the working directory before it, it would be longer. */
	assert_int_equal(options_absolute_path(longest + 1, out, &err), -1);
	/* A directory that was removed has no path. */
	assert_int_equal(rmdir("/run/here"), 0);
	assert_int_equal(options_absolute_path("a", out, &err), -1);
	assert_int_equal(err.code, CNI_ERR_IO);
	assert_int_equal(options_absolute_path("/a", out, &err), 0);
	assert_int_equal(chdir("/"), 0);
}

static void arguments_are_pairs_of_which_no_half_is_empty(void **unused)
{
	static const struct {
		const char *args;
		bool good;
	} rows[] = {
		{"A=b", true},    {"A=b;C=d", true}, {"A=b=c", true},   {"A==", true},
		{"", false},      {"A", false},      {"A=", false},     {"=b", false},
		{";", false},     {"A=b;", false},   {";A=b", false},   {"A=b;;C=d", false},
		{"A=b;C", false}, {"A=b;C=", false}, {"A=b;=d", false},
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct cni_error err = {0};

		assert_int_equal(options_check_args(rows[i].args, &err), rows[i].good ? 0 : -1);
		assert_int_equal(err.code, rows[i].good ? 0 : CNI_ERR_ENVIRONMENT);
	}
}

static void a_directory_of_path_is_one_by_its_whole_name(void **unused)
{
	(void)unused;
	setenv("PATH", "/usr/bin:/opt/a::/b", 1);
	assert_true(options_is_in_path("/usr/bin"));
	assert_true(options_is_in_path("/opt/a"));
	assert_true(options_is_in_path("/b"));
	assert_true(options_is_in_path(""));
	assert_false(options_is_in_path("/usr"));
	assert_false(options_is_in_path("/usr/bin/x"));
	assert_false(options_is_in_path("/a"));
	unsetenv("PATH");
	assert_false(options_is_in_path("/usr/bin"));
}

static void an_empty_variable_is_none(void **unused)
{
	(void)unused;
	setenv("SOME_VARIABLE", "", 1);
	assert_null(options_variable("SOME_VARIABLE"));
	setenv("SOME_VARIABLE", "x", 1);
	assert_string_equal(options_variable("SOME_VARIABLE"), "x");
	unsetenv("SOME_VARIABLE");
	assert_null(options_variable("SOME_VARIABLE"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_is_the_whole_text_and_in_range),
		cmocka_unit_test(a_path_is_as_go_makes_it_absolute),
		cmocka_unit_test(arguments_are_pairs_of_which_no_half_is_empty),
		cmocka_unit_test(a_directory_of_path_is_one_by_its_whole_name),
		cmocka_unit_test(an_empty_variable_is_none),
	};

	return cmocka_run_group_tests(tests, isolate, NULL);
}
