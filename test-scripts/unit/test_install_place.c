/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which file on the node is the installer's, what it does with each, and what a killed one left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "isolated.h"

#include "cleanup.h"
#include "plugins/install/place.h"

#define FROM "/run/from"
#define BIN "/run/host/bin"
#define STORE BIN "/.usernet-cni"

/* An empty image and an empty directory of the node. */
static int make_node(void **unused)
{
	(void)unused;
	if (!isolated)
		return 0;
	return mount("test", "/run", "tmpfs", 0, "size=16m,mode=755") | mkdir("/run/host", 0755) |
	       mkdir(BIN, 0755) | mkdir(FROM, 0755);
}

static int remove_node(void **unused)
{
	(void)unused;
	return isolated ? umount2("/run", MNT_DETACH) : 0;
}

static void put(const char *path, const char *text)
{
	unlink(path);
	assert_true(make_file(path, text));
}

static bool has_text(const char *path, const char *text)
{
	char buf[64] = "";
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return false;
	assert_true(read(fd, buf, sizeof(buf) - 1) >= 0);
	close(fd);
	return strcmp(buf, text) == 0;
}

static bool same_file(const char *a, const char *b)
{
	struct stat first, second;

	return lstat(a, &first) == 0 && lstat(b, &second) == 0 && first.st_ino == second.st_ino;
}

static void open_node(struct place *bin, struct items *items)
{
	struct cni_error err = {0};

	if (items_read(FROM, NULL, items, &err) < 0 ||
	    place_open(bin, "/run/host", "/bin", 0755, true, &err) < 0 || place_lock(bin, &err) < 0)
		fail_msg("%s: %s", err.msg, err.details);
}

/* Install what FROM has, and remove what it no longer has. Return: 0, or -1 with @err. */
static int install(struct cni_error *err)
{
	cleanup_items struct items items = {0};
	cleanup_place struct place bin = PLACE_NONE;

	*err = (struct cni_error){0};
	open_node(&bin, &items);
	return place_recover(&bin, err) < 0 || place_stage(&bin, &items, err) < 0 ||
			       place_commit(&bin, &items, err) < 0 ||
			       place_retire(&bin, &items, err) < 0
		       ? -1
		       : 0;
}

static bool settled(void)
{
	cleanup_items struct items items = {0};
	cleanup_place struct place bin = PLACE_NONE;
	struct cni_error err = {0};

	open_node(&bin, &items);
	return place_settled(&bin, &items, &err);
}

