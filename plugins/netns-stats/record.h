/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of a registration, <stateDir>/netns-stats/<network>/<container id>@<interface>.json,
 * one JSON object:
 *
 *   "containerId", "network", "ifName"   the attachment; they agree with the file's place and name
 *   "netns"           CNI_NETNS of ADD
 *   "netnsIdentity"   which namespace it was (cached.h): a path like /proc/PID/ns/net may lead
 *                     elsewhere later
 *   "pod", "podNamespace"   K8S_POD_NAME and K8S_POD_NAMESPACE of CNI_ARGS, where they are given
 *   "begin"           the counters at ADD, the baseline, as reading_print() has them
 *   "last"            the latest known ones, from CHECK or the exporter; at first there are none
 *   "result"          prevResult, in the latest version: what `netns-stats inspect` shows
 *   "portMappings"    where the configuration has the capability
 *   "account"         while it is being closed: {"file": the account file, "from": how many bytes
 *                     it had, as digits, "line": the line for it}
 *
 * Another process wrote the records: every reader here treats a member of a wrong type as one that
 * is missing.
 */
#ifndef NETNS_STATS_RECORD_H
#define NETNS_STATS_RECORD_H

#include <stdbool.h>
#include <sys/types.h>

#include <cjson/cJSON.h>

#include "attachment.h"
#include "cached.h"
#include "cni.h"
#include "counters.h"
#include "error.h"

/* The members of a record that are single values. The strings point into the record; NULL if
 * missing. */
struct stats_record {
	struct attachment key;
	const char *netns;
	const char *pod;
	const char *pod_namespace;
	const char *begin; /* the time of the baseline, RFC 3339 */
	struct netns_identity identity;
};

/* Look at a record's members; nothing is owned. */
struct stats_record stats_record_view(const cJSON *record);

/**
 * stats_record_make() - a new record, of ADD.
 * @pod, @pod_namespace: NULL if not given
 * @begin: the baseline
 *
 * Return: 0 with *record, which the caller frees, or -1 out of memory.
 */
int stats_record_make(const struct cni_request *req, const char *pod, const char *pod_namespace,
		      const struct reading *begin, cJSON **record, struct cni_error *err);

/* Read or set the baseline and the latest known counters; a reading is empty if there are none.
 * Return: 0, or -1 out of memory. */
int stats_record_begin(const cJSON *record, struct reading *r);
int stats_record_last(const cJSON *record, struct reading *r);
int stats_record_set_last(cJSON *record, const struct reading *last, struct cni_error *err);

/* Whether both have the same baseline: two records of one attachment are then of the same ADD. */
bool stats_record_same_begin(const cJSON *a, const cJSON *b);

/* The index that the interface had when its account was opened: it stays the same when the
 * interface is renamed. 0: unknown. */
int stats_record_ifindex(const cJSON *record, const char *ifname);

/* prevResult and the port mappings, which stay the record's; NULL if it has none. */
const cJSON *stats_record_result(const cJSON *record);
const cJSON *stats_record_ports(const cJSON *record);

/* Whether it is being closed, with whatever account. */
bool stats_record_is_closing(const cJSON *record);

/**
 * stats_record_note() - the line of a record that is being closed.
 * @file: the account file; a note for another file is passed over
 * @line: in the record
 * @from: the size of the file before the line, in bytes
 *
 * Return: whether there is one.
 */
bool stats_record_note(const cJSON *record, const char *file, const char **line, off_t *from);
/* Note a line; parameters as above. Return: 0, or -1 out of memory. */
int stats_record_set_note(cJSON *record, const char *file, const char *line, off_t from,
			  struct cni_error *err);

#endif
