/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which path leads to a resolv.conf, as the kernel follows it, and what libslirp reads in it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "plugins/slirp4netns/hostdns.h"

static char dir[PATH_MAX];

static int make_directory(void **state)
{
	char name[] = "/tmp/hostdns.XXXXXX";

	(void)state;
	return mkdtemp(name) == NULL || realpath(name, dir) == NULL ? -1 : chdir(dir);
}

static int remove_directory(void **state)
{
	static const char *const names[] = {"a/up", "a/b/file", "loop1", "loop2", "link", "slashes",
					    "gone", "chain",    "long",  "a/b",   "a"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		remove(names[i]);
	return chdir("/") == 0 ? rmdir(dir) : -1;
}

static void ends_at(const char *from, const char *to)
{
	char path[PATH_MAX + 64], expected[PATH_MAX + 64];
	char *real;
	struct hostdns_walk walk;

	snprintf(path, sizeof(path), "%s/%s", dir, from);
	snprintf(expected, sizeof(expected), "%s/%s", dir, to);
	assert_int_equal(hostdns_resolve(&walk, path), 0);
	assert_string_equal(walk.done, expected);
	assert_true(walk.outside);
	real = realpath(path, NULL);
	if (real != NULL)
		assert_string_equal(walk.done, real);
	assert_int_equal(walk.missing, real == NULL);
	free(real);
}

static void a_way_ends_where_the_kernel_ends(void **state)
{
	char text[PATH_MAX + 64];
	FILE *file;

	(void)state;
	assert_int_equal(mkdir("a", 0755), 0);
	assert_int_equal(mkdir("a/b", 0755), 0);
	file = fopen("a/b/file", "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(symlink("..", "a/up"), 0);
	assert_int_equal(symlink("a/b/./file", "link"), 0);
	assert_int_equal(symlink("a//up/a/b/..//b", "slashes"), 0);
	assert_int_equal(symlink("a/nothing", "gone"), 0);
	snprintf(text, sizeof(text), "%s/slashes/../../link", dir);
	assert_int_equal(symlink(text, "chain"), 0);

	ends_at("link", "a/b/file");
	ends_at("slashes", "a/b");
	ends_at("slashes/", "a/b");
	ends_at("slashes/file", "a/b/file");
	ends_at("chain", "a/b/file");
	ends_at("a/up/a/up/link", "a/b/file");
	ends_at("gone", "a/nothing");
}

static void a_way_that_does_not_end_or_is_too_long_is_an_error(void **state)
{
	char path[2 * PATH_MAX], target[PATH_MAX];
	struct hostdns_walk walk;

	(void)state;
	assert_int_equal(symlink("loop2", "loop1"), 0);
	assert_int_equal(symlink("loop1", "loop2"), 0);
	snprintf(path, sizeof(path), "%s/loop1", dir);
	assert_int_equal(hostdns_resolve(&walk, path), -1);
	assert_int_equal(errno, ELOOP);

	memset(target, 'x', sizeof(target));
	for (size_t i = 0; i < sizeof(target); i += 200)
		target[i] = '/';
	target[sizeof(target) - 1] = '\0';
	assert_int_equal(symlink(target, "long"), 0);
	snprintf(path, sizeof(path), "%s/long/and/more", dir);
	assert_int_equal(hostdns_resolve(&walk, path), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	memset(target, 'x', sizeof(target));
	snprintf(path, sizeof(path), "%s/%.300s", dir, target);
	assert_int_equal(hostdns_resolve(&walk, path), -1);
	assert_int_equal(errno, ENAMETOOLONG);
}

static void the_sandbox_has_etc_and_run_and_nothing_that_begins_like_them(void **state)
{
	(void)state;
	assert_true(hostdns_is_in_sandbox("/etc"));
	assert_true(hostdns_is_in_sandbox("/etc/resolv.conf"));
	assert_true(hostdns_is_in_sandbox("/run/systemd/resolve/stub-resolv.conf"));
	assert_false(hostdns_is_in_sandbox("/etcetera/resolv.conf"));
	assert_false(hostdns_is_in_sandbox("/runit/resolv.conf"));
	assert_false(hostdns_is_in_sandbox("/var/run/resolv.conf"));
	assert_false(hostdns_is_in_sandbox("/"));
	assert_false(hostdns_is_in_sandbox(""));
}

static unsigned int families_in(const char *text)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	unsigned int found;

	assert_non_null(file);
	found = hostdns_families(file);
	fclose(file);
	return found;
}

static void name_servers_are_those_that_libslirp_finds(void **state)
{
	(void)state;
	assert_int_equal(families_in("# nothing\n"), 0);
	assert_int_equal(families_in("nameserver 192.0.2.1\n"), 1);
	assert_int_equal(families_in("search a\nnameserver\t2001:db8::1"), 2);
	assert_int_equal(families_in("nameserver fe80::1%eth0\nnameserver 192.0.2.1\n"), 3);
	assert_int_equal(families_in("nameserver 192.0.2.1 # and a comment\r\n"), 1);
	assert_int_equal(families_in("#nameserver 192.0.2.1\n nameserver 192.0.2.1\n"), 0);
	assert_int_equal(families_in("nameserver localhost\nnameserver 1.2.3\nnameserver\n"), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_way_ends_where_the_kernel_ends),
		cmocka_unit_test(a_way_that_does_not_end_or_is_too_long_is_an_error),
		cmocka_unit_test(the_sandbox_has_etc_and_run_and_nothing_that_begins_like_them),
		cmocka_unit_test(name_servers_are_those_that_libslirp_finds),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
