/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which subordinate ids cnirun asks newuidmap(1) for, and where that is looked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cni.h"
#include "isolated.h"
#include "plugins/cnirun/idmap.h"

#define RANGES "/run/ranges"

static const struct idmap_kind test_kind = {"newuidmap", RANGES, "uid_map", 0};

/* The arguments behind "PID 0 OWN 1" that a file of ranges makes for the user "me" or our uid. */
static const char *arguments_of(const char *text)
{
	static char joined[4096];
	struct idmap_arguments args = {.argv = {"newuidmap"}};
	int n;

	joined[0] = '\0';
	unlink(RANGES);
	assert_true(make_file(RANGES, text));
	n = idmap_add_ranges(&test_kind, "me", &args);
	assert_int_equal(args.n, 3 * n);
	for (int i = 0; i < args.n; i++) {
		strcat(joined, i == 0 ? "" : " ");
		strcat(joined, args.argv[1 + i]);
	}
	return joined;
}

static void ranges_are_laid_one_behind_the_other(void **unused)
{
	(void)unused;
	need_isolation();
	assert_string_equal(arguments_of("me:100000:65536\n"), "1 100000 65536");
	assert_string_equal(arguments_of("me:100000:10\nother:1:1\nme:500:1\n0:7:2\n"),
			    "1 100000 10 11 500 1 12 7 2");
	assert_string_equal(arguments_of("me:4294967295:0\nme:100:2"), "1 100 2");
	assert_string_equal(arguments_of(""), "");
	unlink(RANGES);
	assert_int_equal(idmap_add_ranges(&test_kind, "me", &(struct idmap_arguments){0}), 0);
}

static void what_is_not_a_range_of_ours_is_passed_over(void **unused)
{
	static const char *const lines[] = {
		"other:100000:65536",
		"mee:1:1",
		"m:1:1",
		"1:1:1",
		"00:1:1",
		"me",
		"",
		":1:1",
		"me:1",
		"me:a:1",
		"me:1:a",
		"me:1:0",
		"me::",
		"me:1 1",
	};

	(void)unused;
	need_isolation();
	for (size_t i = 0; i < ROWS(lines); i++) {
		char text[128];

		snprintf(text, sizeof(text), "%s\nme:200:3\n", lines[i]);
		assert_string_equal(arguments_of(text), "1 200 3");
	}
}

/* An id has 32 bits, and the highest number is not an id, inside and outside. */
static void a_range_that_ends_behind_the_last_id_is_passed_over(void **unused)
{
	(void)unused;
	need_isolation();
	assert_string_equal(arguments_of("me:1:4294967294\n"), "1 1 4294967294");
	assert_string_equal(arguments_of("me:0:4294967295\n"), "");
	assert_string_equal(arguments_of("me:2:4294967294\n"), "");
	assert_string_equal(arguments_of("me:4294967294:1\n"), "1 4294967294 1");
	assert_string_equal(arguments_of("me:4294967295:1\n"), "");
	assert_string_equal(arguments_of("me:5:10\nme:1:4294967284\nme:1:4294967283\nme:9:1\n"),
			    "1 5 10 11 1 4294967284");
	assert_string_equal(arguments_of("me:18446744073709551615:1\nme:1:18446744073709551615\n"),
			    "");
}

static void the_kernels_limit_of_ranges_holds(void **unused)
{
	char text[IDMAP_RANGES_MAX * 40 + 100] = "";
	struct idmap_arguments args = {0};

	(void)unused;
	need_isolation();
	for (int i = 0; i < IDMAP_RANGES_MAX + 2; i++)
		snprintf(text + strlen(text), 40, "me:%d:1\n", 1000 + i);
	unlink(RANGES);
	assert_true(make_file(RANGES, text));
	assert_int_equal(idmap_add_ranges(&test_kind, "me", &args), IDMAP_RANGES_MAX);
	assert_int_equal(args.n, 3 * IDMAP_RANGES_MAX);
}

static void the_helper_is_the_first_of_path_that_can_be_run(void **unused)
{
	char out[32];

	(void)unused;
	need_isolation();
	assert_int_equal(mkdir("/run/a", 0755), 0);
	assert_int_equal(mkdir("/run/b", 0755), 0);
	assert_true(make_file("/run/a/helper", "")); /* not executable */
	assert_true(make_file("/run/b/helper", ""));
	assert_int_equal(chmod("/run/b/helper", 0755), 0);
	assert_int_equal(chdir("/run/b"), 0);

	setenv("PATH", "/run/a:/run/b", 1);
	assert_int_equal(idmap_find_program("helper", out, sizeof(out)), 0);
	assert_string_equal(out, "/run/b/helper");
	setenv("PATH", "/run/none::/run/b:", 1);
	assert_int_equal(idmap_find_program("helper", out, sizeof(out)), 0);
	assert_string_equal(out, "/run/b/helper");
	/* The working directory is not searched, whatever PATH says. */
	setenv("PATH", "::.:../b:", 1);
	assert_int_equal(idmap_find_program("helper", out, sizeof(out)), -1);
	setenv("PATH", "/run/a", 1);
	assert_int_equal(idmap_find_program("helper", out, sizeof(out)), -1);
	/* A path that was cut is another one. */
	setenv("PATH", "/run/b", 1);
	assert_int_equal(idmap_find_program("helper", out, strlen("/run/b/helper")), -1);
	assert_int_equal(idmap_find_program("helper", out, strlen("/run/b/helper") + 1), 0);
	unsetenv("PATH");
	assert_int_equal(idmap_find_program("helper", out, sizeof(out)), -1);
	assert_int_equal(chdir("/"), 0);
}

