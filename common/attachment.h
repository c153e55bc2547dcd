/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which attachment: the key that CNI has for one (spec, section 2, "Parameters": a container id and
 * an interface name are unique on a network), and the grammar of its parts.
 *
 * It stands by itself: a call of the protocol (cni.h), our records (state.h) and libcni's result
 * cache (cache.h) are all about attachments, and need nothing of each other to name one.
 */
#ifndef USERNET_ATTACHMENT_H
#define USERNET_ATTACHMENT_H

#include <stdbool.h>

#define ATTACHMENT_NAME_MAX 200  /* bytes of a container id, or of a network's name */
#define ATTACHMENT_IFNAME_MAX 15 /* bytes of an interface's name */
#define ATTACHMENT_TEXT_MAX (ATTACHMENT_NAME_MAX + 1 + ATTACHMENT_IFNAME_MAX + 1)

/* The strings belong to whoever made it, unless it says otherwise where it is a member. */
struct attachment {
	const char *network;
	const char *container_id;
	const char *ifname;
};

/*
 * The grammars of the spec and the kernel, also for names that come out of files.
 * Container id and network: an alphanumeric, then alphanumerics, '_', '.', '-'; at most 200 bytes.
 * Interface: 1 to 15 bytes of UTF-8, not "." or "..", no '/', ':', white space or control character
 * (dev_valid_name()), no '%' (the kernel takes it for a template).
 */
bool cni_valid_container_id(const char *id);
bool cni_valid_network_name(const char *name);
bool cni_valid_ifname(const char *name);

/* Whether each of the three is there and as its grammar says. */
bool attachment_is_valid(const struct attachment *a);

/* By container id, network, interface, each as strcmp() orders it. */
int attachment_compare(const struct attachment *a, const struct attachment *b);

/* "<container id>@<interface>", cut where the parts are longer than they may be. Return: @out. */
const char *attachment_format(const struct attachment *a, char out[ATTACHMENT_TEXT_MAX]);

/* Free the strings of an attachment that owns them, and zero it. */
void attachment_free(struct attachment *a);

#endif
