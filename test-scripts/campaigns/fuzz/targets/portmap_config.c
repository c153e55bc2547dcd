/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netns-portmap's configuration, its records of both backends, and GC's list: the owners that
 * elements of nf_tables are told apart by are made of names that nobody has checked.
 */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "conf.h"
#include "fuzz.h"
#include "plugins/netns-portmap/backend.h"
#include "plugins/netns-portmap/config.h"
#include "plugins/netns-portmap/publication.h"
#include "utf8.h"

/* What is written to a record is read from it again. */
static void check_portmap_mappings(const struct mapping *mappings, size_t n)
{
	cleanup_json cJSON *first = mappings_print(mappings, n);
	cleanup_json cJSON *again = NULL;
	cleanup_free struct mapping *back = NULL;
	const struct mapping *missing = NULL;
	struct cni_error err = {0};
	char text[MAPPING_TEXT_MAX];
	size_t n_back;

	PROMISE(first);
	PROMISE_OF(mappings_read_record(first, &back, &n_back, &err) == 0, err.msg);
	PROMISE(n_back == n);
	again = mappings_print(back, n_back);
	PROMISE(again && fuzz_same(first, again));
	PROMISE(mappings_compare(mappings, n, back, n_back, &missing, &err) == 0 && !missing);
	for (size_t i = 0; i < n; i++)
		fuzz_check_printable(mapping_format(&mappings[i], text));
}

static void check_config(const struct cni_request *req)
{
	cleanup_portmap_config struct config config = {0};
	struct cni_error err = {0};
	const int value = portmap_config_read(req, &config, &err);

	fuzz_check_outcome(value, &err);
	PROMISE(value == 0 || config.mappings == NULL);
	if (value == 0)
		check_portmap_mappings(config.mappings, config.n_mappings);
}

static void check_publication(const struct call *call, const cJSON *record)
{
	cleanup_publication struct publication p = {0};
	cleanup_elements struct elements elements = {0};
	cleanup_json cJSON *printed = NULL;
	struct cni_error err = {0};
	const int value = publication_read(call, record, &p, &err);

	fuzz_check_outcome(value, &err);
	if (value < 0)
		return;
	check_portmap_mappings(p.mappings, p.n);
	PROMISE(elements_plan(&p, &elements, &err) == 0);
	PROMISE(elements.first[TABLE_SETS] == elements.n);
	for (size_t i = 0; i < elements.n; i++) {
		PROMISE(elements.elements[i].key_len <= sizeof(elements.elements[i].key));
		PROMISE(elements.elements[i].data_len <= sizeof(elements.elements[i].data));
		PROMISE(elements.elements[i].mapping < p.n);
	}
	printed = publication_print(&p);
	PROMISE(printed);
	free(fuzz_print(printed));
}

/* As GC does it: the runtime's list, whatever is in it. */
static void check_owners(const char *network, const cJSON *conf)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, json_get(conf, "cni.dev/valid-attachments")) {
		const char *id = cJSON_GetStringValue(json_get(item, "containerID"));
		const char *ifname = cJSON_GetStringValue(json_get(item, "ifname"));
		cleanup_free char *owner = malloc(OWNER_MAX);
		char prefix[OWNER_MAX];

		if (id == NULL || ifname == NULL)
			continue;
		owner_name(network, id, ifname, owner);
		owner_prefix(network, prefix);
		PROMISE_OF(strlen(owner) < OWNER_MAX, owner);
		PROMISE_OF(strncmp(owner, prefix, strlen(prefix)) == 0, owner);
		PROMISE_OF(!strpbrk(strchr(owner, '@') ?: "", "\"\\"), owner);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	cleanup_json cJSON *conf = input_json(&input);
	const cJSON *runtime = json_get(conf, "runtimeConfig");
	const char *name = cJSON_GetStringValue(json_get(conf, "name"));
	const struct cni_request req = {
		.command = "ADD",
		.attachment = {.network =
				       name != NULL && cni_valid_network_name(name) ? name : "net",
			       .container_id = "c",
			       .ifname = "eth0"},
		.version = CNI_VERSION_LATEST,
		.conf = conf,
		.runtime = cJSON_IsObject(runtime) ? runtime : NULL,
	};
	const struct call call = {.req = &req, .attachment = req.attachment, .lock = -1};
	struct cni_error err = {0};

	if (conf == NULL)
		return 0;
	check_config(&req);
	check_publication(&call, json_get(conf, "record") ?: conf);
	if (portmap_backend_of(conf, &err) == NULL)
		fuzz_check_error(&err);
	check_owners(req.attachment.network, conf);
	return 0;
}
