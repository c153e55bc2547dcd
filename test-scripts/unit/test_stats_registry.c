/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which container netns-stats finds by a prefix of its id, and what it says of a record that cannot
 * be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "isolated.h"

#include "plugins/netns-stats/registry.h"
#include "text.h"

static struct registry_entry known[] = {
	{.key.container_id = (char[]){"ab"}, .netns = (char[]){"/n"}},
	{.key.container_id = (char[]){"ab"}, .netns = (char[]){"/n"}},
	{.key.container_id = (char[]){"abc"}, .netns = (char[]){"/n"}},
	{.key.container_id = (char[]){"bcd"}, .netns = (char[]){"/n"}},
	{.key.container_id = (char[]){"bce"}, .netns = (char[]){"/n"}},
	{.key.container_id = (char[]){"c"}, .netns = (char[]){"/n"}},
};
static const struct registry registry = {.all = known, .n = ROWS(known)};

static void an_id_is_found_by_as_much_of_it_as_tells_it_apart(void **unused)
{
	static const struct {
		const char *prefix;
		int code; /* 0: found */
		size_t first, n;
	} rows[] = {
		{"ab", 0, 0, 2}, /* it is one, though another begins with it */
		{"abc", 0, 2, 1},
		{"bcd", 0, 3, 1},
		{"c", 0, 5, 1},
		{"a", CNI_ERR_CONFIG, 0, 0},
		{"b", CNI_ERR_CONFIG, 0, 0},
		{"", CNI_ERR_CONFIG, 0, 0},
		{"abcd", CNI_ERR_CONTAINER, 0, 0},
		{"bb", CNI_ERR_CONTAINER, 0, 0},
		{"d", CNI_ERR_CONTAINER, 0, 0},
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct cni_error err = {0};
		size_t first = 99, n = 99;
		const int value = registry_find(&registry, rows[i].prefix, &first, &n, &err);

		assert_int_equal(err.code, rows[i].code);
		assert_int_equal(value, rows[i].code == 0 ? 0 : -1);
		if (value == 0) {
			assert_int_equal(first, rows[i].first);
			assert_int_equal(n, rows[i].n);
		}
	}
	assert_int_equal(registry_container_end(&registry, 0), 2);
	assert_int_equal(registry_container_end(&registry, 1), 2);
	assert_int_equal(registry_container_end(&registry, 5), 6);
}

static void a_record_that_cannot_be_reached_is_not_called_removed(void **unused)
{
	const struct registry_entry a = {.source = SOURCE_RECORD, .key = {"net", "c1", "eth0"}};
	struct registry r = {.options = {.state_dir = "/run/state"}};
	struct cni_error err = {0};
	struct registry_source source = {0};

	(void)unused;
	need_isolation();
	need_openat2();
	assert_int_equal(registry_read(&r, &a, &source, &err), -1);
	assert_int_equal(err.code, CNI_ERR_CONTAINER);
	assert_non_null(strstr(err.msg, "c1 has just been removed"));
	assert_int_equal(mkdir("/run/state", 0777), 0);
	assert_int_equal(chmod("/run/state", 0777), 0);
	assert_int_equal(registry_read(&r, &a, &source, &err), -1);
	assert_int_equal(err.code, CNI_ERR_IO);
	assert_null(source.json);
}

#define NETWORK_DIR "/run/changes/netns-stats/net/"

static void only_the_name_of_a_record_is_a_change_of_one(void **unused)
{
	static const char *const names[] = {
		"@",
		"@.json",
		"c1.json",
		"c1@eth0",
		"c1@eth0.jso",
		"c1@.json",
		"@eth0.json",
		".x@eth0.json",
		"-x@eth0.json",
		"c1@eth 0.json",
		"c1@eth0.json~",
		".json",
		"c@json",
		"c1@0123456789abcdef.json",
	};
	const struct registry_options options = {.state_dir = "/run/changes",
						 .cni_cache = "/run/changes/no-cache"};
	cleanup_text struct text complaints = {0};
	cleanup_registry struct registry r = REGISTRY_NONE;
	struct cni_error err = {0};

	(void)unused;
	need_isolation();
	need_openat2();
	assert_int_equal(mkdir("/run/changes", 0700), 0);
	assert_int_equal(mkdir("/run/changes/netns-stats", 0700), 0);
	assert_int_equal(mkdir(NETWORK_DIR, 0700), 0);
	assert_int_equal(registry_watch(&r, &options, &complaints, &err), 0);
	for (size_t i = 0; i < ROWS(names); i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), NETWORK_DIR "%s", names[i]);
		assert_true(make_file(path, "nonsense"));
		assert_int_equal(registry_update(&r, &err), 0);
		assert_int_equal(complaints.len, 0);
	}
	/* Of one that is, what is wrong with it is told. */
	assert_true(make_file(NETWORK_DIR "c1@eth0.json", "nonsense"));
	assert_int_equal(registry_update(&r, &err), 0);
	assert_int_not_equal(complaints.len, 0);
	assert_int_equal(r.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_found_by_as_much_of_it_as_tells_it_apart),
		cmocka_unit_test(a_record_that_cannot_be_reached_is_not_called_removed),
		cmocka_unit_test(only_the_name_of_a_record_is_a_change_of_one),
	};

	return cmocka_run_group_tests(tests, isolate, NULL);
}
