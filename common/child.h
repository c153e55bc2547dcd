/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A child process of ours: a function or a program, from its start to its reaping.
 * Sources: fork(2), pidfd_open(2), PR_SET_PDEATHSIG(2const), timer_create(2), execve(2).
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
	int pidfd;  /* readable when it has ended; -1: none */
	bool group; /* it leads a process group, which ends with it */
};

#define CHILD_NONE ((struct child){.pidfd = -1})

struct child_spec {
	const char
		*purpose; /* for messages, behind "cannot fork to": "enter the network namespace" */
	const char *object;   /* of the purpose: "start", PATH; NULL: none */
	int (*fn)(void *arg); /* what it returns is the exit status; with child_exec(): NULL */
	void *arg;
	/* monotonic_ms() at which the kernel kills it, also when it is stopped. Exec ends that. 0:
	 * never; then it has a pidfd for its parent to wait at. */
	int64_t deadline;
	int death_signal;     /* that it is sent when the thread that starts it ends; 0: none */
	bool own_group;       /* a process group of its own */
	bool default_signals; /* every signal's default and an empty mask; else as ours */
};

/**
 * child_start() - fork, and run a function in the child.
 * @child: filled; child_end() it, or child_reap() and child_close()
 *
 * Return: 0; -1 CNI_ERR_AGAIN where none can be made, CNI_ERR_IO where it cannot be watched.
 */
int child_start(const struct child_spec *spec, struct child *child, struct cni_error *err);

struct child_program {
	const char *path;        /* of an executable, or a name to be looked up in PATH */
	const char *const *argv; /* ends with NULL */
	const char *const *envp; /* ends with NULL; NULL: ours */
	const int *stdio; /* its descriptors 0, 1 and 2 (-1: /dev/null), and no other of ours;
			     NULL: all that are not close-on-exec */
	/* What else is done before exec; NULL: nothing. Returns NULL, or the step that failed,
	 * errno set. */
	const char *(*prepare)(void *arg);
	void *arg;
	bool search;  /* look it up in PATH, as execvp(3) does */
	int limit_ms; /* until it is executed; -1: none */
};

/**
 * child_exec() - start a program.
 * @spec:        without a function
 * @child:       filled, once the program runs
 * @exec_errno:  receives why execve(2) failed; 0: it did not, or it did not come so far. May be
 * NULL
 *
 * Return: 0 when it has been executed (or killed before, as its status tells), or -1 CNI_ERR_IO,
 * CNI_ERR_AGAIN: no child is left.
 */
int child_exec(const struct child_spec *spec, const struct child_program *program,
	       struct child *child, int *exec_errno, struct cni_error *err);

/* Wait for it without a limit, for who has a deadline or has been killed; who was stopped is made
 * to go on. Return: its status as waitpid(2) gives it, or -1: the caller ignores SIGCHLD. */
int child_reap(struct child *child);

/* SIGKILL to it, or to all of its group. */
void child_kill(const struct child *child);

/* Kill, reap, close. Idempotent. */
void child_end(struct child *child);
#define cleanup_child __attribute__((cleanup(child_end)))

/* Let it live on: it is nobody's to end. */
void child_leave(struct child *child);

/* Wait until a pidfd's process has ended. Return: 1, 0 when not within @timeout_ms, or -1 with
 * errno. */
int child_wait(int pidfd, int timeout_ms);

/* In a child: what it is sent when its parent ends, or the end where that is so already. Joining a
 * user namespace undoes it. */
void child_die_with(pid_t parent, int sig);

/* In a child, before exec: close-on-exec for all but 0 to 2 and those to keep, which are inherited
 * and ascending. Return: 0, or -1 with errno. */
int child_close_others(const int *keep, size_t n);

/* What a child says, on a channel of handover.h, that it has come to, or failed at. */
struct child_report {
	int errnum; /* 0: it has come as far as it was to say */
	char step[256];
};

/* In a child: report a step that failed, with errno, and end. */
void __attribute__((noreturn)) child_fail(int channel, const char *step);

/**
 * child_hear() - receive a report.
 * @limit_ms: -1: none
 * @fd:       the descriptor that came with it, or -1; NULL: none is wanted
 *
 * Return: 1; 0 when the child has closed its end, by exec or by ending; -1 with errno, which is
 * ETIME after @limit_ms.
 */
int child_hear(int channel, int limit_ms, struct child_report *report, int *fd);

/* "cannot STEP", with its errno. Return: always -1. */
int child_report_error(const struct child_report *report, struct cni_error *err);

#endif
