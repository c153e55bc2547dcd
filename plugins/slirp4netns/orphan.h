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
 * @daemon:  filled when it is found; the caller calls process_close()
 * @suspect: a process that may be the daemon, but is not proved to be; 0 if there is none
 *
 * Return: 1 with @daemon; 0 if there is no such interface; -1 with @suspect if there is a tun
 * device of that name, and no process is proved to be our daemon.
 */
int orphan_find(const char *netns, const struct slirp_attachment *a, struct process *daemon,
		pid_t *suspect);

#endif
