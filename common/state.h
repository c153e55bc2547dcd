/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Per-attachment records and locks. Layout, rights and order of effects: README.md, "State".
 *
 *   <stateDir>/<plugin>/<network>/<container id>@<interface>.json
 *
 * Everything is reached from a descriptor of the root by openat2(2) without symbolic links, and
 * checked for its owner.
 */
#ifndef USERNET_STATE_H
#define USERNET_STATE_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "attachment.h"
#include "error.h"

#define STATE_ROOT_MAX 80 /* bytes of <stateDir>: "/sock/<16 hex digits>.sock" must fit 107 */

struct state {
	char root[STATE_ROOT_MAX + 1]; /* <stateDir>, absolute */
	int root_fd;
	int plugin_fd; /* <stateDir>/<plugin> */
	int fd;        /* <stateDir>/<plugin>/<network>; -1: no network, or nothing there yet */
	char network[ATTACHMENT_NAME_MAX + 1]; /* "": none */
};

#define STATE_NONE ((struct state){.root_fd = -1, .plugin_fd = -1, .fd = -1})

/**
 * state_open() - open the state of a plugin on a network.
 * @state_dir: the configuration's `stateDir`, NULL for the default
 * @network:   its name, checked; NULL: only the plugin's directory
 * @create:    make what is missing; otherwise a missing directory is an empty one
 *
 * The default is /run/usernet-cni for root of the initial user namespace, else
 * $XDG_RUNTIME_DIR/usernet-cni, else /run/user/UID/usernet-cni where that is ours.
 *
 * Return: 0, or -1: CNI_ERR_CONFIG (a stateDir that is not absolute, too long, or none to be had),
 * CNI_ERR_IO (not ours, too open, a symbolic link, full, read-only).
 */
int state_open(const char *state_dir, const char *plugin, const char *network, bool create,
	       struct state *state, struct cni_error *err);
void state_close(struct state *state);
#define cleanup_state __attribute__((cleanup(state_close)))

/**
 * state_lock() - exclusive lock of this plugin on this network.
 * @timeout_ms: 0 tries once
 *
 * Return: a descriptor that holds the lock until it is closed, or -1 (CNI_ERR_AGAIN after the
 * limit).
 */
int state_lock(const struct state *state, int timeout_ms, struct cni_error *err);

/**
 * state_write() - write a record whole: temporary file, rename.
 * @a:       on the network of @state, here as below; any other is refused (CNI_ERR_ENVIRONMENT)
 * @replace: false refuses when there is one: returns 0, leaves it
 *
 * Return: 1 written, 0 there was one, -1 CNI_ERR_IO.
 */
int state_write(const struct state *state, const struct attachment *a, const cJSON *record,
		bool replace, struct cni_error *err);

/* Return: 1 with *record (owned by the caller), 0 none, -1 CNI_ERR_IO or, where what has its name
 * is no file of ours or not valid JSON, CNI_ERR_DECODE. */
int state_read(const struct state *state, const struct attachment *a, cJSON **record,
	       struct cni_error *err);

/* Return: 0, also when there is none, or -1 CNI_ERR_IO. */
int state_remove(const struct state *state, const struct attachment *a, struct cni_error *err);

/**
 * state_each() - call @fn for each record of the network, in no order.
 *
 * Files whose names are not those of a record are passed over, temporary ones that are older than a
 * minute are removed. @fn may remove the record that it is given, whose strings are its own until
 * it returns. A negative value of @fn stops.
 *
 * Return: 0, @fn's negative value, or -1 CNI_ERR_IO.
 */
int state_each(const struct state *state,
	       int (*fn)(const struct attachment *a, void *arg, struct cni_error *err), void *arg,
	       struct cni_error *err);

/* The same for each network that the plugin has, or had, records of. */
int state_each_network(const struct state *state,
		       int (*fn)(const char *network, void *arg, struct cni_error *err), void *arg,
		       struct cni_error *err);

/*
 * The same for each name in a directory of any kind, "." and ".." and hidden ones too; the one
 * place that lists. @failure is the error's sentence where the directory cannot be read.
 */
int state_each_name(int dirfd, const char *failure,
		    int (*fn)(const char *name, void *arg, struct cni_error *err), void *arg,
		    struct cni_error *err);

/* Take a record's file name apart, in place: @a's strings are then in it. Return: whether it is
 * one.
 */
bool state_parse_name(const char *network, char *name, struct attachment *a);

/*
 * The same for a file of a plugin's own in one of its directories: whole text in, whole text out
 * (terminated, owned by the caller, at most a megabyte). Return: as state_write() and state_read().
 */
int state_write_file(int dirfd, const char *name, const char *text, bool replace,
		     struct cni_error *err);
int state_read_file(int dirfd, const char *name, char **text, struct cni_error *err);

/* Up to @size bytes of an open file, terminated. Return: the text, the caller's, or NULL with
 * errno. */
char *state_read_whole(int fd, size_t size, size_t *len);

/* Remove such a file, and what a killed writer left of it. Return: 0, also when there is none; -1
 * with errno. */
int state_unlink_file(int dirfd, const char *name);

/* Remove <stateDir>/<sub>/<name>; 0 too when it is not there. */
int state_remove_file(const struct state *state, const char *sub, const char *name,
		      struct cni_error *err);

/* Open (making it if needed) the directory <stateDir>/<sub>. Return: a descriptor, or -1 with @err.
 */
int state_subdir(const struct state *state, const char *sub, struct cni_error *err);

/* Whether user 0 here is user 0 of the machine: the map "0 0 4294967295" (or one as good). */
bool state_in_initial_userns(void);

/* 16 hex digits (and a NUL) that stand for an attachment in names of sockets and logs. */
void state_hash(const char *network, const char *container_id, const char *ifname, char out[17]);

#endif
