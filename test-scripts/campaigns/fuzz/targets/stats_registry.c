/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What netns-stats finds on disk: a record of its own and a result of libcni's, and what it makes
 * of them: the registry, `inspect`, the closing account. An input is the record, a NUL, the cached
 * result.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "cni.h"
#include "conf.h"
#include "fuzz.h"
#include "plugins/netns-stats/account.h"
#include "plugins/netns-stats/commands.h"
#include "plugins/netns-stats/container.h"
#include "plugins/netns-stats/plugin.h"
#include "plugins/netns-stats/registry.h"
#include "state.h"

static char cache_dir[128], record_path[160], result_path[160];

static void make_directories(void)
{
	cleanup_state struct state state = STATE_NONE;
	struct cni_error err = {0};
	char path[160];

	PROMISE_OF(state_open(fuzz_dir(), PLUGIN_NAME, "net", true, &state, &err) == 0, err.msg);
	snprintf(cache_dir, sizeof(cache_dir), "%s/cni", fuzz_dir());
	snprintf(path, sizeof(path), "%s/results", cache_dir);
	if (mkdir(cache_dir, 0700) < 0 || mkdir(path, 0700) < 0)
		abort();
	snprintf(record_path, sizeof(record_path), "%s/" PLUGIN_NAME "/net/c@eth0.json",
		 fuzz_dir());
	snprintf(result_path, sizeof(result_path), "%s/results/net-c-eth0", cache_dir);
}

static void check_inspect(const struct registry *registry)
{
	cleanup_container_list struct container_list list = {0};
	cleanup_json cJSON *out = cJSON_CreateArray();
	struct cni_error err = {0};

	PROMISE(container_list_add(&list, registry, 0, registry->n, &err) == 0);
	for (size_t i = 0; i < list.n; i++)
		fuzz_check_outcome(inspect_container(registry, &list.all[i], out, &err), &err),
			err = (struct cni_error){0};
	free(fuzz_print(out));
}

static void check_reading(const cJSON *json)
{
	cleanup_reading struct reading first = {0};
	cleanup_reading struct reading second = {0};
	cleanup_json cJSON *printed = NULL;
	cleanup_json cJSON *again = NULL;

	PROMISE(reading_parse(json, &first) == 0);
	printed = reading_print(&first);
	PROMISE(printed && reading_parse(printed, &second) == 0 && first.n == second.n);
	again = reading_print(&second);
	PROMISE(again && fuzz_same(printed, again));
}

static void check_account(const cJSON *record)
{
	cleanup_reading struct reading end = {0};
	cleanup_text struct text line = {0};
	cleanup_text struct text known = {0};
	struct cni_error err = {0};

	check_reading(json_get(record, "begin"));
	PROMISE(reading_parse(json_get(record, "last"), &end) == 0);
	PROMISE(account_print(record, NULL, "DEL", &line, &err) == 0);
	fuzz_check_json(line.data, line.len);
	PROMISE(account_print(record, &end, "GC", &known, &err) == 0);
	fuzz_check_json(known.data, known.len);
	PROMISE(strchr(known.data, '\n') == known.data + known.len - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	cleanup_free char *record = input_text(&input);
	cleanup_free char *result = input_text(&input);
	cleanup_registry struct registry registry = REGISTRY_NONE;
	cleanup_text struct text complaints = {0};
	cleanup_json cJSON *json = NULL;
	struct cni_error err = {0};
	struct registry_options options;

	if (!cache_dir[0])
		make_directories();
	options = (struct registry_options){.state_dir = fuzz_dir(), .cni_cache = cache_dir};
	fuzz_write_file(record_path, record, strlen(record));
	fuzz_write_file(result_path, result, strlen(result));
	PROMISE_OF(registry_load(&registry, &options, &complaints, &err) == 0, err.msg);
	PROMISE(registry.n <= 2);
	for (size_t i = 0; i < registry.n; i++) {
		PROMISE(attachment_is_valid(&registry.all[i].key));
		PROMISE(registry.all[i].netns[0] == '/');
	}
	if (complaints.data != NULL)
		fuzz_check_printable(complaints.data);
	check_inspect(&registry);
	if (json_parse(record, strlen(record), "the record", &json, &err) == 0)
		check_account(json);
	return 0;
}
