/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attachments read from files. Another process wrote the files of both sources, so every name is
 * checked against the grammar of the CNI specification before it is used, and an error names the
 * member that does not fit.
 */
#include "entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"

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

/* Copy a name that passes the check. Return: 0 with *out, which the caller frees, or -1. */
static int get_name(const char *name, const char *what, const char *key,
		    bool (*valid)(const char *), const char **out, struct cni_error *err)
{
	if (name == NULL || !valid(name))
		return bad(what, key, err);
	*out = strdup(name);
	return *out != NULL ? 0 : cni_error_nomem(err);
}

/* Read which attachment it is. @network: the name of the member that names the network. Return: 0,
 * or -1. */
static int get_key(const struct attachment *key, const char *what, const char *network,
		   struct attachment *out, struct cni_error *err)
{
	if (get_name(key->container_id, what, "containerId", cni_valid_container_id,
		     &out->container_id, err) < 0 ||
	    get_name(key->network, what, network, cni_valid_network_name, &out->network, err) < 0)
		return -1;
	return get_name(key->ifname, what, "ifName", cni_valid_ifname, &out->ifname, err);
}

/* Copy the members that may be missing; they are "" then. Return: 0, or -1 out of memory. */
static int get_rest(const char *netns, const char *pod, const char *pod_namespace,
		    const char *begin, struct registry_entry *a, struct cni_error *err)
{
	a->netns = strdup(netns);
	a->pod = strdup(pod != NULL ? pod : "");
	a->pod_namespace = strdup(pod_namespace != NULL ? pod_namespace : "");
	a->begin = strdup(begin != NULL ? begin : "");
	return a->netns != NULL && a->pod != NULL && a->pod_namespace != NULL && a->begin != NULL
		       ? 0
		       : cni_error_nomem(err);
}

static bool valid_path(const char *path)
{
	return path != NULL && path[0] == '/';
}

int registry_entry_from_record(const cJSON *record, const struct attachment *key,
			       struct registry_entry *a, struct cni_error *err)
{
	const struct stats_record r = stats_record_view(record);
	char text[ATTACHMENT_TEXT_MAX];
	char what[300];

	snprintf(what, sizeof(what), "the record %s.json", attachment_format(key, text));
	*a = (struct registry_entry){.source = SOURCE_RECORD};
	if (get_key(&r.key, what, "network", &a->key, err) < 0)
		return -1;
	if (!valid_path(r.netns))
		return bad(what, "netns", err);
	if (attachment_compare(&a->key, key) != 0)
		return cni_error(err, CNI_ERR_DECODE,
				 "%s is that of another attachment; remove the file", what);
	a->identity = r.identity;
	a->ifindex = stats_record_ifindex(record, key->ifname);
	return get_rest(r.netns, r.pod, r.pod_namespace, r.begin, a, err);
}

/* A member of CNI_ARGS; NULL if the runtime gave none, or one that is too long. */
static const char *cached_arg(const struct cache_entry *cached, const char *key)
{
	const char *value = cache_entry_arg(cached, key);

	return value != NULL && strlen(value) < POD_NAME_MAX ? value : NULL;
}

int registry_entry_from_cache(const struct cache_entry *cached, const char *file,
			      struct registry_entry *a, struct cni_error *err)
{
	char what[300];

	snprintf(what, sizeof(what), "the cached result %.250s", file);
	*a = (struct registry_entry){.source = SOURCE_CACHE};
	if (!cache_entry_is_known(cached))
		return cni_error(err, CNI_ERR_DECODE, "%s: kind is not cniCacheV1", what);
	if (get_key(&cached->key, what, "networkName", &a->key, err) < 0)
		return -1;
	if (!valid_path(cached->netns))
		return cni_error(err, CNI_ERR_DECODE,
				 "%s does not say which network namespace it is of (netns, or the "
				 "sandbox of an interface)",
				 what);
	a->identity = cached->identity;
	a->file = strdup(file);
	if (a->file == NULL)
		return cni_error_nomem(err);
	return get_rest(cached->netns, cached_arg(cached, "K8S_POD_NAME"),
			cached_arg(cached, "K8S_POD_NAMESPACE"), NULL, a, err);
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
	return strcmp(a->key.container_id, b->key.container_id) == 0 &&
	       strcmp(a->netns, b->netns) == 0;
}

bool registry_same_attachment(const struct registry_entry *a, const struct registry_entry *b)
{
	return strcmp(a->netns, b->netns) == 0 && attachment_compare(&a->key, &b->key) == 0;
}
