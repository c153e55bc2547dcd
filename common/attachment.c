/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attachment.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

static bool valid_name(const char *name)
{
	size_t len = 0;

	if (!isalnum((unsigned char)name[0]))
		return false;
	for (; name[len] != '\0'; len++) {
		if (!isalnum((unsigned char)name[len]) && strchr("_.-", name[len]) == NULL)
			return false;
	}
	return len <= ATTACHMENT_NAME_MAX;
}

bool cni_valid_container_id(const char *id)
{
	return valid_name(id);
}

bool cni_valid_network_name(const char *name)
{
	return valid_name(name);
}

bool cni_valid_ifname(const char *name)
{
	const size_t len = strlen(name);

	/* The kernel's isspace() is that of Latin-1, where 0xa0 is a space. */
	return len >= 1 && len <= ATTACHMENT_IFNAME_MAX && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 && utf8_is_printable(name) &&
	       strpbrk(name, "/:% \xa0") == NULL;
}

bool attachment_is_valid(const struct attachment *a)
{
	return a->network != NULL && a->container_id != NULL && a->ifname != NULL &&
	       cni_valid_network_name(a->network) && cni_valid_container_id(a->container_id) &&
	       cni_valid_ifname(a->ifname);
}

int attachment_compare(const struct attachment *a, const struct attachment *b)
{
	int order = strcmp(a->container_id, b->container_id);

	if (order == 0)
		order = strcmp(a->network, b->network);
	return order != 0 ? order : strcmp(a->ifname, b->ifname);
}

const char *attachment_format(const struct attachment *a, char out[ATTACHMENT_TEXT_MAX])
{
	snprintf(out, ATTACHMENT_TEXT_MAX, "%s@%s", a->container_id, a->ifname);
	return out;
}

void attachment_free(struct attachment *a)
{
	free((char *)(uintptr_t)a->network);
	free((char *)(uintptr_t)a->container_id);
	free((char *)(uintptr_t)a->ifname);
	*a = (struct attachment){0};
}
