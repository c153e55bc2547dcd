/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A daemon that outlives its plugin. It is started behind a gate, identified by pid and start time,
 * and signalled through a pidfd. Sources: fork(2), pidfd_open(2), pidfd_send_signal(2),
 * proc_pid_stat(5).
 */
#ifndef USERNET_PROCESS_H
#define USERNET_PROCESS_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

#define PROCESS_BOOT_ID 37 /* bytes of a boot id, with the NUL */

/* The identity of a process, as a record has it. */
struct process_id {
	pid_t pid;
	uint64_t start_time;           /* clock ticks since boot: field 22 of /proc/PID/stat */
	char boot_id[PROCESS_BOOT_ID]; /* needed because the ticks begin again with each boot */
	uint64_t inode; /* of its pidfd: unique until the next boot; 0 before Linux 6.9 */
};

struct process {
	struct process_id id;
	int pidfd;    /* -1: none */
	int gate;     /* from process_start() to process_release(); else -1 */
	int listener; /* from process_release() on, when there is a filter; else -1 */
};

#define PROCESS_NONE ((struct process){.pidfd = -1, .gate = -1, .listener = -1})

struct process_spec {
	const char *path;        /* of the executable */
	const char *const *argv; /* ends with NULL */
	const char *const *envp; /* ends with NULL */
	const int *keep_fds;     /* inherited under the same numbers; in ascending order */
	size_t n_keep_fds;
	int log_dirfd;        /* directory of the log */
	const char *log_name; /* made anew in it with mode 0600; for standard output and error */
	bool own_userns;      /* a user namespace of its own, in which our user and group are 0 */
	/* A filter of seccomp(2), with a listener; needs own_userns. NULL: none. */
	const struct sock_fprog *filter;
	bool slave_mounts; /* a mount namespace of its own, whose mounts are slaves of ours */
	/* What else is done in that; NULL: nothing. Returns NULL, or the step that failed with
	 * errno. */
	const char *(*mount_more)(void *arg);
	void *mount_arg;
	uint64_t capabilities; /* the most that it may ever have, bits 1 << CAP_*; 0: all of ours */
};

/**
 * process_start() - fork the daemon, which then waits at the gate.
 *
 * At the gate, the child has done nothing that outlasts it. If this process dies before
 * process_release(), the child ends. So a caller first writes the child's identity to its record,
 * and then opens the gate. The daemon has a session of its own, / as working directory, umask 077,
 * default signal dispositions, an empty mask, RLIMIT_NOFILE at its hard limit, and only the
 * descriptors 0 (/dev/null), 1 and 2 (the log) and keep_fds. A write beyond the log's limit of a
 * megabyte fails (EFBIG), and the out-of-memory score of the daemon is not below that of an
 * ordinary process.
 *
 * Return: 0 with @p filled, for process_close(), or -1 CNI_ERR_IO.
 */
int process_start(const struct process_spec *spec, struct process *p, struct cni_error *err);

/**
 * process_release() - open the gate, and wait until the daemon has been executed.
 *
 * With a filter, @p's listener is that of seccomp_unotify(2): a system call that the filter reports
 * waits for a response, and fails with ENOSYS when the listener has been closed.
 *
 * Return: 0, or -1 with the step that failed (CNI_ERR_IO), and the child has ended; CNI_ERR_AGAIN
 * when the child was killed.
 */
int process_release(struct process *p, struct cni_error *err);

/**
 * process_try() - find out whether process_start() and process_release() would succeed, up to the
 * log.
 * @spec: only what concerns namespaces, mounts, capabilities and the filter is used
 *
 * A child takes these steps, and ends. Return: 0, or -1 with the step that failed (CNI_ERR_IO).
 */
int process_try(const struct process_spec *spec, struct cni_error *err);

/* Instead of process_release(): the child ends at the gate, without a trace. */
void process_cancel(struct process *p);

/**
 * process_open() - open the process of a record, if it still runs.
 *
 * Return: 1 with @p filled; 0 when it has ended, also when another process has its pid or the
 * machine has been rebooted; -1 CNI_ERR_IO.
 */
int process_open(const struct process_id *id, struct process *p, struct cni_error *err);

/* Wait until a process has ended, and reap it if it is our child. Return: 1; 0 when it does not end
 * within @timeout_ms; -1 CNI_ERR_IO. */
int process_wait(const struct process *p, int timeout_ms, struct cni_error *err);

/**
 * process_of_peer() - find the process that listens at the other end of a Unix socket.
 * @fd: stream socket, connected
 *
 * It is never another process: from Linux 6.5 on the kernel gives us the peer's pidfd; before, the
 * pid belongs to the peer as long as the connection exists.
 *
 * Return: 1 with @p filled, except for start time and boot id; 0 when it has ended.
 */
int process_of_peer(int fd, struct process *p);

/**
 * process_stop() - send SIGTERM and SIGCONT, after @grace_ms SIGKILL, and wait for the end.
 *
 * When it leads a process group, as every daemon of process_start() does, the rest of the group is
 * killed after it, even when it had ended before (Linux 6.9).
 *
 * Return: 0, also when it had ended before, or -1 when it does not end within ten seconds of
 * SIGKILL (CNI_ERR_AGAIN) or cannot be killed (CNI_ERR_IO).
 */
int process_stop(const struct process *p, int grace_ms, struct cni_error *err);

/* Read /proc/sys/kernel/random/boot_id, which tells this boot from others. Return: 0, or -1 with
 * errno. */
int process_boot_id(char out[PROCESS_BOOT_ID]);

/* Return: the effective capabilities of this process in its user namespace, bits 1 << CAP_*. */
uint64_t process_capabilities(void);

/*
 * Make a user namespace for this process. Only its user and group are mapped, to 0. Return: 0, or
 * -1 with errno.
 */
int process_make_userns(void);

/**
 * process_join_userns() - join a user namespace, and stay out of reach of its root.
 * @fd: the user namespace; the process has every capability in it then, and cannot go back
 *
 * Nobody without CAP_SYS_PTRACE in the user namespace that the process was executed in can trace
 * it, or look into its memory, descriptors or root directory; netns_visit.c says why. Exec ends
 * this protection: a program that is executed inside belongs to the namespace's root.
 *
 * Return: 0, or -1 with errno.
 */
int process_join_userns(int fd);

void process_close(struct process *p);
#define cleanup_process __attribute__((cleanup(process_close)))

#endif
