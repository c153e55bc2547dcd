/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attachments grouped by container. In the registry's order, those of one container are together.
 */
#include "container.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"

void container_list_free(struct container_list *list)
{
	free(list->all);
	*list = (struct container_list){0};
}

static struct container *container_append(struct container_list *list)
{
	if (!array_reserve(list->all, list->size, list->n, 1))
		return NULL;
	return &list->all[list->n++];
}

int container_list_add(struct container_list *list, const struct registry *r, size_t first,
		       size_t n, struct cni_error *err)
{
	for (size_t i = first, end; i < first + n; i = end) {
		struct container *c = container_append(list);

		if (c == NULL)
			return cni_error_nomem(err);
		end = registry_container_end(r, i);
		*c = (struct container){.id = r->all[i].key.container_id,
					.netns = r->all[i].netns,
					.identity = &r->all[i].identity,
					.pod = "",
					.pod_namespace = "",
					.attachments = &r->all[i],
					.n = end - i};
		/* What one of the sources does not know, another may. */
		for (size_t k = i; k < end; k++) {
			const struct registry_entry *a = &r->all[k];

			/* A record that was left behind may be of an earlier namespace. Cookies are
			 * given in order, so the newest namespace has the highest one. */
			if (a->identity.boot[0] &&
			    (!c->identity->boot[0] || a->identity.cookie > c->identity->cookie))
				c->identity = &a->identity;
			c->pod = *c->pod ? c->pod : a->pod;
			c->pod_namespace = *c->pod_namespace ? c->pod_namespace : a->pod_namespace;
		}
	}
	return 0;
}

int container_list_add_path(struct container_list *list, const char *path, struct cni_error *err)
{
	struct container *c = container_append(list);

	if (c == NULL)
		return cni_error_nomem(err);
	*c = (struct container){.id = "", .netns = path, .pod = "", .pod_namespace = ""};
	return 0;
}

const char *container_network(const struct container *c, const struct link *link)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct registry_entry *a = &c->attachments[i];

		if (a->ifindex == link->index || strcmp(a->key.ifname, link->name) == 0)
			return a->key.network;
	}
	return "";
}
