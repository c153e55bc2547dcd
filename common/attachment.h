/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The key of an attachment in CNI (spec, section 2, "Parameters": a container id and an interface
 * name are unique on a network), and the grammar of its parts.
 *
 * It has a header of its own because a call of the protocol (cni.h), our records (state.h) and
 * libcni's result cache (cache.h) all name attachments, and otherwise need nothing of each other.
 */
#ifndef USERNET_ATTACHMENT_H
#define USERNET_ATTACHMENT_H

#include <stdbool.h>

#define ATTACHMENT_NAME_MAX 200  /* bytes of a container id, or of a network's name */
#define ATTACHMENT_IFNAME_MAX 15 /* bytes of an interface's name */
#define ATTACHMENT_TEXT_MAX (ATTACHMENT_NAME_MAX + 1 + ATTACHMENT_IFNAME_MAX + 1)

/* The strings belong to whoever made the attachment, unless a struct that has it as a member says
 * otherwise. */
struct attachment {
	const char *network;
	const char *container_id;
	const char *ifname;
};

/*
 * Whether a name has the grammar of the spec or of the kernel. Names that are read from files are
 * checked too.
 *
 * - Container id and network: an alphanumeric, then alphanumerics, '_', '.' and '-'; at most 200
 *   bytes.
 * - Interface: 1 to 15 bytes of UTF-8, not "." or "..", without '/', ':', white space and control
 *   characters (dev_valid_name()), and without '%', which the kernel takes for a template.
 */
bool cni_valid_container_id(const char *id);
bool cni_valid_network_name(const char *name);
bool cni_valid_ifname(const char *name);

/* Whether each of the three is present and valid. */
bool attachment_is_valid(const struct attachment *a);

/* Order by container id, network and interface, in this order. Return: as strcmp(). */
int attachment_compare(const struct attachment *a, const struct attachment *b);

/* "<container id>@<interface>", cut short when the parts are longer than is valid. Return: @out. */
const char *attachment_format(const struct attachment *a, char out[ATTACHMENT_TEXT_MAX]);

/* Free the strings of an attachment that owns them, and zero it. */
void attachment_free(struct attachment *a);

#endif
