/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon of an attachment: start, wait until ready, stop. */
#ifndef SLIRP4NETNS_DAEMON_H
#define SLIRP4NETNS_DAEMON_H

#include <stdbool.h>

#include "apart.h"
#include "binary.h"
#include "config.h"
#include "error.h"
#include "process.h"
#include "record.h"
#include "state.h"

/*
 * What there is to do while a daemon starts: @fn, whenever @fd, a socket in the network namespace,
 * is readable, as long as it says so.
 */
struct meanwhile {
	int fd;
	bool (*fn)(void *arg);
	void *arg;
};

/**
 * daemon_start() - start the daemon of an attachment and wait until it is ready.
 * @netns:     path of the namespace, for the record
 * @meanwhile: called between exec and ready; its socket's namespace is the one that is served
 * @apart:     where the daemon lives, or APART_NONE; the tap device is closed when it is ready
 *
 * Writes the record between fork and exec. After a failure nothing is left: no process, socket, log
 * or record.
 *
 * Return: 0 with @daemon filled, or -1: ERR_DAEMON with the daemon's last words as details,
 * ERR_EXISTS when the attachment's daemon runs already, CNI_ERR_*.
 */
int daemon_start(const struct state *state, const struct slirp_attachment *a,
		 const struct config *config, const struct binary *binary, const char *netns,
		 const struct meanwhile *meanwhile, struct apart *apart, struct process *daemon,
		 struct cni_error *err);

/* Stop the daemon that was just started and remove what belongs to it; @err keeps its content. */
void daemon_abort(const struct state *state, const struct slirp_attachment *a,
		  const struct process *daemon, struct cni_error *err);

/* The last lines of the daemon's log that say something, as details of the error. */
void daemon_last_words(const struct state *state, const struct slirp_attachment *a,
		       struct cni_error *err);

/**
 * slirp_attachment_remove() - stop the recorded daemon, remove its socket, log and record.
 * @had_ended: set to whether the recorded process ran no more
 *
 * Return: 1, 0 there is no record, -1 with the record still there, so that it can be tried again.
 */
int slirp_attachment_remove(const struct state *state, const struct slirp_attachment *a,
			    bool *had_ended, struct cni_error *err);

/**
 * daemon_can_start() - what keeps daemon_start() from succeeding and is known without a namespace.
 *
 * Return: 0, or -1 as daemon_start().
 */
int daemon_can_start(const struct state *state, const struct config *config,
		     const struct binary *binary, struct cni_error *err);

#endif