static void our_name_is_the_one_of_our_uid(void **unused)
{
	char name[64];

	(void)unused;
	need_isolation();
	setenv("USER", "liar", 1);
	idmap_own_name(name, sizeof(name));
	assert_string_equal(name, "root");
	assert_int_equal(setenv("USER", "nobody-at-all", 1), 0);
	assert_true(make_file("/run/passwd", "x:x:77:77::/:/bin/sh\n"));
	assert_int_equal(mount("/run/passwd", "/etc/passwd", NULL, MS_BIND, NULL), 0);
	idmap_own_name(name, sizeof(name));
	assert_string_equal(name, "nobody-at-all");
	unsetenv("USER");
	idmap_own_name(name, sizeof(name));
	assert_string_equal(name, "");
	assert_int_equal(umount2("/etc/passwd", MNT_DETACH), 0);
}

/* A child in a user namespace that nobody is mapped in yet. */
static pid_t unmapped_child(void)
{
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork_child();
	if (pid == 0) {
		check(unshare(CLONE_NEWUSER) == 0);
		check(write(ready[1], "", 1) == 1);
		pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static const char *read_proc(pid_t pid, const char *name)
{
	static char text[128];
	char path[64];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	file = fopen(path, "re");
	assert_non_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	fclose(file);
	return text;
}

static void write_proc(pid_t pid, const char *name, const char *text)
{
	assert_int_equal(idmap_write_file(pid, name, text), 0);
}

/* Without a helper, which is the case where PATH leads nowhere. */
static void without_ranges_our_own_ids_are_mapped(void **unused)
{
	struct cni_error err = {0};
	pid_t pid;

	(void)unused;
	need_isolation();
	setenv("PATH", "/run/none", 1);
	pid = unmapped_child();
	if (idmap_write(pid, true, &err) < 0)
		fail_msg("%s: %s", err.msg, err.details);
	assert_string_equal(read_proc(pid, "uid_map"), "         0          0          1\n");
	assert_string_equal(read_proc(pid, "gid_map"), "         0          0          1\n");
	assert_string_equal(read_proc(pid, "setgroups"), "deny\n");
	/* A map is written once. */
	assert_int_equal(idmap_write(pid, false, &err), -1);
	assert_int_equal(err.code, CNI_ERR_IO);
	assert_non_null(strstr(err.msg, "cannot map our user"));
	end_child(pid);
	assert_int_equal(idmap_write(pid, false, &err), -1); /* nobody there */

	pid = unmapped_child();
	write_proc(pid, "gid_map", "0 5 1\n");
	assert_int_equal(idmap_write(pid, false, &err), -1);
	assert_non_null(strstr(err.msg, "cannot map our group"));
	end_child(pid);
}

/* Nor is one that fails a reason to do without a map. */
static void a_helper_that_fails_is_told_and_done_without(void **unused)
{
	const pid_t pid = unmapped_child();

	(void)unused;
	need_isolation();
	assert_int_equal(mkdir("/run/bin", 0755), 0);
	assert_true(make_file("/run/bin/newuidmap", "#!/bin/sh\necho no such range >&2\nexit 3\n"));
	assert_int_equal(chmod("/run/bin/newuidmap", 0755), 0);
	setenv("PATH", "/run/bin:/bin", 1);
	unlink(RANGES);
	assert_true(make_file(RANGES, "me:100000:65536\n"));
	assert_int_equal(idmap_map_ranges(pid, &test_kind, "me", false), -1);
	assert_int_equal(idmap_map_ranges(pid, &test_kind, "nobody-at-all", true), -1);
	assert_string_equal(read_proc(pid, "uid_map"), "");
	unlink("/run/bin/newuidmap");
	assert_true(make_file("/run/bin/newuidmap", "#!/bin/sh\necho $* >/run/asked\n"));
	assert_int_equal(chmod("/run/bin/newuidmap", 0755), 0);
	assert_int_equal(idmap_map_ranges(pid, &test_kind, "me", true), 0);
	{
		char expected[64], asked[64] = "";
		FILE *file = fopen("/run/asked", "re");

		assert_non_null(file);
		assert_non_null(fgets(asked, sizeof(asked), file));
		fclose(file);
		snprintf(expected, sizeof(expected), "%d 0 0 1 1 100000 65536\n", (int)pid);
		assert_string_equal(asked, expected);
	}
	end_child(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_laid_one_behind_the_other),
		cmocka_unit_test(what_is_not_a_range_of_ours_is_passed_over),
		cmocka_unit_test(a_range_that_ends_behind_the_last_id_is_passed_over),
		cmocka_unit_test(the_kernels_limit_of_ranges_holds),
		cmocka_unit_test(the_helper_is_the_first_of_path_that_can_be_run),
		cmocka_unit_test(our_name_is_the_one_of_our_uid),
		cmocka_unit_test(without_ranges_our_own_ids_are_mapped),
		cmocka_unit_test(a_helper_that_fails_is_told_and_done_without),
	};

	return cmocka_run_group_tests(tests, isolate, NULL);
}
