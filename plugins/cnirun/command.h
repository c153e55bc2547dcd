/* SPDX-License-Identifier: GPL-2.0-or-later */
/* COMMAND: started in its namespaces, looked after until it ends. */
#ifndef CNIRUN_COMMAND_H
#define CNIRUN_COMMAND_H

#include "error.h"
#include "netns.h"
#include "signals.h"

/* Exit statuses of `cnirun -- COMMAND` that are not COMMAND's, as env(1) and nohup(1) have them. */
#define EXIT_OURS 125
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127

struct command {
	char **argv; /* looked up in PATH */
	const struct netns *ns;
	const char *resolv_conf; /* the text of its /etc/resolv.conf; NULL for the host's */
	const struct signals *signals;
};

/**
 * command_run() - run COMMAND to its end.
 * @status: receives cnirun's exit status: COMMAND's, 128 plus the signal's number, or EXIT_*
 *
 * Return: 0 when it ran; -1 with @err filled and @status set.
 */
int command_run(const struct command *command, int *status, struct cni_error *err);

#endif
