/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The attachments of one container, as one thing: it has one namespace, read once. */
#ifndef NETNS_STATS_CONTAINER_H
#define NETNS_STATS_CONTAINER_H

#include <stddef.h>

#include "error.h"
#include "registry.h"
#include "sample.h"

/* Strings and attachments are the registry's (or, for a bare namespace, the command line's). */
struct container {
	const char *id; /* "" for a bare namespace */
	const char *netns;
	const char *pod, *pod_namespace; /* "" for none */
	/* What the sources know of the namespace; NULL for a bare one. */
	const struct netns_identity *identity;
	const struct registry_entry *attachments;
	size_t n;
};

struct container_list {
	struct container *all;
	size_t n, size;
};

/* Free the list; what it points to stays. */
void container_list_free(struct container_list *list);
#define cleanup_container_list __attribute__((cleanup(container_list_free)))

/* Append the containers of r->all[first .. first+n). Return: 0, or -1 out of memory. */
int container_list_add(struct container_list *list, const struct registry *r, size_t first,
		       size_t n, struct cni_error *err);

/* Append a namespace of which no attachment is known. Return: 0, or -1 out of memory. */
int container_list_add_path(struct container_list *list, const char *path, struct cni_error *err);

/* The network that the interface belongs to, also if it has been renamed inside; "" if no
 * attachment made it. */
const char *container_network(const struct container *c, const struct link *link);

#endif
