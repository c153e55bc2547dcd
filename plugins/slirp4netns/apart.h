/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where an ordinary user's daemon lives. */
#ifndef SLIRP4NETNS_APART_H
#define SLIRP4NETNS_APART_H

#include <linux/filter.h>
#include <stdbool.h>

#include "error.h"
#include "netns.h"

/* The user namespace that an ordinary user's daemon lives in, and the interface that it is given.
 */
struct apart {
	int tap_fd; /* -1: the daemon lives in ours, and makes the interface */
	bool taken; /* the daemon has asked for the tap device and got it */
};

#define APART_NONE ((struct apart){.tap_fd = -1})

/**
 * apart_make() - make the tap device of a daemon that will live in a user namespace apart.
 * @ns:     the container's network namespace, in which the interface is made
 * @ifname: its name
 * @apart:  filled; the caller calls apart_close() after a failure, too
 *
 * Return: 0, or -1 ERR_DAEMON.
 */
int apart_make(const struct netns *ns, const char *ifname, struct apart *apart,
	       struct cni_error *err);

/* Close the tap device, which lives on as long as the daemon has it open. Idempotent. */
void apart_close(struct apart *apart);
#define cleanup_apart __attribute__((cleanup(apart_close)))

/* The filter, seccomp(2), that tells us of those system calls that apart_answer() answers. */
extern const struct sock_fprog apart_filter;

/**
 * apart_answer() - answer one system call of the daemon, seccomp_unotify(2).
 * @apart:    its tap device; taken is set once the daemon has it
 * @listener: descriptor of the filter's notifications, readable
 *
 * Errors are the daemon's to notice: its call fails, and then it is not ready.
 */
void apart_answer(struct apart *apart, int listener);

#endif
