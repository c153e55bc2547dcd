/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The slirp4netns plugin: one file per operation, and what they share, each with a header:
 *
 *   config.c   what the network configuration and the runtime ask for
 *   binary.c   which slirp4netns there is, and what it can do
 *   hostdns.c  the host's /etc/resolv.conf, in the daemon's sandbox
 *   daemon.c   the daemon of an attachment: start, wait until ready, stop
 *   apart.c    where an ordinary user's daemon lives
 *   record.c   the attachment's record
 *   orphan.c   a daemon whose record is lost
 */
#ifndef SLIRP4NETNS_PLUGIN_H
#define SLIRP4NETNS_PLUGIN_H

#include "cni.h"
#include "error.h"

#define PLUGIN_NAME "slirp4netns"

#define STOP_GRACE_MS 1000 /* from SIGTERM to SIGKILL */

/* The plugin's own error codes; slirp4netns-cni(8) lists them. */
enum {
	ERR_DAEMON = CNI_ERR_PLUGIN, /* slirp4netns did not start, or did not become ready */
	ERR_BINARY,                  /* no usable slirp4netns */
	ERR_EXISTS,                  /* the interface, or the attachment, is there already */
	ERR_CHECK,                   /* CHECK: something is not as it was added */
};

int plugin_add(const struct cni_request *req, struct cni_result *result, struct cni_error *err);
int plugin_del(const struct cni_request *req, struct cni_error *err);
int plugin_check(const struct cni_request *req, struct cni_error *err);
int plugin_gc(const struct cni_request *req, struct cni_error *err);
int plugin_status(const struct cni_request *req, struct cni_error *err);

#endif
