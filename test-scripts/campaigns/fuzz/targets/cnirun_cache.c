/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file of the result cache. What can be read is written, and read again the same; the list in it
 * goes through list_parse(), as DEL and GC have it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cni.h"
#include "fuzz.h"
#include "plugins/cnirun/job.h"

static int on_entry(const struct cache_entry *entry, void *arg, struct cni_error *err)
{
	(void)err;
	PROMISE(attachment_is_valid(&entry->key));
	++*(int *)arg;
	return 0;
}

static void check_round(const struct cache *cache, const struct cache_entry *entry)
{
	cleanup_attachment_parameters struct attachment_parameters a = {0};
	cleanup_attachment_parameters struct attachment_parameters read = {0};
	cleanup_cache_entry struct cache_entry again = {0};
	cleanup_list struct network_list list = {0};
	const struct cache_content content = {
		.parameters = &a, .config = entry->config, .result = entry->result};
	struct cni_error err = {0};

	PROMISE(cache_entry_parameters(entry, &a, &err) == 0);
	if (!job_cached_list(&(const struct network_list){0}, entry, &list))
		return;
	if (cache_write(cache, &content, true, &err) < 0) {
		fuzz_check_error(&err);
		return;
	}
	if (cache_read(cache, &a.key, &again, &err) < 0) {
		/* The list in it may be deeper than what is around it. */
		fuzz_check_error(&err);
		return;
	}
	PROMISE(cache_entry_parameters(&again, &read, &err) == 0);
	PROMISE_OF(strcmp(a.args ?: "", read.args ?: "") == 0, a.args ?: "");
	PROMISE(!entry->result == !again.result);
	PROMISE(!entry->result || fuzz_same(entry->result, again.result));
	PROMISE_OF(cache_remove(cache, &a.key, &err) == 0, err.msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[PATH_MAX + 32];
	static const struct attachment key = {"net", "c", "eth0"};
	static struct cache cache = CACHE_NONE;
	struct input input = {data, size};
	struct cni_error err = {0};
	struct cache_entry entry = {0};
	int n = 0;
	int value;

	if (cache.fd < 0) {
		PROMISE_OF(results_open(fuzz_dir(), RESULTS_CHANGE, &cache, &err) == 0, err.msg);
		snprintf(path, sizeof(path), "%s/net-c-eth0", cache.dir);
	}
	fuzz_write_file(path, input.at, input.left);
	value = cache_read(&cache, &key, &entry, &err);
	fuzz_check_outcome(value, &err);
	PROMISE(value != 0);
	err = (struct cni_error){0};
	PROMISE(cache_each(&cache, "net", on_entry, &n, &err) == 0);
	PROMISE(n <= 1 && (value < 0 || n == 1));
	if (value > 0)
		check_round(&cache, &entry);
	cache_entry_free(&entry);
	return 0;
}
