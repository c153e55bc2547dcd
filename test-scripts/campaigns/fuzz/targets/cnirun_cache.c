// SPDX-License-Identifier: GPL-2.0-or-later
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
#include "plugins/cnirun/cache.h"

static int on_entry(const struct cache_entry *entry, void *arg, struct cni_error *err)
{
	(void)err;
	PROMISE(attachment_is_valid(&entry->attachment.key));
	++*(int *)arg;
	return 0;
}

static void check_round(const struct cache *cache, const struct cache_entry *entry)
{
	cleanup_cache_entry struct cache_entry again = {0};
	cleanup_list struct network_list list = {0};
	struct cni_error err = {0};
	struct attachment_parameters parameters = entry->attachment;
	const struct attachment_parameters *a = &parameters;

	if (!entry->conf ||
	    list_parse(entry->conf, entry->conf_len, "the list", NULL, &list, &err) < 0)
		return;
	parameters.key.network = list.name;
	if (cache_write(cache, &list, a, NULL, entry->result, true, &err) < 0) {
		fuzz_check_error(&err);
		return;
	}
	if (cache_read(cache, &a->key, &again, &err) < 0) {
		/* The list in it may be deeper than what is around it. */
		fuzz_check_error(&err);
		return;
	}
	PROMISE_OF(strcmp(a->args ?: "", again.attachment.args ?: "") == 0, a->args ?: "");
	PROMISE(!entry->result == !again.result);
	PROMISE(!entry->result || fuzz_same(entry->result, again.result));
	PROMISE_OF(cache_remove(cache, &a->key, &err) == 0, err.msg);
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
		PROMISE_OF(cache_open(fuzz_dir(), CACHE_CHANGE, &cache, &err) == 0, err.msg);
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
