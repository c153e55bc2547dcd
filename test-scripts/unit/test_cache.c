/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libcni's result cache: what is written is read again, and only files of the right owner are used.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "isolated.h"

#include "cache.h"
#include "cleanup.h"
#include "conf.h"

#define DIR_ "/run/cache"
#define FILE_ DIR_ "/net-c1-eth0"

static const struct attachment c1 = {"net", "c1", "eth0"};

static struct cache open_dir_of(const char *reader)
{
	struct cache cache = CACHE_NONE;

	if (mkdir(DIR_, 0700) < 0 && errno != EEXIST)
		fail_msg("mkdir: %m");
	strcpy(cache.dir, DIR_);
	cache.fd = open(DIR_, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cache.reader = reader;
	assert_true(cache.fd >= 0);
	return cache;
}

static void what_is_written_is_read_again(void **unused)
{
	cleanup_json cJSON *capabilities = cJSON_Parse("{\"mac\":\"02:00:00:00:00:01\"}");
	cleanup_json cJSON *result = cJSON_Parse("{\"cniVersion\":\"1.0.0\"}");
	cleanup_json cJSON *exact = cJSON_Parse("{\"cniVersion\":\"1.1.0\"}");
	const struct attachment_parameters a = {.key = c1,
						.netns = (char[]){"/run/netns/x"},
						.args = (char[]){"K=V;L=;K=W"},
						.capabilities = capabilities,
						.runtime_dir = (char[]){"/run/user/1"}};
	const struct cache_content content = {
		.parameters = &a, .config = "e30=", .result = result, .exact = exact};
	cleanup_attachment_parameters struct attachment_parameters read = {0};
	cleanup_cache_entry struct cache_entry entry = {0};
	cleanup_cache struct cache cache = CACHE_NONE;
	struct cni_error err = {0};

	(void)unused;
	need_isolation();
	need_openat2();
	cache = open_dir_of("test");
	assert_int_equal(cache_read(&cache, &c1, &entry, &err), 0);
	assert_int_equal(cache_write(&cache, &content, false, &err), 1);
	assert_int_equal(cache_write(&cache, &content, false, &err), 0);
	assert_int_equal(cache_read(&cache, &c1, &entry, &err), 1);
	assert_true(cache_entry_is_known(&entry));
	assert_int_equal(attachment_compare(&entry.key, &c1), 0);
	assert_string_equal(entry.config, "e30=");
	/* The exact one counts; libcni sees the other. */
	assert_true(cJSON_Compare(entry.result, exact, true));
	assert_true(cJSON_Compare(json_get(entry.json, "result"), result, true));
	assert_string_equal(cache_entry_arg(&entry, "K"), "W");
	assert_string_equal(cache_entry_arg(&entry, "L"), "");
	assert_null(cache_entry_arg(&entry, "M"));
	assert_int_equal(cache_entry_parameters(&entry, &read, &err), 0);
	assert_string_equal(read.netns, a.netns);
	assert_string_equal(read.args, a.args);
	assert_string_equal(read.runtime_dir, a.runtime_dir);
	assert_true(cJSON_Compare(read.capabilities, capabilities, true));
	assert_int_equal(cache_remove(&cache, &c1, &err), 0);
	assert_false(exists(FILE_));
	assert_int_equal(cache_remove(&cache, &c1, &err), 0);
}

/* Names are joined by '-', and may contain it: two attachments can have one file. */
static void the_entry_of_another_is_neither_read_nor_removed(void **unused)
{
	static const struct attachment twin = {"net-c1", "x", "eth0"};
	const struct attachment_parameters a = {.key = {"net", "c1-x", "eth0"}};
	const struct cache_content content = {.parameters = &a, .config = ""};
	cleanup_cache_entry struct cache_entry entry = {0};
	cleanup_cache struct cache cache = CACHE_NONE;
	struct cni_error err = {0};

	(void)unused;
	need_isolation();
	need_openat2();
	cache = open_dir_of("test");
	assert_int_equal(cache_write(&cache, &content, false, &err), 1);
	assert_int_equal(cache_read(&cache, &twin, &entry, &err), -1);
	assert_int_equal(err.code, CNI_ERR_CONTAINER);
	assert_int_equal(cache_remove(&cache, &twin, &err), 0);
	assert_true(exists(DIR_ "/net-c1-x-eth0"));
	assert_int_equal(cache_remove(&cache, &a.key, &err), 0);
	assert_false(exists(DIR_ "/net-c1-x-eth0"));
}

static int count(const struct cache_entry *entry, void *arg, struct cni_error *err)
{
	(void)err;
	assert_string_equal(entry->key.network, "net");
	++*(int *)arg;
	return 0;
}

static void each_passes_entries_of_the_network_and_nothing_else(void **unused)
{
#define ENTRY(network, id)                                                               \
	"{\"kind\":\"cniCacheV1\",\"networkName\":\"" network "\",\"containerId\":\"" id \
	"\",\"ifName\":\"eth0\"}"
	static const char *const files[][2] = {
		{"a", ENTRY("net", "a")},
		{"b", ENTRY("net", "b")},
		{"c", ENTRY("other", "c")},
		{"d", ENTRY("net", "../d")},
		{"e", "{\"kind\":\"cniCacheV2\"}"},
		{"f", "not JSON"},
		{"g", "{}"},
		{".h", ENTRY("net", "h")},
	};
	cleanup_cache struct cache cache = CACHE_NONE;
	struct cni_error err = {0};
	char path[64];
	int n = 0;

	(void)unused;
	need_isolation();
	need_openat2();
	cache = open_dir_of("test");
	for (size_t i = 0; i < ROWS(files); i++) {
		snprintf(path, sizeof(path), DIR_ "/%s", files[i][0]);
		assert_true(make_file(path, files[i][1]));
	}
	assert_int_equal(cache_each(&cache, "net", count, &n, &err), 0);
	assert_int_equal(n, 2);
}

static void a_reader_that_executes_believes_its_own_files_alone(void **unused)
{
	cleanup_cache_entry struct cache_entry entry = {0};
	cleanup_cache struct cache executes = CACHE_NONE;
	cleanup_cache struct cache shows = CACHE_NONE;
	struct cni_error err = {0};

	(void)unused;
	need_isolation();
	need_openat2();
	executes = open_dir_of("test");
	shows = open_dir_of(NULL);
	assert_true(make_file(FILE_, ENTRY("net", "c1")));
	/* A second link: the user who made it need not be the one who wrote the file. */
	assert_int_equal(link(FILE_, "/run/second"), 0);
	assert_int_equal(cache_read_file(&executes, "net-c1-eth0", &entry, &err), -1);
	assert_int_equal(err.code, CNI_ERR_DECODE);
	assert_int_equal(cache_read_file(&shows, "net-c1-eth0", &entry, &err), 1);
	assert_string_equal(entry.key.container_id, "c1");
	cache_entry_free(&entry);
	/* A symbolic link is never followed. */
	assert_int_equal(symlink("/run/second", DIR_ "/link"), 0);
	assert_int_equal(cache_read_file(&executes, "link", &entry, &err), -1);
	assert_int_equal(cache_read_file(&shows, "link", &entry, &err), -1);
	assert_null(entry.json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(the_entry_of_another_is_neither_read_nor_removed),
		cmocka_unit_test(each_passes_entries_of_the_network_and_nothing_else),
		cmocka_unit_test(a_reader_that_executes_believes_its_own_files_alone),
	};

	return cmocka_run_group_tests(tests, isolate, NULL);
}
