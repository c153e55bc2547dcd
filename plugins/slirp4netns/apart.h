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

/* Make both. Return: 0, or -1: CNI_ERR_IO, ERR_DAEMON. apart_close() it in any case. */
int apart_make(const struct netns *ns, const char *ifname, struct apart *apart,
	       struct cni_error *err);
void apart_close(struct apart *apart);
#define cleanup_apart __attribute__((cleanup(apart_close)))

/* The system calls of a daemon that apart_answer() answers, one at a time. */
extern const struct sock_fprog apart_filter;
void apart_answer(struct apart *apart, int listener);

#endif
