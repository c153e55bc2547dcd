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

/* How to the host's /etc/resolv.conf where the way leads out of /etc and /run. */
struct host_dns {
	char file[PATH_MAX];            /* where it ends, without links; "": it stays inside */
	char spot[STATE_ROOT_MAX + 16]; /* directory inside, to mount on */
};

/**
 * hostdns_find() - whether the daemon, in its sandbox, can read the host's /etc/resolv.conf.
 * @own_userns: whether the daemon is to live in a user namespace of its own
 *
 * Return: 1 with @dns filled when it can after hostdns_mount(), 0 when it can as it is, -1 when it
 * cannot: @why says so of "it", the file.
 */
int hostdns_find(const struct state *state, bool own_userns, struct host_dns *dns,
		 struct cni_error *why);

/*
 * For struct process_spec: in the mount namespace that will be the daemon's. Return: NULL, or what
 * it failed at, with errno.
 */
const char *hostdns_mount(void *dns);

/*
 * Open a file as the daemon could, which has no capability to open any. Return: a descriptor, or -1
 * with errno.
 */
int open_as_daemon(const char *path, int flags);

/*
 * Whether the daemon sees the /etc/resolv.conf that the host has now. Return: 0, also where that
 * cannot be found out; -1 ERR_CHECK.
 */
int hostdns_check(pid_t daemon, struct cni_error *err);

/* Say on standard error what keeps the daemon's name server from resolving any name. */
void hostdns_warn(const struct config *config);

/* The parts of these, which the tests ask one by one. */

/* The way to a file, as the kernel goes it. */
struct hostdns_way {
	char done[PATH_MAX]; /* where it is now, without links; "" is the root */
	char rest[PATH_MAX]; /* what is still to go: "", or it begins with a slash */
	unsigned int links;
	bool outside; /* it has touched what the sandbox does not have */
	bool missing; /* it ends at something that is not there */
};

/* Go the way to @path, as far as there is one. Return: 0, or -1 with errno. */
int hostdns_go(struct hostdns_way *way, const char *path);

/* Whether a path, without links, is in what the daemon's sandbox has. */
bool hostdns_is_in_sandbox(const char *path);

/* The families of the name servers that libslirp finds in a resolv.conf: 1 IPv4, 2 IPv6. */
unsigned int hostdns_families(FILE *file);

#endif
