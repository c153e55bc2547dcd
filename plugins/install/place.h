/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A directory of the node that is made to hold certain files: each file is whole, an upgrade is
 * complete or has no effect, and no file of others is touched. place.c has the theory, and how it
 * is known which files are ours.
 */
#ifndef USERNET_INSTALL_PLACE_H
#define USERNET_INSTALL_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

#define ITEM_NAME_MAX 200

/* A file that must be there. */
struct item {
	char name[ITEM_NAME_MAX + 1];
	int fd; /* its content */
};

struct items {
	struct item *item;
	size_t n, size;
};

/**
 * items_read() - open the regular files of a directory.
 * @suffix: that each name must have; NULL if any name will do
 * @items:  filled, sorted by name; the caller calls items_free()
 *
 * Names that begin with a dot are passed over (a ConfigMap volume has such names), and links are
 * followed (its files are links).
 *
 * Return: 0, or -1 with @err.
 */
int items_read(const char *path, const char *suffix, struct items *items, struct cni_error *err);
void items_free(struct items *items);
#define cleanup_items __attribute__((cleanup(items_free)))

struct place {
	const char *path; /* as the node calls it, for messages */
	mode_t mode;      /* of the files */
	int fd;
	int store; /* descriptor of the store; -1 if there is none, so that no file is ours */
};

#define PLACE_NONE ((struct place){.fd = -1, .store = -1})

/**
 * place_open() - open a directory of the node.
 * @place: filled; the caller calls place_close(), after a failure, too
 * @host:  where the node's root is, "/host"
 * @path:  the directory in it; a string that outlives @place
 * @mode:  of the files that will be installed
 * @store: make the store if there is none
 *
 * Return: 0, or -1: the directory is missing, writable by others, or read-only, or the store
 * belongs to somebody else.
 */
int place_open(struct place *place, const char *host, const char *path, mode_t mode, bool store,
	       struct cni_error *err);
void place_close(struct place *place);
#define cleanup_place __attribute__((cleanup(place_close)))

/* Lock the place against other installers until it is closed; wait for ten seconds at most. It must
 * have a store. */
int place_lock(struct place *place, struct cni_error *err);

/* Finish, or undo, what an installer that was killed has begun. The place must be locked. */
int place_recover(const struct place *place, struct cni_error *err);

/*
 * Write the files that are not in place yet into the store; nothing in place changes. If there is a
 * foreign file with the same name and other content, it is an error, without effect.
 */
int place_stage(const struct place *place, const struct items *items, struct cni_error *err);
/* Remove what was staged. */
void place_unstage(const struct place *place, const struct items *items);

/* Rename what was staged into place. After a failure what is left of it is removed. */
int place_commit(const struct place *place, const struct items *items, struct cni_error *err);

/* Remove the files that are ours and not among @items. */
int place_retire(const struct place *place, const struct items *items, struct cni_error *err);

/* Remove the store, which must be empty: no file is ours any more. */
int place_leave(const struct place *place, struct cni_error *err);

/* Whether place_stage() and place_retire() have nothing to do; if they have, @err says what. */
bool place_settled(const struct place *place, const struct items *items, struct cni_error *err);

#endif
