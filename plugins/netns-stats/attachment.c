// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Attachments out of foreign hands. Both sources are files that something else than this process
 * wrote, so every name is held against the grammar of the CNI specification before anything is done
 * with it, and what does not fit is refused by name of its member.
 */
#include "attachment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cni.h"
#include "conf.h"
#include "result.h"

void attachment_free(struct attachment *a)
{
	free(a->container_id);
	free(a->network);
	free(a->ifname);
	free(a->netns);
	free(a->pod);
	free(a->pod_namespace);
	free(a->begin);
	free(a->file);
	*a = (struct attachment){0};
}

static int bad(const char *what, const char *key, struct cni_error *err)
{
	return cni_error(err, CNI_ERR_DECODE, "%s: %s is missing or malformed; remove the file",
			 what, key);
}

/* A string that passes the check (NULL: any); the optional ones are "" when they are not there. */
static int get_name(const cJSON *json, const char *what, const char *key,
		    bool (*valid)(const char *), char **out, struct cni_error *err)
{
	const cJSON *item = json_get(json, key);

	if (valid && (!cJSON_IsString(item) || !valid(item->valuestring)))
		return bad(what, key, err);
	*out = strdup(cJSON_IsString(item) ? item->valuestring : "");
	return *out ? 0 : cni_error_nomem(err);
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

int attachment_from_record(const cJSON *record, const char *network, const char *container_id,
			   const char *ifname, struct attachment *a, struct cni_error *err)
{
	char what[300];

	snprintf(what, sizeof(what), "the record %.200s@%s.json", container_id, ifname);
	*a = (struct attachment){.source = SOURCE_RECORD};
	if (get_name(record, what, "containerId", cni_valid_container_id, &a->container_id, err) ||
	    get_name(record, what, "network", cni_valid_network_name, &a->network, err) ||
	    get_name(record, what, "ifName", cni_valid_ifname, &a->ifname, err) ||
	    get_name(record, what, "netns", valid_path, &a->netns, err) ||
	    get_name(record, what, "pod", NULL, &a->pod, err) ||
	    get_name(record, what, "podNamespace", NULL, &a->pod_namespace, err) ||
	    get_name(json_get(record, "begin"), what, "time", NULL, &a->begin, err))
		return -1;
	if (strcmp(a->container_id, container_id) != 0 || strcmp(a->ifname, ifname) != 0 ||
	    strcmp(a->network, network) != 0)
		return cni_error(err, CNI_ERR_DECODE,
				 "%s is that of another attachment; remove the file", what);
	a->identity = cached_netns_identity(record);
	a->ifindex = baseline_index(record, ifname);
	return 0;
}

/* cniArgs is a list of pairs: [["K8S_POD_NAME", "web-0"], ...]. The last of a key counts. */
static int cached_arg(const cJSON *cached, const char *key, char **out, struct cni_error *err)
{
	const char *value = "";
	const cJSON *pair;

	cJSON_ArrayForEach (pair, json_get(cached, "cniArgs")) {
		const char *k = cJSON_GetStringValue(cJSON_GetArrayItem(pair, 0));
		const char *v = cJSON_GetStringValue(cJSON_GetArrayItem(pair, 1));

		if (k && v && !strcmp(k, key))
			value = strlen(v) < POD_NAME_MAX ? v : "";
	}
	*out = strdup(value);
	return *out ? 0 : cni_error_nomem(err);
}

int attachment_from_cache(const cJSON *cached, const char *file, struct attachment *a,
			  struct cni_error *err)
{
	const char *netns = result_cached_netns(cached);
	const cJSON *kind = json_get(cached, "kind");
	char what[300];

	snprintf(what, sizeof(what), "the cached result %.250s", file);
	*a = (struct attachment){.source = SOURCE_CACHE};
	if (!cJSON_IsString(kind) || strcmp(kind->valuestring, "cniCacheV1") != 0)
		return cni_error(err, CNI_ERR_DECODE, "%s: kind is not cniCacheV1", what);
	if (get_name(cached, what, "containerId", cni_valid_container_id, &a->container_id, err) ||
	    get_name(cached, what, "networkName", cni_valid_network_name, &a->network, err) ||
	    get_name(cached, what, "ifName", cni_valid_ifname, &a->ifname, err) ||
	    cached_arg(cached, "K8S_POD_NAME", &a->pod, err) ||
	    cached_arg(cached, "K8S_POD_NAMESPACE", &a->pod_namespace, err))
		return -1;
	if (!netns || !valid_path(netns))
		return cni_error(err, CNI_ERR_DECODE,
				 "%s does not say which network namespace it is of (netns, or the "
				 "sandbox of an interface)",
				 what);
	a->identity = cached_netns_identity(cached);
	a->netns = strdup(netns);
	a->begin = strdup("");
	a->file = strdup(file);
	return a->netns && a->begin && a->file ? 0 : cni_error_nomem(err);
}

int attachment_compare(const struct attachment *a, const struct attachment *b)
{
	int order = strcmp(a->container_id, b->container_id);

	if (!order)
		order = strcmp(a->netns, b->netns);
	if (!order)
		order = strcmp(a->network, b->network);
	if (!order)
		order = strcmp(a->ifname, b->ifname);
	return order ? order : (int)a->source - (int)b->source;
}

bool attachment_same_container(const struct attachment *a, const struct attachment *b)
{
	return !strcmp(a->container_id, b->container_id) && !strcmp(a->netns, b->netns);
}

bool attachment_same(const struct attachment *a, const struct attachment *b)
{
	return attachment_same_container(a, b) && !strcmp(a->network, b->network) &&
	       !strcmp(a->ifname, b->ifname);
}
