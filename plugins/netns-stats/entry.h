/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An attachment as the registry knows it, from one of two sources: our own record of it, or the
 * result cache of libcni (every runtime on libcni keeps one), so that an attachment without this
 * plugin in its list is shown too.
 */
#ifndef NETNS_STATS_ENTRY_H
#define NETNS_STATS_ENTRY_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "attachment.h"
#include "cache.h"
#include "cached.h"
#include "error.h"

#define PLUGIN_NAME "netns-stats"
#define POD_NAME_MAX 512 /* with its NUL; a longer one is left out */

enum source {
	SOURCE_RECORD, /* is used if both have the attachment */
	SOURCE_CACHE,
};

struct registry_entry {
	enum source source;
	struct attachment key; /* owned, as are the other strings */
	char *netns;
	char *pod;           /* "" for none, as the next */
	char *pod_namespace; /* Kubernetes' */
	char *begin;         /* RFC 3339; "" when not known */
	char *file;          /* of the cache; NULL for a record, whose name is made of the above */
	/* Of netns; not set by writers of the cache other than cnirun. */
	struct netns_identity identity;
	int ifindex; /* of the interface when it was attached; 0: unknown */
};

/* Frees what it owns and zeroes it. */
void registry_entry_free(struct registry_entry *a);
#define cleanup_registry_entry __attribute__((cleanup(registry_entry_free)))

/**
 * registry_entry_from_record() - read a record of netns-stats.
 * @key: the attachment that the name and the place of the file tell; the record must agree
 *
 * Return: 0, or -1: CNI_ERR_DECODE naming the member, or out of memory.
 */
int registry_entry_from_record(const cJSON *record, const struct attachment *key,
			       struct registry_entry *a, struct cni_error *err);

/* Read an entry of libcni's cache, which was found in @file. Return: as above. */
int registry_entry_from_cache(const struct cache_entry *cached, const char *file,
			      struct registry_entry *a, struct cni_error *err);

/* The order: by container id, namespace, network, interface, source. */
int registry_entry_compare(const struct registry_entry *a, const struct registry_entry *b);

/* Whether both are of one container: shown together, their namespace read once. */
bool registry_same_container(const struct registry_entry *a, const struct registry_entry *b);

/* Whether both are the same attachment, known from two sources. */
bool registry_same_attachment(const struct registry_entry *a, const struct registry_entry *b);

#endif
