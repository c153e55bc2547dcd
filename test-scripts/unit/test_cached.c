/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * To whom the namespace at a cached path belongs now, from within a mount and a network namespace
 * of the test's own.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cached.h"
#include "cleanup.h"
#include "conf.h"
#include "isolated.h"

#define DIR_ "/run/netns"
#define BOOT "3dbd1c1e-6b0f-4d3f-9c53-27c1bb4ee07a" /* of no boot */

#define need()                    \
	do {                      \
		(void)state;      \
		need_isolation(); \
	} while (0)

static int fresh(void **state)
{
	(void)state;
	return isolated ? mount("test", "/run", "tmpfs", 0, "size=1m,mode=755") : 0;
}

static int stale(void **state)
{
	(void)state;
	return isolated ? umount2("/run", MNT_DETACH) : 0;
}

static void create(const char *name, char path[64])
{
	struct cni_error err = {0};

	if (netns_create(DIR_, name, path, 64, &err) < 0)
		fail_msg("%s (%s)", err.msg, err.details);
}

static void remove_path(const char *path)
{
	struct cni_error err = {0};

	assert_int_equal(netns_remove(path, &err), 0);
}

/* What an entry about the namespace notes, as it is read from the entry's text. */
static struct netns_identity note(const char *path)
{
	cleanup_json cJSON *cached = cJSON_CreateObject();
	cleanup_json cJSON *again = NULL;
	cleanup_netns struct netns ns = NETNS_NONE;
	cleanup_free char *text = NULL;
	struct cni_error err = {0};

	assert_int_equal(netns_open(path, &ns, &err), 0);
	assert_int_equal(cached_netns_note(&ns, cached, &err), 0);
	text = cJSON_PrintUnformatted(cached);
	again = cJSON_Parse(text);
	return cached_netns_identity(again);
}

static enum cached_netns_state judge(const char *path, const struct netns_identity *identity)
{
	cleanup_netns struct netns ns = NETNS_NONE;
	struct cni_error err = {0};

	return cached_netns_open(path, identity, &ns, &err);
}

static void a_namespace_that_is_noted_is_there_and_proven(void **state)
{
	cleanup_netns struct netns ns = NETNS_NONE;
	struct netns_identity identity;
	struct cni_error err = {0};
	struct stat st;
	char path[64];

	need();
	create("x", path);
	identity = note(path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(identity.dev, st.st_dev);
	assert_int_equal(identity.ino, st.st_ino);
	assert_int_equal(cached_netns_open(path, &identity, &ns, &err), CACHED_NETNS_THERE);
	assert_int_equal(ns.ino, st.st_ino);
	assert_true(cached_netns_proves(&identity, &ns));
	assert_int_equal(judge(path, NULL), CACHED_NETNS_THERE);
	assert_int_equal(judge(path, &(struct netns_identity){0}), CACHED_NETNS_THERE);
	assert_false(cached_netns_proves(&(struct netns_identity){0}, &ns));
	assert_false(cached_netns_proves(NULL, &ns));
}

static void another_at_the_same_path_is_told_apart(void **state)
{
	struct netns_identity identity, changed;
	char path[64], other[64];

	need();
	create("x", path);
	create("y", other);
	identity = note(path);
	assert_int_equal(judge(other, &identity), CACHED_NETNS_ANOTHER);

	changed = identity;
	changed.dev++;
	assert_int_equal(judge(path, &changed), CACHED_NETNS_ANOTHER);
	changed = identity;
	strcpy(changed.boot, BOOT);
	assert_int_equal(judge(path, &changed), CACHED_NETNS_ANOTHER);
	changed = identity;
	changed.cookie = 0; /* an older kernel's entry */
	assert_int_equal(judge(path, &changed), CACHED_NETNS_THERE);
	if (identity.cookie == 0)
		skip_because("this kernel gives namespaces no cookie");
	changed = identity;
	changed.cookie++; /* the number of an inode is given again, and at once */
	assert_int_equal(judge(path, &changed), CACHED_NETNS_ANOTHER);
}

static void a_namespace_made_again_under_the_same_name_is_another(void **state)
{
	struct netns_identity identity;
	char path[64];

	need();
	create("x", path);
	identity = note(path);
	if (identity.cookie == 0)
		skip_because("this kernel gives namespaces no cookie");
	remove_path(path);
	assert_int_equal(judge(path, &identity), CACHED_NETNS_GONE);
	create("x", path);
	assert_int_equal(judge(path, &identity), CACHED_NETNS_ANOTHER);
	assert_int_equal(judge(path, NULL), CACHED_NETNS_THERE);
}

static void nothing_and_what_is_no_namespace_are_gone(void **state)
{
	need();
	assert_int_equal(mkdir(DIR_, 0755), 0);
	assert_true(make_file(DIR_ "/file", ""));
	assert_int_equal(judge("/run/netns/none", NULL), CACHED_NETNS_GONE);
	assert_int_equal(judge("/run/netns/file", NULL), CACHED_NETNS_GONE);
	assert_int_equal(judge("/run/netns/file/x", NULL), CACHED_NETNS_GONE);
	assert_int_equal(judge("/proc/self/ns/uts", NULL), CACHED_NETNS_GONE);
	assert_int_equal(judge("/proc/2147483647/ns/net", NULL), CACHED_NETNS_GONE);
}

static void the_callers_own_and_that_of_pid_1_are_no_containers(void **state)
{
	cleanup_netns struct netns ns = NETNS_NONE;
	struct netns_identity identity;
	enum cached_netns_state found;
	struct cni_error err = {0};
	char path[64];

	need();
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)getpid());
	identity = note(path);
	assert_int_equal(cached_netns_open(path, NULL, &ns, &err), CACHED_NETNS_OURS_NOW);
	found = judge("/proc/1/ns/net", NULL);
	/* Of a process 1 that may more than we, it takes the machine's by another path. */
	if (found == CACHED_NETNS_UNKNOWN)
		found = judge("/proc/2/ns/net", NULL);
	assert_int_equal(found, CACHED_NETNS_OURS_NOW);
	/* A gc from inside of a container's can tell that the container is there. */
	assert_int_equal(judge(path, &identity), CACHED_NETNS_OURS_NOW);
	assert_true(cached_netns_proves(&identity, &ns));
	identity.cookie++;
	assert_false(cached_netns_proves(&identity, &ns));
}

