/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A directory of the node that is made to hold certain files: whole ones, all or none of an
 * upgrade, and nobody else's touched. Theory and the choice of how a file is known as ours:
 * place.c.
 */
#ifndef USERNET_INSTALL_PLACE_H
#define USERNET_INSTALL_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

#define ITEM_NAME_MAX 200

/* A file that is to be there. */
struct item {
	char name[ITEM_NAME_MAX + 1];
	int fd; /* its content */
};

struct items {
	struct item *item;
	size_t n, size;
};

/**
 * items_read() - the regular files of a directory, opened.
 * @suffix: that each name must have; NULL: any
 *
 * Names that begin with a dot are passed over (a ConfigMap volume has such), links are followed
 * (its files are links).
 *
 * Return: 0 with @items sorted by name, or -1 with @err.
 */
int items_read(const char *path, const char *suffix, struct items *items, struct cni_error *err);
void items_free(struct items *items);
#define cleanup_items __attribute__((cleanup(items_free)))

struct place {
	const char *path; /* as the node calls it, for messages */
	mode_t mode;      /* of the files */
	int fd;
	int store; /* what of it is ours; -1: nothing */
};

#define PLACE_NONE ((struct place){.fd = -1, .store = -1})

/**
 * place_open() - open a directory of the node.
 * @host:  where the node's root is, "/host"
 * @path:  the directory in it; kept
 * @store: make the store if there is none
 *
 * Return: 0, or -1: it is not there, writable by others, read-only, or the store is not ours.
 */
int place_open(struct place *place, const char *host, const char *path, mode_t mode, bool store,
	       struct cni_error *err);
void place_close(struct place *place);
#define cleanup_place __attribute__((cleanup(place_close)))

/* Hold the place against other installers until it is closed, after ten seconds at most. Needs a
 * store. */
int place_lock(struct place *place, struct cni_error *err);

/* Finish, or forget, what an installer that was killed has begun. Needs the lock. */
int place_recover(const struct place *place, struct cni_error *err);

/*
 * Write, beside, what is not there yet; nothing that anybody calls changes. Fails without effect
 * where a file of the same name is not ours.
 */
int place_stage(const struct place *place, const struct items *items, struct cni_error *err);
void place_unstage(const struct place *place, const struct items *items);

/* Rename what was staged into place. */
int place_commit(const struct place *place, const struct items *items, struct cni_error *err);

/* Remove what is ours and not among @items. */
int place_retire(const struct place *place, const struct items *items, struct cni_error *err);

/* Remove the store, when nothing is ours any more. */
int place_leave(const struct place *place, struct cni_error *err);

/* Whether place_stage() and place_retire() would find nothing to do; if not, what, in @err. */
bool place_settled(const struct place *place, const struct items *items, struct cni_error *err);

#endif
