/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Run one program to its end, within limits of time and output: a plugin, newuidmap. */
#ifndef CNIRUN_PROGRAM_H
#define CNIRUN_PROGRAM_H

#include <stddef.h>

#include "error.h"

#define PROGRAM_OUTPUT_MAX (8u << 20) /* bytes of standard output */

struct program {
	const char *path;        /* absolute, or relative to the working directory */
	const char *const *argv; /* ends with NULL */
	const char *const *envp; /* ends with NULL; NULL: this process's own */
	const char *input;       /* for its standard input; NULL: none */
	int userns_fd;           /* user namespace to run it in; -1: ours */
	int interrupt_fd;        /* when this is readable, it has two more seconds; -1: none */
	int limit_ms;            /* and then it is killed */
};

struct outcome {
	int status;   /* as waitpid(2) gives it */
	char *output; /* terminated */
	size_t output_len;
	char *words; /* standard error, terminated, its first 64 KiB */
};

void outcome_free(struct outcome *outcome);
#define cleanup_outcome __attribute__((cleanup(outcome_free)))

/**
 * program_run() - run it, feed it, hear it out.
 * @outcome: zero-filled by the caller, who frees it also after a failure
 *
 * The program has a process group of its own (a key at the terminal is not for it; what it leaves
 * running in the group is killed with it when a limit is passed), default signal dispositions and
 * no descriptor of ours but 0, 1 and 2. Waiting ends with the program, not with its output: a
 * descendant that holds the pipes open holds up nobody.
 *
 * Return: 0 when it has run, whatever its status; -1: it could not be executed, or passed a limit.
 */
int program_run(const struct program *program, struct outcome *outcome, struct cni_error *err);

/* "exit status 1", "killed by signal 9 (Killed)". */
void program_describe_status(int status, char *buf, size_t size);

#endif
