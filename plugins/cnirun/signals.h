/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals as descriptors, and as they were, for the program that comes after. */
#ifndef CNIRUN_SIGNALS_H
#define CNIRUN_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#include "error.h"

struct signals {
	int ending;      /* signalfd of SIGHUP, SIGINT, SIGQUIT, SIGTERM */
	int forwarded;   /* signalfd of those, other signals for programs, and SIGCHLD */
	sigset_t before; /* the mask that we were started with */
	bool sigpipe_ignored;
	bool sigchld_ignored;
};

/**
 * signals_take() - block signals, and read them from descriptors.
 *
 * SIGTSTP, SIGTTIN and SIGTTOU stay as they are: they stop the whole process group, us included. A
 * signal that was ignored when we were started (nohup) stays ignored.
 *
 * Return: 0, or -1 CNI_ERR_IO.
 */
int signals_take(struct signals *signals, struct cni_error *err);

/* In a child, before exec: restore mask and dispositions as they were before signals_take(). */
void signals_restore(const struct signals *signals);

#endif
