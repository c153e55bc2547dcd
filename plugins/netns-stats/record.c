/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "conf.h"
#include "netns.h"
#include "result.h"

#define BEGIN "begin"
#define LAST "last"
#define NOTE "account"

static const char *stats_record_text(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(json_get(object, key));
}

struct stats_record stats_record_view(const cJSON *record)
{
	return (struct stats_record){
		.key = {.network = stats_record_text(record, "network"),
			.container_id = stats_record_text(record, "containerId"),
			.ifname = stats_record_text(record, "ifName")},
		.netns = stats_record_text(record, "netns"),
		.pod = stats_record_text(record, "pod"),
		.pod_namespace = stats_record_text(record, "podNamespace"),
		.begin = stats_record_text(json_get(record, BEGIN), "time"),
		.identity = cached_netns_identity(record),
	};
}

/* Give an object a member, or replace it; NULL is out of memory. Return: 0, or -1. */
static int stats_record_put(cJSON *record, const char *key, cJSON *item, struct cni_error *err)
{
	cJSON_DeleteItemFromObjectCaseSensitive(record, key);
	if (cJSON_AddItemToObject(record, key, item))
		return 0;
	cJSON_Delete(item);
	return cni_error_nomem(err);
}

int stats_record_make(const struct cni_request *req, const char *pod, const char *pod_namespace,
		      const struct reading *begin, cJSON **record, struct cni_error *err)
{
	const cJSON *ports = json_get(req->runtime, "portMappings");
	cleanup_json cJSON *made = cJSON_CreateObject();
	cleanup_netns struct netns ns = NETNS_NONE;
	struct cni_error ignored;
	cJSON *result = NULL;

	if (cJSON_AddStringToObject(made, "containerId", req->attachment.container_id) == NULL ||
	    cJSON_AddStringToObject(made, "network", req->attachment.network) == NULL ||
	    cJSON_AddStringToObject(made, "ifName", req->attachment.ifname) == NULL ||
	    cJSON_AddStringToObject(made, "netns", req->netns) == NULL)
		return cni_error_nomem(err);
	/* ADD has reported already if the namespace cannot be opened. */
	if (netns_open(req->netns, &ns, &ignored) == 0 && cached_netns_note(&ns, made, err) < 0)
		return -1;
	if (stats_record_put(made, BEGIN, reading_print(begin), err) < 0)
		return -1;
	if ((pod != NULL && cJSON_AddStringToObject(made, "pod", pod) == NULL) ||
	    (pod_namespace != NULL &&
	     cJSON_AddStringToObject(made, "podNamespace", pod_namespace) == NULL))
		return cni_error_nomem(err);
	if (result_print(&req->prev, CNI_VERSION_LATEST, &result, err) < 0 ||
	    stats_record_put(made, "result", result, err) < 0)
		return -1;
	if (ports != NULL &&
	    stats_record_put(made, "portMappings", cJSON_Duplicate(ports, true), err) < 0)
		return -1;
	*record = take_ptr(made);
	return 0;
}

int stats_record_begin(const cJSON *record, struct reading *r)
{
	return reading_parse(json_get(record, BEGIN), r);
}

int stats_record_last(const cJSON *record, struct reading *r)
{
	return reading_parse(json_get(record, LAST), r);
}

int stats_record_set_last(cJSON *record, const struct reading *last, struct cni_error *err)
{
	return stats_record_put(record, LAST, reading_print(last), err);
}

bool stats_record_same_begin(const cJSON *a, const cJSON *b)
{
	return cJSON_Compare(json_get(a, BEGIN), json_get(b, BEGIN), true);
}

int stats_record_ifindex(const cJSON *record, const char *ifname)
{
	const cJSON *entry;

	cJSON_ArrayForEach (entry, json_get(json_get(record, BEGIN), "interfaces")) {
		const char *name = stats_record_text(entry, "ifname");
		const cJSON *index = json_get(entry, "ifindex");

		if (name != NULL && strcmp(name, ifname) == 0 && cJSON_IsNumber(index) &&
		    index->valueint > 0)
			return index->valueint;
	}
	return 0;
}

const cJSON *stats_record_result(const cJSON *record)
{
	return json_get(record, "result");
}

const cJSON *stats_record_ports(const cJSON *record)
{
	return json_get(record, "portMappings");
}

bool stats_record_is_closing(const cJSON *record)
{
	return json_get(record, NOTE) != NULL;
}

bool stats_record_note(const cJSON *record, const char *file, const char **line, off_t *from)
{
	const cJSON *note = json_get(record, NOTE);
	const char *noted = stats_record_text(note, "file");
	const char *size = stats_record_text(note, "from");

	*line = stats_record_text(note, "line");
	if (noted == NULL || size == NULL || *line == NULL || strcmp(noted, file) != 0)
		return false;
	*from = (off_t)strtoll(size, NULL, 10);
	return true;
}

int stats_record_set_note(cJSON *record, const char *file, const char *line, off_t from,
			  struct cni_error *err)
{
	char size[24];
	cJSON *note;

	snprintf(size, sizeof(size), "%" PRId64, (int64_t)from);
	cJSON_DeleteItemFromObjectCaseSensitive(record, NOTE);
	note = cJSON_AddObjectToObject(record, NOTE);
	if (cJSON_AddStringToObject(note, "file", file) == NULL ||
	    cJSON_AddStringToObject(note, "from", size) == NULL ||
	    cJSON_AddStringToObject(note, "line", line) == NULL)
		return cni_error_nomem(err);
	return 0;
}
