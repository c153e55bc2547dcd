/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run of a program with one fault in it. */
#ifndef FAULTS_TRACER_H
#define FAULTS_TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum fault_kind {
	FAULT_NONE,
	FAULT_ERRNO,       /* the call fails */
	FAULT_ERRNO_ON,    /* it, and every later call of its kind in that process, fails */
	FAULT_KILL_BEFORE, /* SIGKILL, the call has no effect */
	FAULT_KILL_AFTER,  /* SIGKILL after its effect */
	FAULT_ALLOC,       /* the n-th allocation fails */
	FAULT_ALLOC_ON,    /* and every later one */
};

#define PROCESS_LOADER (-1) /* the program's process before its entry point */

struct fault {
	enum fault_kind kind;
	int process; /* PROCESS_LOADER, 0 the program, 1 and up its children before exec, by age */
	int call;    /* number of the system call */
	unsigned long nth; /* call of its number in that process, from 1; or allocation */
	int errnum;
};

/* A call of a good run. */
struct seen {
	int process;
	int call;
	unsigned long nth;
	bool asks; /* a receive that does not wait: EAGAIN says that there is nothing, and is true
		    */
};

struct trace {
	struct seen *seen; /* owned */
	size_t n, size;
};

struct program {
	const char *const *argv;
	const char *const *envp;
	const char *input;
};

#define OUTCOME_MAX 65536

struct outcome {
	int status;                /* of wait(2) */
	bool hung;                 /* it was killed after the limit */
	bool reached;              /* the fault has happened */
	bool held;                 /* another process keeps standard output open */
	unsigned long allocations; /* with FAULT_ALLOC: how many there were */
	size_t out_len;
	char out[OUTCOME_MAX + 1];
	char words[4096]; /* standard error */
};

/*
 * Run it to its end and that of its children before exec. Children that have executed something are
 * let go. @trace: filled with the calls, or NULL. Exits when the tracer itself fails.
 */
void run_traced(const struct program *program, const struct fault *fault, struct trace *trace,
		struct outcome *outcome);

/* The same without ptrace: FAULT_NONE and the allocations. */
void run_plain(const struct program *program, const struct fault *fault, struct outcome *outcome);

/* Each wait has this limit; SIGALRM ends it. */
#define RUN_LIMIT_S 30

#endif
