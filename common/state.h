/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records of attachments, and locks. README.md, "State", has the layout, the modes and the order of
 * effects.
 *
 *   <stateDir>/<plugin>/<network>/<container id>@<interface>.json
 *
 * Everything is opened with openat2(2) from a descriptor of the root, without following symbolic
 * links, and its owner is checked.
 */
#ifndef USERNET_STATE_H
#define USERNET_STATE_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "attachment.h"
#include "error.h"

#define STATE_ROOT_MAX 80 /* bytes; "<stateDir>/sock/<16 hex digits>.sock" must fit 107 */

struct state {
	char root[STATE_ROOT_MAX + 1]; /* <stateDir>, absolute */
	int root_fd;
	int plugin_fd; /* <stateDir>/<plugin> */
	int fd;        /* <stateDir>/<plugin>/<network>; -1: no network, or it does not exist yet */
	char network[ATTACHMENT_NAME_MAX + 1]; /* "" when there is none */
};

#define STATE_NONE ((struct state){.root_fd = -1, .plugin_fd = -1, .fd = -1})

/**
 * state_open() - open the state of a plugin on a network.
 * @state_dir: the configuration's `stateDir`; NULL for the default
 * @network:   the network's name, which is checked; NULL: only the plugin's directory is opened
 * @create:    make directories that are missing; when false, a missing directory counts as empty
 *
 * The default is /run/usernet-cni for root of the initial user namespace, else
 * $XDG_RUNTIME_DIR/usernet-cni, else /run/user/UID/usernet-cni when /run/user/UID is ours.
 *
 * Return: 0; or -1 CNI_ERR_CONFIG (stateDir is not absolute or too long, or there is no default),
 * CNI_ERR_IO (a directory is not ours, or writable by others, or a symbolic link; the file system
 * is full or read-only).
 */
int state_open(const char *state_dir, const char *plugin, const char *network, bool create,
	       struct state *state, struct cni_error *err);
void state_close(struct state *state);
#define cleanup_state __attribute__((cleanup(state_close)))

/**
 * state_lock() - take the exclusive lock of this plugin on this network.
 * @timeout_ms: how long to wait; 0 tries once
 *
 * Return: a descriptor that holds the lock until it is closed, or -1 (CNI_ERR_AGAIN when another
 * process has held the lock for @timeout_ms).
 */
int state_lock(const struct state *state, int timeout_ms, struct cni_error *err);

/**
 * state_write() - write a record whole: temporary file, rename.
 * @a:       an attachment on the network of @state, here and below; others are refused
 *           (CNI_ERR_ENVIRONMENT)
 * @replace: when false, a record that exists is left as it is
 *
 * Return: 1 when it was written, 0 when there was one that was not to be replaced, -1 CNI_ERR_IO.
 */
int state_write(const struct state *state, const struct attachment *a, const cJSON *record,
		bool replace, struct cni_error *err);

/* Read a record. Return: 1 with *record, owned by the caller; 0 when there is none; -1 CNI_ERR_IO,
 * or CNI_ERR_DECODE when the file is not one of ours or not valid JSON. */
int state_read(const struct state *state, const struct attachment *a, cJSON **record,
	       struct cni_error *err);

/* Remove a record. Return: 0, also when there is none, or -1 CNI_ERR_IO. */
int state_remove(const struct state *state, const struct attachment *a, struct cni_error *err);

/**
 * state_each() - call @fn for each record of the network, in no particular order.
 *
 * Files whose names are not those of records are skipped, and temporary files that are older than a
 * minute are removed. @fn may remove the record that it is given. The strings of @a are valid until
 * @fn returns. A negative value of @fn ends the listing.
 *
 * Return: 0, @fn's negative value, or -1 CNI_ERR_IO.
 */
int state_each(const struct state *state,
	       int (*fn)(const struct attachment *a, void *arg, struct cni_error *err), void *arg,
	       struct cni_error *err);

/* The same for each network of which the plugin has or had records. */
int state_each_network(const struct state *state,
		       int (*fn)(const char *network, void *arg, struct cni_error *err), void *arg,
		       struct cni_error *err);

/*
 * The same for each name in a directory of any kind, with ".", ".." and hidden names. All listings
 * go through it. @failure: the message when the directory cannot be read.
 */
int state_each_name(int dirfd, const char *failure,
		    int (*fn)(const char *name, void *arg, struct cni_error *err), void *arg,
		    struct cni_error *err);

/* Split a record's file name in place; the strings of @a then point into @name. Return: whether it
 * is the name of a record. */
bool state_parse_name(const char *network, char *name, struct attachment *a);

/*
 * Write and read another file in one of the plugin's directories, as a whole text of at most a
 * megabyte. @text of state_read_file() has a NUL at its end, and the caller owns it. Return: as
 * state_write() and state_read().
 */
int state_write_file(int dirfd, const char *name, const char *text, bool replace,
		     struct cni_error *err);
int state_read_file(int dirfd, const char *name, char **text, struct cni_error *err);

/* Read up to @size bytes of an open file. Return: the text with a NUL behind it, owned by the
 * caller, or NULL with errno. */
char *state_read_whole(int fd, size_t size, size_t *len);

/* Remove such a file, and what a killed writer has left of it. Return: 0, also when there is none,
 * or -1 with errno. */
int state_unlink_file(int dirfd, const char *name);

/* Remove <stateDir>/<sub>/<name>. Return: 0, also when it does not exist, or -1 CNI_ERR_IO. */
int state_remove_file(const struct state *state, const char *sub, const char *name,
		      struct cni_error *err);

/* Open the directory <stateDir>/<sub>; make it if needed. Return: a descriptor, or -1. */
int state_subdir(const struct state *state, const char *sub, struct cni_error *err);

/* Whether this is the initial user namespace: the map "0 0 4294967295", or one as good. */
bool state_in_initial_userns(void);

/* Make the 16 hex digits and a NUL that name an attachment's socket and log. */
void state_hash(const char *network, const char *container_id, const char *ifname, char out[17]);

#endif
