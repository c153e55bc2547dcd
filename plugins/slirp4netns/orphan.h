/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A daemon whose record is lost. */
#ifndef SLIRP4NETNS_ORPHAN_H
#define SLIRP4NETNS_ORPHAN_H

#include <sys/types.h>

#include "process.h"
#include "record.h"

/**
 * orphan_find() - the daemon of an attachment that has no record, by the interface that it holds.
 * @netns:   path of the container's namespace
 * @suspect: a process that may be it, and is not proved to be; 0: there is none
 *
 * Return: 1 with @daemon (process_close() it), 0 no such interface, -1 there is a tun device of
 * that name, and nobody is proved to be our daemon: @suspect is set.
 */
int orphan_find(const char *netns, const struct slirp_attachment *a, struct process *daemon,
		pid_t *suspect);

#endif
