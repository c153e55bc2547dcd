/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of an attachment, <stateDir>/slirp4netns/<network>/<container id>@<interface>.json,
 * one JSON object, written between fork and exec of the daemon:
 *
 *   "network", "containerId", "ifname", "netns"   of ADD; for people who read the file
 *   "socket"       path of the daemon's API socket; netns-portmap connects to it
 *   "pid"          the daemon; the next two distinguish it from any other process with that pid:
 *   "startTime"    when it started, in clock ticks since boot (proc_pid_stat(5))
 *   "bootId"       /proc/sys/kernel/random/boot_id
 *   "pidfdInode"   the inode of its pidfd, where the kernel gives each process one (since 6.9)
 */
#ifndef SLIRP4NETNS_RECORD_H
#define SLIRP4NETNS_RECORD_H

#include "attachment.h"
#include "error.h"
#include "process.h"
#include "state.h"

/* An attachment, and the names in the state directory of what belongs to it. */
struct slirp_attachment {
	struct attachment key;            /* its strings belong to the caller */
	char socket[STATE_ROOT_MAX + 28]; /* absolute path; it just fits sun_path */
	char socket_name[22];             /* in sock/ */
	char log_name[22];                /* in log/ */
};

/* Fill @a with the names of what belongs to the attachment @key, whose strings must outlive it. */
void slirp_attachment_init(struct slirp_attachment *a, const struct state *state,
			   const struct attachment *key);

/**
 * slirp_record_write() - write the record of an attachment, unless there is one.
 * @netns:  path of the namespace, as CNI_NETNS gave it
 * @daemon: identity of its daemon
 *
 * Return: 1; 0 if there is a record already; -1 CNI_ERR_IO.
 */
int slirp_record_write(const struct state *state, const struct slirp_attachment *a,
		       const char *netns, const struct process_id *daemon, struct cni_error *err);

/**
 * slirp_record_read() - the identity of the daemon that a record names.
 *
 * Return: 1; 0 if there is no record; -1 if it is unreadable, or not a record.
 */
int slirp_record_read(const struct state *state, const struct slirp_attachment *a,
		      struct process_id *daemon, struct cni_error *err);

#endif
