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
 * Work to do while a daemon starts: @fn is called whenever @fd, a socket in the network namespace,
 * is readable, until it returns false.
 */
struct meanwhile {
	int fd;
	bool (*fn)(void *arg);
	void *arg;
};

/**
 * daemon_start() - start the daemon of an attachment and wait until it is ready.
 * @a:         the attachment; its socket and log are the daemon's
 * @netns:     path of the namespace, for the record
 * @meanwhile: called between exec and ready; the daemon serves the namespace of its socket
 * @apart:     where the daemon lives, or APART_NONE; the tap device is closed when it is ready
 * @daemon:    filled on success; the caller calls process_close()
 *
 * Writes the record between fork and exec. After a failure nothing is left: no process, socket, log
 * or record.
 *
 * Return: 0 with @daemon filled, or -1: ERR_DAEMON with the last lines of the daemon's log as
 * details, ERR_EXISTS when the attachment's daemon runs already, CNI_ERR_*.
 */
int daemon_start(const struct state *state, const struct slirp_attachment *a,
		 const struct config *config, const struct binary *binary, const char *netns,
		 const struct meanwhile *meanwhile, struct apart *apart, struct process *daemon,
		 struct cni_error *err);

/* Stop the daemon that was just started and remove what belongs to it; @err keeps its content. */
void daemon_abort(const struct state *state, const struct slirp_attachment *a,
		  const struct process *daemon, struct cni_error *err);

/* Put the last lines of the daemon's log, without what it writes in every run, into the details. */
void daemon_log_details(const struct state *state, const struct slirp_attachment *a,
			struct cni_error *err);

/**
 * slirp_attachment_remove() - stop the recorded daemon, remove its socket, log and record.
 * @had_ended: set to whether the recorded process had ended before
 *
 * Return: 1; 0 if there is no record; -1 with the record still there, so that it can be tried
 * again.
 */
int slirp_attachment_remove(const struct state *state, const struct slirp_attachment *a,
			    bool *had_ended, struct cni_error *err);

/**
 * daemon_can_start() - whether daemon_start() can succeed, as far as that is known without a netns.
 *
 * Return: 0, or -1 with the error that daemon_start() would give.
 */
int daemon_can_start(const struct state *state, const struct config *config,
		     const struct binary *binary, struct cni_error *err);

#endif
