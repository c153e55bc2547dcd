/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process that holds the namespaces of a COMMAND. */
#ifndef CNIRUN_HOLDER_H
#define CNIRUN_HOLDER_H

#include <stdbool.h>

#include "child.h"
#include "error.h"

struct holder {
	struct child child;
	int control;    /* the holder ends when this is closed, by us or when we are killed */
	char netns[32]; /* /proc/PID/ns/net */
};

#define HOLDER_NONE ((struct holder){.child = CHILD_NONE, .control = -1})

/**
 * holder_start() - make a network namespace, and hold it.
 * @holder:  filled; the caller calls holder_stop() or holder_leave()
 * @verbose: say on standard error if no subordinate ids can be mapped
 *
 * Without the right to make one, a user namespace is made first, in which we are root. Loopback is
 * up when this returns. Return: 0, or -1 with @err filled.
 */
int holder_start(struct holder *holder, bool verbose, struct cni_error *err);

/* Let it live on after we have ended. */
void holder_leave(struct holder *holder);

/* End it, and wait until it has ended. Idempotent. */
void holder_stop(struct holder *holder);
#define cleanup_holder __attribute__((cleanup(holder_stop)))

#endif
