/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which slirp4netns there is, and what it can do. */
#ifndef SLIRP4NETNS_BINARY_H
#define SLIRP4NETNS_BINARY_H

#include <limits.h>

#include "error.h"
#include "state.h"

/* Options of slirp4netns that not every version has. */
enum {
	HAS_NETNS_TYPE = 1 << 0, /* since 0.4.0; a slirp4netns without it is not usable */
	HAS_API_SOCKET = 1 << 1,
	HAS_CIDR = 1 << 2,
	HAS_IPV6 = 1 << 3,
	HAS_HOST_LOOPBACK = 1 << 4,
	HAS_SANDBOX = 1 << 5,
	HAS_SECCOMP = 1 << 6,
	HAS_OUTBOUND = 1 << 7,
	HAS_OUTBOUND6 = 1 << 8,
	HAS_DISABLE_DNS = 1 << 9,
};

struct binary {
	char path[PATH_MAX];
	unsigned int options; /* HAS_* */
};

/**
 * binary_find() - the daemon to start, and its options.
 * @configured: slirp4netnsPath, or NULL for the first in PATH that is not this plugin
 * @state:      where options are stored; without a directory the binary is asked each time
 * @binary:     filled
 *
 * Return: 0, or -1 ERR_BINARY.
 */
int binary_find(const char *configured, const struct state *state, struct binary *binary,
		struct cni_error *err);

#endif
