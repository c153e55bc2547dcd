/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network namespace of an entry of libcni's result cache: whether the namespace that is at its
 * path now is still the one that the entry was written for.
 *
 * A path is not an identity: /proc/PID/ns/net becomes that of another process, and a name in
 * /run/netns is used again. An inode number is not an identity either: after the end of a
 * namespace, the next one that is made gets the same number. So cnirun, which writes entries, notes
 * what identifies the namespace in a member that libcni ignores:
 *
 *   "netnsIdentity": {"boot": "<boot id>", "dev": N, "inode": N, "cookie": "N"}
 *
 * dev and inode are those of the file in nsfs. cookie is SO_NETNS_COOKIE, a number that the kernel
 * gives only once (since Linux 5.14; on older kernels the member is left out). Entries that others
 * write do not have netnsIdentity; for those one can only tell that the path does not lead to a
 * namespace, or leads to one that is not a container's.
 */
#ifndef USERNET_CACHED_H
#define USERNET_CACHED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <cjson/cJSON.h>

#include "error.h"
#include "netns.h"
#include "process.h"

#define CACHED_NETNS_IDENTITY "netnsIdentity"

struct netns_identity {
	char boot[PROCESS_BOOT_ID]; /* /proc/sys/kernel/random/boot_id; "" when nothing is noted */
	dev_t dev;                  /* of nsfs */
	ino_t ino;                  /* in nsfs */
	uint64_t cookie;            /* 0: not noted */
};

enum cached_netns_state {
	CACHED_NETNS_GONE,     /* there is nothing, or what is there is not a network namespace */
	CACHED_NETNS_OURS_NOW, /* it is the one that we, or pid 1, are in */
	CACHED_NETNS_ANOTHER,  /* it is not the namespace of the entry */
	CACHED_NETNS_THERE,    /* it is the namespace of the entry, as far as can be told */
	CACHED_NETNS_UNKNOWN,  /* it cannot be opened: EMFILE, EIO, EACCES */
};

/* Note the identity of a namespace in an entry; when the boot id cannot be read, nothing is noted.
 * Return: 0, or -1 out of memory. */
int cached_netns_note(const struct netns *ns, cJSON *cached, struct cni_error *err);

/* Return: the identity that an entry notes, zero-filled when it notes none or it is not valid. */
struct netns_identity cached_netns_identity(const cJSON *cached);

/**
 * cached_netns_open() - open the namespace of an entry, and tell whether it is still the same.
 * @path:     as result_cached_netns() returns it; NULL leads to UNKNOWN
 * @identity: as cached_netns_identity() returns it; NULL when nothing is noted
 * @ns:       receives the namespace at the path, for netns_close(), when there is one (OURS_NOW,
 *            ANOTHER, THERE); else NETNS_NONE
 * @err:      filled for GONE and UNKNOWN
 *
 * For an ordinary user, the namespace of another user's process is ANOTHER although it cannot be
 * opened (@ns is NETNS_NONE then), because the user has never had a network in it.
 *
 * Callers change or read something in the namespace only when the state is THERE.
 */
enum cached_netns_state cached_netns_open(const char *path, const struct netns_identity *identity,
					  struct netns *ns, struct cni_error *err);

/**
 * cached_netns_reopen() - open a namespace again, if it is still the one that was noted.
 * @identity: when nothing is noted in it, any namespace is accepted that may be a container's, so
 *            neither ours nor that of pid 1. A cookie is not compared here, but when there is one
 *            the namespace may be ours as well (that of an exporter in a container), because the
 *            caller compares the cookie inside
 *
 * Return: 0; or -1 as netns_open(), and with CNI_ERR_CONTAINER when the path leads to another one.
 */
int cached_netns_reopen(const char *path, const struct netns_identity *identity, struct netns *ns,
			struct cni_error *err);

/* Fill the error of a path that leads to another namespace. Return: always -1
 * (CNI_ERR_CONTAINER). */
int cached_netns_is_another(const char *path, struct cni_error *err);

/* Whether all that is noted fits this namespace; false when nothing is noted. */
bool cached_netns_proves(const struct netns_identity *identity, const struct netns *ns);

#endif