static void a_file_is_installed_replaced_and_removed(void **unused)
{
	cleanup_place struct place bin = PLACE_NONE;
	cleanup_items struct items none = {0};
	struct cni_error err;
	struct stat st;
	int opened;

	(void)unused;
	need_isolation();
	put(FROM "/a", "one");
	assert_false(settled());
	assert_int_equal(install(&err), 0);
	assert_true(settled());
	assert_true(has_text(BIN "/a", "one"));
	assert_int_equal(stat(BIN "/a", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_true(same_file(BIN "/a", STORE "/now.a"));

	/* Whoever has opened the old file keeps it. */
	opened = open(BIN "/a", O_RDONLY | O_CLOEXEC);
	put(FROM "/a", "two");
	assert_false(settled());
	assert_int_equal(install(&err), 0);
	assert_true(has_text(BIN "/a", "two"));
	assert_true(same_file(BIN "/a", STORE "/now.a"));
	assert_int_equal(count_entries(STORE), 1);
	assert_int_equal(fstat(opened, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	close(opened);

	/* Nothing has changed, so nothing is written. */
	assert_int_equal(link(BIN "/a", "/run/host/before"), 0);
	assert_int_equal(install(&err), 0);
	assert_true(same_file(BIN "/a", "/run/host/before"));

	assert_int_equal(chmod(BIN "/a", 0700), 0);
	assert_false(settled());
	assert_int_equal(install(&err), 0);
	assert_true(settled());

	unlink(FROM "/a");
	assert_false(settled());
	assert_int_equal(install(&err), 0);
	assert_false(exists(BIN "/a"));
	open_node(&bin, &none);
	assert_int_equal(place_leave(&bin, &err), 0);
	assert_int_equal(count_entries(BIN), 0);
}

/* What is in place of the file "b" before an installer of "a" and "b" comes. */
static void make_link(void)
{
	put("/run/elsewhere", "image");
	assert_int_equal(chmod("/run/elsewhere", 0755), 0);
	assert_int_equal(symlink("/run/elsewhere", BIN "/b"), 0);
}

static void make_foreign(void)
{
	put(BIN "/b", "theirs");
}

static void make_directory(void)
{
	assert_int_equal(mkdir(BIN "/b", 0755), 0);
}

static void make_other_mode(void)
{
	put(BIN "/b", "image");
	assert_int_equal(chmod(BIN "/b", 0644), 0);
}

static void a_file_of_others_is_neither_replaced_nor_removed(void **unused)
{
	static void (*const makes[])(void) = {make_link, make_foreign, make_directory,
					      make_other_mode};
	struct cni_error err;
	struct stat before, after;

	(void)unused;
	need_isolation();
	put(FROM "/a", "image");
	put(FROM "/b", "image");
	put(FROM "/c", "image");
	for (size_t i = 0; i < ROWS(makes); i++) {
		makes[i]();
		assert_int_equal(lstat(BIN "/b", &before), 0);
		assert_int_equal(install(&err), -1);
		if (strstr(err.msg, "/bin/b is there, and not from this installer") == NULL)
			fail_msg("row %zu: %s", i, err.msg);
		assert_int_equal(lstat(BIN "/b", &after), 0);
		assert_int_equal(before.st_ino, after.st_ino);
		/* Nothing else has changed, and nothing is left of the attempt. */
		assert_false(exists(BIN "/a") || exists(BIN "/c"));
		assert_int_equal(count_entries(STORE), 0);
		assert_int_equal(remove(BIN "/b"), 0);
	}
	/* One with the same content and mode is what is wanted; it stays theirs. */
	put(BIN "/b", "image");
	assert_int_equal(chmod(BIN "/b", 0755), 0);
	assert_int_equal(install(&err), 0);
	assert_true(settled());
	assert_false(exists(STORE "/now.b"));
	unlink(FROM "/b");
	assert_int_equal(install(&err), 0);
	assert_true(has_text(BIN "/b", "image"));
	assert_true(same_file(BIN "/a", STORE "/now.a"));
}

static void a_file_put_in_place_of_ours_stays(void **unused)
{
	struct cni_error err;

	(void)unused;
	need_isolation();
	put(FROM "/a", "image");
	assert_int_equal(install(&err), 0);
	put(BIN "/a", "theirs");
	assert_int_equal(install(&err), -1);
	assert_true(has_text(BIN "/a", "theirs"));
	unlink(FROM "/a");
	assert_int_equal(install(&err), 0);
	assert_true(has_text(BIN "/a", "theirs"));
	assert_int_equal(count_entries(STORE), 0);
}

static void a_file_that_comes_while_ours_is_staged_stays(void **unused)
{
	cleanup_items struct items items = {0};
	cleanup_place struct place bin = PLACE_NONE;
	struct cni_error err = {0};

	(void)unused;
	need_isolation();
	put(FROM "/a", "image");
	open_node(&bin, &items);
	assert_int_equal(place_stage(&bin, &items, &err), 0);
	assert_int_equal(count_entries(BIN), 1); /* the store */
	put(BIN "/a", "theirs");
	assert_int_equal(place_commit(&bin, &items, &err), -1);
	assert_non_null(strstr(err.msg, "cannot make /bin/a"));
	assert_true(has_text(BIN "/a", "theirs"));
	assert_int_equal(count_entries(STORE), 0);
}

/* The names of "a" after a kill: in place, and in the store. 'o' is the old file, 'n' the new one.
 */
static const struct {
	char place, now, new, out; /* 0: there is none */
	char left;                 /* in place, and now.a, after the recovery */
} killed[] = {
	/* the first installation: staged; linked into place; done */
	{0, 0, 'n', 0, 0},
	{'n', 0, 'n', 0, 'n'},
	{'n', 'n', 0, 0, 'n'},
	/* a replacement: staged; out.a linked; renamed into place; done */
	{'o', 'o', 'n', 0, 'o'},
	{'o', 'o', 'n', 'n', 'o'},
	{'n', 'o', 'n', 0, 'n'},
	/* somebody else's file came before, or has replaced ours */
	{'x', 0, 'n', 0, 'x'},
	{'x', 'o', 'n', 'n', 'x'},
};

static void link_as(char which, const char *path)
{
	char source[] = "/run/host/?";

	*strchr(source, '?') = which;
	if (which != 0)
		assert_int_equal(link(source, path), 0);
}

static void after_a_kill_each_file_is_the_old_or_the_new_one(void **unused)
{
	(void)unused;
	need_isolation();
	put("/run/host/o", "old");
	put("/run/host/n", "new");
	put("/run/host/x", "theirs");
	for (size_t i = 0; i < ROWS(killed); i++) {
		cleanup_items struct items items = {0};
		cleanup_place struct place bin = PLACE_NONE;
		struct cni_error err = {0};
		char left[] = "/run/host/?";
		bool ours;

		open_node(&bin, &items);
		link_as(killed[i].place, BIN "/a");
		link_as(killed[i].now, STORE "/now.a");
		link_as(killed[i].new, STORE "/new.a");
		link_as(killed[i].out, STORE "/out.a");
		if (place_recover(&bin, &err) < 0)
			fail_msg("row %zu: %s", i, err.msg);
		*strchr(left, '?') = killed[i].left;
		ours = killed[i].left == 'o' || killed[i].left == 'n';
		if (exists(STORE "/new.a") || exists(STORE "/out.a") ||
		    exists(BIN "/a") != (killed[i].left != 0) ||
		    (killed[i].left != 0 && !same_file(BIN "/a", left)) ||
		    same_file(BIN "/a", STORE "/now.a") != ours)
			fail_msg("row %zu", i);
		unlink(BIN "/a");
		unlink(STORE "/now.a");
	}
}

static void a_directory_or_a_store_that_others_could_change_is_an_error(void **unused)
{
	struct cni_error err = {0};
	struct place bin;

	(void)unused;
	need_isolation();
	assert_int_equal(chmod(BIN, 0777), 0);
	assert_int_equal(place_open(&bin, "/run/host", "/bin", 0755, true, &err), -1);
	assert_non_null(strstr(err.msg, "/bin is writable by everybody"));
	place_close(&bin);
	assert_false(exists(STORE));
	assert_int_equal(chmod(BIN, 0755), 0);

	assert_int_equal(symlink("/run/from", STORE), 0);
	assert_int_equal(place_open(&bin, "/run/host", "/bin", 0755, true, &err), -1);
	assert_non_null(strstr(err.msg, "is not a directory"));
	place_close(&bin);
	assert_int_equal(unlink(STORE), 0);

	assert_int_equal(mkdir(STORE, 0750), 0);
	assert_int_equal(place_open(&bin, "/run/host", "/bin", 0755, true, &err), -1);
	assert_non_null(strstr(err.msg, "is not ours alone"));
	place_close(&bin);
	assert_int_equal(chmod(STORE, 0700) | chown(STORE, NOBODY, NOBODY), 0);
	assert_int_equal(place_open(&bin, "/run/host", "/bin", 0755, true, &err), -1);
	assert_non_null(strstr(err.msg, "is not ours alone"));
	place_close(&bin);
}

#define on_a_node(test) cmocka_unit_test_setup_teardown(test, make_node, remove_node)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_a_node(a_file_is_installed_replaced_and_removed),
		on_a_node(a_file_of_others_is_neither_replaced_nor_removed),
		on_a_node(a_file_put_in_place_of_ours_stays),
		on_a_node(a_file_that_comes_while_ours_is_staged_stays),
		on_a_node(after_a_kill_each_file_is_the_old_or_the_new_one),
		on_a_node(a_directory_or_a_store_that_others_could_change_is_an_error),
	};

	return cmocka_run_group_tests(tests, isolate, NULL);
}
