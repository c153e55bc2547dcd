/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A child process, which runs a function or a program, from its start until it is reaped. Sources:
 * fork(2), pidfd_open(2), PR_SET_PDEATHSIG(2const), timer_create(2), execve(2).
 */
#ifndef USERNET_CHILD_H
#define USERNET_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

struct child {
	pid_t pid;  /* 0: none */
	int pidfd;  /* readable when the child has ended; -1: none */
	bool group; /* it leads a process group, which is killed with it */
};

#define CHILD_NONE ((struct child){.pidfd = -1})

struct child_spec {
	const char *purpose;  /* for messages: "cannot fork to PURPOSE OBJECT" */
	const char *object;   /* e.g. a path after the purpose "start"; NULL: none */
	int (*fn)(void *arg); /* returns the exit status; NULL with child_exec() */
	void *arg;
	/* monotonic_ms() at which the kernel kills the child, even a stopped one; exec ends that.
	 * 0: never, and then the child has a pidfd for its parent to wait at. */
	int64_t deadline;
	int death_signal; /* the signal that it gets when the thread that starts it ends; 0: none */
	bool own_group;   /* it has a process group of its own */
	bool default_signals; /* it has default dispositions and an empty mask; else ours */
};

/**
 * child_start() - fork, and run a function in the child.
 * @child: filled; for child_end(), or child_reap() and child_leave()
 *
 * Return: 0; or -1 CNI_ERR_AGAIN when fork fails, CNI_ERR_IO when the child cannot be watched.
 */
int child_start(const struct child_spec *spec, struct child *child, struct cni_error *err);

struct child_program {
	const char *path;        /* the path of an executable, or a name to be looked up in PATH */
	const char *const *argv; /* ends with NULL */
	const char *const *envp; /* ends with NULL; NULL: our environment */
	/* Its descriptors 0, 1 and 2 (-1: /dev/null), and it gets no other; NULL: it gets all that
	 * are not close-on-exec. */
	const int *stdio;
	/* What else is done before exec; NULL: nothing. Returns NULL, or the step that failed with
	 * errno. */
	const char *(*prepare)(void *arg);
	void *arg;
	bool search;  /* look it up in PATH, as execvp(3) does */
	int limit_ms; /* how long it may take until exec; -1: no limit */
};

/**
 * child_exec() - start a program.
 * @spec:        without a function
 * @child:       filled, once the program runs
 * @exec_errno:  receives the errno of execve(2), or 0 when that did not fail or was not reached.
 *               May be NULL
 *
 * Return: 0 when the program has been executed (or the child was killed before, as its status
 * tells); or -1 CNI_ERR_IO or CNI_ERR_AGAIN, and no child is left.
 */
int child_exec(const struct child_spec *spec, const struct child_program *program,
	       struct child *child, int *exec_errno, struct cni_error *err);

/* Wait for the end of a child that has a deadline or has been killed, without a further limit. A
 * child that is stopped is continued. Return: its status as waitpid(2) gives it, or -1 when the
 * caller ignores SIGCHLD. */
int child_reap(struct child *child);

/* Send SIGKILL to the child, or to its whole group. */
void child_kill(const struct child *child);

/* Kill and reap the child, and close its pidfd. Idempotent. */
void child_end(struct child *child);
#define cleanup_child __attribute__((cleanup(child_end)))

/* Let the child live on; nobody ends it. */
void child_leave(struct child *child);

/* Wait until the process of a pidfd has ended. Return: 1; 0 when it does not end within
 * @timeout_ms; -1 with errno. */
int child_wait(int pidfd, int timeout_ms);

/* In a child: set the signal that it gets when its parent ends, and end at once when the parent has
 * ended already. Joining a user namespace undoes the setting. */
void child_die_with(pid_t parent, int sig);

/* In a child, before exec: make all descriptors close-on-exec except 0 to 2 and those in @keep,
 * which are in ascending order and are inherited. Return: 0, or -1 with errno. */
int child_close_others(const int *keep, size_t n);

/* What a child reports on a channel of handover.h: a step that failed, or that it has come as far
 * as agreed. */
struct child_report {
	int errnum;     /* 0: it has come as far as agreed */
	char step[256]; /* that failed, as the object of "cannot" */
};

/* In a child: report a step that failed, with errno, and end. */
void __attribute__((noreturn)) child_fail(int channel, const char *step);

/**
 * child_hear() - receive a report.
 * @limit_ms: how long to wait; -1: no limit
 * @fd:       receives the descriptor that came with it, or -1; NULL when none is wanted
 *
 * Return: 1 with @report; 0 when the child's end is closed, by exec or because it ended; -1 with
 * errno, which is ETIME after @limit_ms.
 */
int child_hear(int channel, int limit_ms, struct child_report *report, int *fd);

/* Fill the error "cannot STEP" with the report's errno. Return: always -1. */
int child_report_error(const struct child_report *report, struct cni_error *err);

#endif
