/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host that the faults happen in, on top of lib/host.h, and what there is in it. */
#ifndef FAULTS_INVENTORY_H
#define FAULTS_INVENTORY_H

#include <stdbool.h>
#include <stddef.h>

#define HOST_ADDRESS "192.0.2.1"
#define STATE_DIR "/run/usernet-cni"
#define ACCOUNT_FILE "/run/t/account"

#define HOST_BIN "/run/t/bin"
#define HOST_LIBRARY "/run/t/library"

/*
 * This process becomes the first of a host: network, mounts, processes. The directories of the
 * executables and of the preloaded library are seen in it under the names above.
 */
void faults_host_make(const char *bin, const char *library);

/* The host's own network, files and namespaces, from nothing: also what a failure left is gone. */
void faults_host_prepare(void);

void faults_netns_make(const char *name);
void faults_netns_unmake(const char *name);

/* Serve an echo on a TCP port in a namespace, in a process of its own. */
void echo_serve(const char *netns, const char *address, unsigned short port);

/* Whether what goes to the port comes back; from the host (NULL) or a namespace. */
bool echo_comes_back(const char *netns, const char *address, unsigned short port);

/*
 * What there is: a sorted list of lines, one for each process, file, mount, interface, forward of a
 * slirp4netns and element of nf_tables.
 */
struct inventory {
	char **lines; /* owned */
	size_t n, size;
};

/* @sockets: API sockets of the daemons whose forwards count; ends with NULL. */
void inventory_take(struct inventory *inventory, const char *const *sockets);
void inventory_free(struct inventory *inventory);

/* What is in only one of them: "left: ...; lost: ...", cut to @size. Return: whether there is any.
 */
bool inventory_differs(const struct inventory *before, const struct inventory *after, char *text,
		       size_t size);

/*
 * Wait until no process is left but those of the inventory and, with @daemons, daemons: what a
 * killed runner had started comes to its end, and so does what a killed daemon had forked. Return:
 * NULL, or the one that does not.
 */
const char *faults_settle(const struct inventory *before, bool daemons);

/*
 * Descriptors of the daemon behind an API socket, but for connections to that: those that are the
 * same before and after a request.
 */
int count_descriptors(int pid, const char *socket);

#endif
