/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's /etc/resolv.conf, in the daemon's sandbox. */
#ifndef SLIRP4NETNS_HOSTDNS_H
#define SLIRP4NETNS_HOSTDNS_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "config.h"
#include "error.h"
#include "state.h"

/* How the daemon can reach the host's /etc/resolv.conf if its path leads out of /etc and /run. */
struct host_dns {
	char file[PATH_MAX];            /* path without links; "" if the path stays inside */
	char spot[STATE_ROOT_MAX + 16]; /* a directory inside, to mount on */
};

/**
 * hostdns_find() - whether the daemon, in its sandbox, can read the host's /etc/resolv.conf.
 * @state:      the state directory, of which the records' directory may be mounted on
 * @own_userns: whether the daemon will live in a user namespace of its own
 *
 * Return: 1 with @dns filled if it can after hostdns_mount(); 0 if it can anyway; -1 if it cannot,
 * and @why says why, with "it" for the file.
 */
int hostdns_find(const struct state *state, bool own_userns, struct host_dns *dns,
		 struct cni_error *why);

/*
 * mount_more of struct process_spec: called in the mount namespace that will be the daemon's, with
 * a struct host_dns. Return: NULL, or what could not be done, with errno.
 */
const char *hostdns_mount(void *dns);

/*
 * Open a file as the daemon could, which has no capability to open files of others. @flags are
 * those of open(2). Return: a descriptor, or -1 with errno.
 */
int open_as_daemon(const char *path, int flags);

/*
 * Whether the process @daemon sees the /etc/resolv.conf that the host has now. Return: 0, also if
 * that cannot be found out; -1 ERR_CHECK.
 */
int hostdns_check(pid_t daemon, struct cni_error *err);

/* Say on standard error what keeps the daemon's DNS server from resolving any name. */
void hostdns_warn(const struct config *config);

/* Parts of the above that unit tests call. */

/* The resolution of a path, component by component, as the kernel does it: path_resolution(7). */
struct hostdns_walk {
	char done[PATH_MAX]; /* the part that is resolved, without links; "" is the root */
	char rest[PATH_MAX]; /* the part that is left: "", or it begins with a slash */
	unsigned int links;  /* followed so far */
	bool outside;        /* a component was outside the daemon's sandbox */
	bool missing;        /* the last component of done is not there */
};

/* Resolve the absolute path @path, as far as it exists. Return: 0, or -1 with errno. */
int hostdns_resolve(struct hostdns_walk *walk, const char *path);

/* Whether @path, which has no links, is in a directory that the daemon's sandbox has. */
bool hostdns_is_in_sandbox(const char *path);

/* The families of the DNS servers that libslirp finds in a resolv.conf: 1 IPv4, 2 IPv6, 3 both. */
unsigned int hostdns_families(FILE *file);

#endif
