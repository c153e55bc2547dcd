/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of an attachment, <stateDir>/slirp4netns/<network>/<container id>@<interface>.json,
 * one JSON object, written between fork and exec of the daemon:
 *
 *   "network", "containerId", "ifname", "netns"   of ADD; for people who look for it
 *   "socket"       path of the daemon's API socket; netns-portmap asks there
 *   "pid"          the daemon; with the next two it is known from any other process:
 *   "startTime"    of it, in clock ticks since boot (proc_pid_stat(5))
 *   "bootId"       /proc/sys/kernel/random/boot_id
 *   "pidfdInode"   of its pidfd, where the kernel gives each process one (since 6.9)
 */
#ifndef SLIRP4NETNS_RECORD_H
#define SLIRP4NETNS_RECORD_H

#include "attachment.h"
#include "error.h"
#include "process.h"
#include "state.h"

/* An attachment, and the names in the state directory of what belongs to it. */
struct slirp_attachment {
	struct attachment key;            /* the caller's strings */
	char socket[STATE_ROOT_MAX + 28]; /* absolute path; just fits sun_path */
	char socket_name[22];             /* in sock/ */
	char log_name[22];                /* in log/ */
};

void slirp_attachment_init(struct slirp_attachment *a, const struct state *state,
			   const struct attachment *key);

/* Write the record of an attachment. Return: 1; 0 there is one; -1 CNI_ERR_IO. */
int slirp_record_write(const struct state *state, const struct slirp_attachment *a,
		       const char *netns, const struct process_id *daemon, struct cni_error *err);

/* The daemon's identity of a record. Return: 1; 0 no record; -1 unreadable, or not a record. */
int slirp_record_read(const struct state *state, const struct slirp_attachment *a,
		      struct process_id *daemon, struct cni_error *err);

#endif
