// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Attachments out of foreign hands. Both sources are files that something else than this process
 * wrote, so every name is held against the grammar of the CNI specification before anything is done
 * with it, and what does not fit is refused by name of its member.
 */
#include "entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cni.h"
#include "conf.h"

void registry_entry_free(struct registry_entry *a)
{
	attachment_free(&a->key);
	free(a->netns);
	free(a->pod);
	free(a->pod_namespace);
	free(a->begin);
	free(a->file);
	*a = (struct registry_entry){0};
}

static int bad(const char *what, const char *key, struct cni_error *err)
{
	return cni_error(err, CNI_ERR_DECODE, "%s: %s is missing or malformed; remove the file",
			 what, key);
}

/*
 * A string that passes the check (NULL: any), the caller's; the optional ones are "" when they are
 * not there. NULL: @err is filled.
 */
static char *get_name(const cJSON *json, const char *what, const char *key,
		      bool (*valid)(const char *), struct cni_error *err)
{
	const cJSON *item = json_get(json, key);
	char *name;

	if (valid && (!cJSON_IsString(item) || !valid(item->valuestring))) {
		bad(what, key, err);
		return NULL;
	}
	name = strdup(cJSON_IsString(item) ? item->valuestring : "");
	if (!name)
		cni_error_nomem(err);
	return name;
}

/* Which attachment. @network: the name of the member that names the network. Return: 0, or -1. */
static int get_key(const cJSON *json, const char *what, const char *network, struct attachment *a,
		   struct cni_error *err)
{
	a->container_id = get_name(json, what, "containerId", cni_valid_container_id, err);
	if (!a->container_id)
		return -1;
	a->network = get_name(json, what, network, cni_valid_network_name, err);
	if (!a->network)
		return -1;
	a->ifname = get_name(json, what, "ifName", cni_valid_ifname, err);
	return a->ifname ? 0 : -1;
}

/* The index that the interface had when its account was opened: it outlives a renaming. */
static int baseline_index(const cJSON *record, const char *ifname)
{
	const cJSON *entry;

	cJSON_ArrayForEach (entry, json_get(json_get(record, "begin"), "interfaces")) {
		const char *name = cJSON_GetStringValue(json_get(entry, "ifname"));
		const cJSON *index = json_get(entry, "ifindex");

		if (name && !strcmp(name, ifname) && cJSON_IsNumber(index) && index->valueint > 0)
			return index->valueint;
	}
	return 0;
}

static bool valid_path(const char *path)
{
	return path[0] == '/';
}

int registry_entry_from_record(const cJSON *record, const struct attachment *key,
			       struct registry_entry *a, struct cni_error *err)
{
	char text[ATTACHMENT_TEXT_MAX];
	char what[300];

	snprintf(what, sizeof(what), "the record %s.json", attachment_format(key, text));
	*a = (struct registry_entry){.source = SOURCE_RECORD};
	if (get_key(record, what, "network", &a->key, err) < 0 ||
	    !(a->netns = get_name(record, what, "netns", valid_path, err)) ||
	    !(a->pod = get_name(record, what, "pod", NULL, err)) ||
	    !(a->pod_namespace = get_name(record, what, "podNamespace", NULL, err)) ||
	    !(a->begin = get_name(json_get(record, "begin"), what, "time", NULL, err)))
		return -1;
	if (attachment_compare(&a->key, key) != 0)
		return cni_error(err, CNI_ERR_DECODE,
				 "%s is that of another attachment; remove the file", what);
	a->identity = cached_netns_identity(record);
	a->ifindex = baseline_index(record, key->ifname);
	return 0;
}

/* The pod, where the runtime named one. Return: the caller's, or NULL out of memory. */
static char *cached_arg(const struct cache_entry *cached, const char *key)
{
	const char *value = cache_entry_arg(cached, key);

	return strdup(value && strlen(value) < POD_NAME_MAX ? value : "");
}

int registry_entry_from_cache(const struct cache_entry *cached, const char *file,
			      struct registry_entry *a, struct cni_error *err)
{
	char what[300];

	snprintf(what, sizeof(what), "the cached result %.250s", file);
	*a = (struct registry_entry){.source = SOURCE_CACHE};
	if (!cache_entry_is_known(cached))
		return cni_error(err, CNI_ERR_DECODE, "%s: kind is not cniCacheV1", what);
	if (get_key(cached->json, what, "networkName", &a->key, err) < 0)
		return -1;
	if (!cached->netns || !valid_path(cached->netns))
		return cni_error(err, CNI_ERR_DECODE,
				 "%s does not say which network namespace it is of (netns, or the "
				 "sandbox of an interface)",
				 what);
	a->identity = cached->identity;
	a->pod = cached_arg(cached, "K8S_POD_NAME");
	a->pod_namespace = cached_arg(cached, "K8S_POD_NAMESPACE");
	a->netns = strdup(cached->netns);
	a->begin = strdup("");
	a->file = strdup(file);
	return a->pod && a->pod_namespace && a->netns && a->begin && a->file ? 0
									     : cni_error_nomem(err);
}

int registry_entry_compare(const struct registry_entry *a, const struct registry_entry *b)
{
	int order = strcmp(a->key.container_id, b->key.container_id);

	if (!order)
		order = strcmp(a->netns, b->netns);
	if (!order)
		order = attachment_compare(&a->key, &b->key);
	return order ? order : (int)a->source - (int)b->source;
}

bool registry_same_container(const struct registry_entry *a, const struct registry_entry *b)
{
	return !strcmp(a->key.container_id, b->key.container_id) && !strcmp(a->netns, b->netns);
}

bool registry_same_attachment(const struct registry_entry *a, const struct registry_entry *b)
{
	return !strcmp(a->netns, b->netns) && attachment_compare(&a->key, &b->key) == 0;
}
