/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An attachment as the tool knows it, from one of two sources: our own record of it, or the result
 * cache of libcni (every runtime on libcni keeps one), so that what was attached without us in the
 * list shows too.
 */
#ifndef NETNS_STATS_ATTACHMENT_H
#define NETNS_STATS_ATTACHMENT_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "cached.h"
#include "error.h"

#define PLUGIN_NAME "netns-stats"
#define POD_NAME_MAX 512 /* with its NUL; a longer one is left out */

enum source {
	SOURCE_RECORD, /* counts where both have the attachment */
	SOURCE_CACHE,
};

struct attachment {
	enum source source;
	char *container_id;
	char *network;
	char *ifname;
	char *netns;
	char *pod;           /* "" for none, as the next */
	char *pod_namespace; /* Kubernetes' */
	char *begin;         /* RFC 3339; "" when not known */
	char *file;          /* of the cache; NULL for a record, whose name is made of the above */
	struct netns_identity
		identity; /* of netns; nothing is noted by other writers of the cache */
	int ifindex;      /* of the interface when it was attached; 0: not known */
};

/* Frees what it owns and zeroes it. */
void attachment_free(struct attachment *a);
#define cleanup_attachment __attribute__((cleanup(attachment_free)))

/**
 * attachment_from_record() - of a record of netns-stats.
 * @container_id, @ifname, @network: what the file's name and place say; the record must agree
 *
 * Return: 0, or -1: CNI_ERR_DECODE naming the member, or out of memory.
 */
int attachment_from_record(const cJSON *record, const char *network, const char *container_id,
			   const char *ifname, struct attachment *a, struct cni_error *err);

/* Of a file of libcni's cache (kind cniCacheV1). Return: as above. */
int attachment_from_cache(const cJSON *cached, const char *file, struct attachment *a,
			  struct cni_error *err);

/* By container id, namespace, network, interface, source. */
int attachment_compare(const struct attachment *a, const struct attachment *b);

/* Whether both are of one container: shown together, their namespace read once. */
bool attachment_same_container(const struct attachment *a, const struct attachment *b);

/* Whether both are the same attachment, known from two sources. */
bool attachment_same(const struct attachment *a, const struct attachment *b);

#endif
