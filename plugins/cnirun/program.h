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
	const char *const *envp; /* ends with NULL; NULL for this process's own */
	const char *input;       /* for its standard input; NULL for nothing */
	int userns_fd;           /* user namespace to run it in; -1 for ours */
	int interrupt_fd;        /* when this is readable, it has two more seconds; -1 if none */
	int limit_ms;            /* after which it is killed */
};

struct outcome {
	int status;   /* as waitpid(2) gives it */
	char *output; /* terminated */
	size_t output_len;
	char *stderr_text; /* standard error, terminated, its first 64 KiB */
};

void outcome_free(struct outcome *outcome);
#define cleanup_outcome __attribute__((cleanup(outcome_free)))

/**
 * program_run() - run a program to its end, with its input and output.
 * @outcome: zero-filled by the caller, who frees it also after a failure
 *
 * The program has a process group of its own (so keys at the terminal do not reach it, and its
 * children in the group are killed with it when a limit is passed), default signal dispositions and
 * no descriptor of ours but 0, 1 and 2. Waiting ends with the program, not with its output, so a
 * descendant that holds the pipes open does not prolong it.
 *
 * Return: 0 if it has run, whatever its status; -1 if it could not be executed, or passed a limit.
 */
int program_run(const struct program *program, struct outcome *outcome, struct cni_error *err);

/* Describe a status of waitpid(2): "exit status 1", "killed by signal 9 (Killed)". */
void program_describe_status(int status, char *buf, size_t size);

#endif