static void what_cannot_be_opened_is_not_known(void **state)
{
	struct netns ns;
	struct rlimit before, none;
	struct cni_error err = {0};
	enum cached_netns_state found;
	char path[64];

	need();
	create("x", path);
	getrlimit(RLIMIT_NOFILE, &before);
	none = (struct rlimit){0, before.rlim_max};
	setrlimit(RLIMIT_NOFILE, &none);
	found = cached_netns_open(path, NULL, &ns, &err);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(found, CACHED_NETNS_UNKNOWN);
	assert_int_equal(ns.fd, -1);
	assert_string_equal(err.details, "Too many open files");
	assert_int_equal(judge(NULL, NULL), CACHED_NETNS_UNKNOWN);
}

static void as_nobody(void)
{
	become_nobody();
	check(judge("/run/closed/x", NULL) == CACHED_NETNS_UNKNOWN);
	/* A pid that is root's now was not the pid of a container of ours. */
	check(judge("/proc/1/ns/net", NULL) == CACHED_NETNS_ANOTHER);
}

/* From inside a user namespace, where all these processes belong to somebody else: it may lack a
 * right. */
static void as_a_weak_root(void)
{
	check(unshare(CLONE_NEWUSER) == 0);
	check(judge("/run/closed/x", NULL) == CACHED_NETNS_UNKNOWN);
}

static void a_path_that_we_may_not_see_is_not_known_but_for_another_users_process(void **state)
{
	need();
	assert_int_equal(mkdir("/run/closed", 0), 0);
	assert_int_equal(run_child(as_nobody), 0);
	assert_int_equal(run_child(as_a_weak_root), 0);
}

static void what_is_noted_wrongly_is_not_noted(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"netnsIdentity\":null}",
		"{\"netnsIdentity\":\"x\"}",
		"{\"netnsIdentity\":{\"boot\":\"\",\"dev\":1,\"inode\":1}}",
		"{\"netnsIdentity\":{\"boot\":\"" BOOT BOOT "\",\"dev\":1,\"inode\":1}}",
		"{\"netnsIdentity\":{\"boot\":\"" BOOT "\",\"dev\":1}}",
		"{\"netnsIdentity\":{\"boot\":\"" BOOT "\",\"dev\":1,\"inode\":-1}}",
		"{\"netnsIdentity\":{\"boot\":\"" BOOT "\",\"dev\":1,\"inode\":\"\"}}",
		"{\"netnsIdentity\":{\"boot\":\"" BOOT "\",\"dev\":1,\"inode\":\"-1\"}}",
		"{\"netnsIdentity\":{\"boot\":\"" BOOT "\",\"dev\":1,\"inode\":\"1x\"}}",
		"{\"netnsIdentity\":{\"boot\":\"" BOOT
		"\",\"dev\":1,\"inode\":1,\"cookie\":\"99999999999999999999\"}}",
	};
	struct netns_identity identity;
	cJSON *json;

	(void)state;
	for (size_t i = 0; i < ROWS(texts); i++) {
		json = cJSON_Parse(texts[i]);
		assert_non_null(json);
		identity = cached_netns_identity(json);
		cJSON_Delete(json);
		if (identity.boot[0] != '\0' || identity.ino != 0)
			fail_msg("was taken: %s", texts[i]);
	}
	json = cJSON_Parse("{\"netnsIdentity\":{\"boot\":\"" BOOT
			   "\",\"dev\":\"4\",\"inode\":\"18446744073709551615\","
			   "\"cookie\":\"18446744073709551614\",\"more\":1}}");
	identity = cached_netns_identity(json);
	cJSON_Delete(json);
	assert_string_equal(identity.boot, BOOT);
	assert_int_equal(identity.dev, 4);
	assert_true(identity.ino == UINT64_MAX && identity.cookie == UINT64_MAX - 1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fresh, stale)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_namespace_that_is_noted_is_there_and_proven),
		TEST(another_at_the_same_path_is_told_apart),
		TEST(a_namespace_made_again_under_the_same_name_is_another),
		TEST(nothing_and_what_is_no_namespace_are_gone),
		TEST(the_callers_own_and_that_of_pid_1_are_no_containers),
		TEST(what_cannot_be_opened_is_not_known),
		TEST(a_path_that_we_may_not_see_is_not_known_but_for_another_users_process),
		TEST(what_is_noted_wrongly_is_not_noted),
	};

	return cmocka_run_group_tests(tests, isolate, NULL);
}
