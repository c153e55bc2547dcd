/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network namespace that an entry of libcni's result cache is about: whether what is at its
 * path now is still the one that the entry was written for.
 *
 * A path is not an identity: /proc/PID/ns/net becomes another process's, a name in /run/netns is
 * given again. Nor is an inode's number: the next namespace that is made after the end of one gets
 * the same. So who writes an entry (cnirun) notes, in a member that libcni passes over, what proves
 * the namespace:
 *
 *   "netnsIdentity": {"boot": "<boot id>", "dev": N, "inode": N, "cookie": "N"}
 *
 * dev and inode are nsfs's; cookie is SO_NETNS_COOKIE, a number that the kernel gives only once
 * (since 5.14; without it the member is left out). Entries of others have no such member; of those
 * it can be told only that the path leads to no namespace, or to one that no container is in.
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
	char boot[PROCESS_BOOT_ID]; /* /proc/sys/kernel/random/boot_id; "": nothing is noted */
	dev_t dev;                  /* of nsfs */
	ino_t ino;                  /* in it */
	uint64_t cookie;            /* 0: not noted */
};

enum cached_netns_state {
	CACHED_NETNS_GONE,     /* there is nothing, or what is there is not a network namespace */
	CACHED_NETNS_OURS_NOW, /* it is the one that we, or pid 1, are in */
	CACHED_NETNS_ANOTHER,  /* it is not the one that the entry is about */
	CACHED_NETNS_THERE,
	CACHED_NETNS_UNKNOWN, /* it cannot be opened: EMFILE, EIO, EACCES */
};

/* Note what proves a namespace in an entry; nothing, where no boot id can be read. Return: 0, or -1
 * out of memory. */
int cached_netns_note(const struct netns *ns, cJSON *cached, struct cni_error *err);

/* What an entry notes; zero-filled where that is nothing, or cannot be read. */
struct netns_identity cached_netns_identity(const cJSON *cached);

/**
 * cached_netns_open() - open the namespace of an entry, and tell whether it is still that one.
 * @path:     as result_cached_netns() finds it; NULL: UNKNOWN
 * @identity: as cached_netns_identity() reads it; NULL: nothing is noted
 * @ns:       receives what is at the path, where something is (OURS_NOW, ANOTHER, THERE), else
 *            NETNS_NONE; netns_close() it
 * @err:      filled for GONE and UNKNOWN
 *
 * To an ordinary user, the namespace of a process that is another user's is ANOTHER, though it
 * cannot be opened (@ns is NETNS_NONE then): such a user has never had a network in it.
 *
 * What is to be changed or read in the namespace of the entry is so only where it is THERE.
 */
enum cached_netns_state cached_netns_open(const char *path, const struct netns_identity *identity,
					  struct netns *ns, struct cni_error *err);

/**
 * cached_netns_reopen() - open a namespace of which something has been noted, if it is that one.
 * @identity: where nothing is noted in it: any that a container may be in, so neither ours nor that
 *            of pid 1. Of the cookie, that there is one: then it may be ours as well (an exporter
 * in a container's namespace), because who goes in proves it by the cookie
 *
 * Return: 0, or -1 as netns_open(), and CNI_ERR_CONTAINER where the path leads to another one.
 */
int cached_netns_reopen(const char *path, const struct netns_identity *identity, struct netns *ns,
			struct cni_error *err);

/* The error of that: CNI_ERR_CONTAINER. Return: always -1. */
int cached_netns_is_another(const char *path, struct cni_error *err);

/* Whether all that is noted says that it is this namespace; false where nothing is noted. */
bool cached_netns_proves(const struct netns_identity *identity, const struct netns *ns);

#endif
