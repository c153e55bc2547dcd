/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A daemon that outlives its plugin: started behind a gate, known by pid and start time, signalled
 * through a pidfd. Sources: fork(2), pidfd_open(2), pidfd_send_signal(2), proc_pid_stat(5).
 */
#ifndef USERNET_PROCESS_H
#define USERNET_PROCESS_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

#define PROCESS_BOOT_ID 37 /* its bytes, with the NUL */

/* Identity of a process, as it stands in a record. */
struct process_id {
	pid_t pid;
	uint64_t start_time;           /* clock ticks since boot: field 22 of /proc/PID/stat */
	char boot_id[PROCESS_BOOT_ID]; /* /proc/sys/kernel/random/boot_id: ticks restart with the
					  kernel */
	uint64_t inode; /* of its pidfd: unique until the next boot; 0 before Linux 6.9 */
};

struct process {
	struct process_id id;
	int pidfd;    /* -1: none */
	int gate;     /* process_start() to process_release(); else -1 */
	int listener; /* from process_release() on, where there is a filter; else -1 */
};

#define PROCESS_NONE ((struct process){.pidfd = -1, .gate = -1, .listener = -1})

struct process_spec {
	const char *path;        /* executable */
	const char *const *argv; /* ends with NULL */
	const char *const *envp; /* ends with NULL */
	const int *keep_fds;     /* inherited under the same numbers; ascending */
	size_t n_keep_fds;
	int log_dirfd;        /* directory of the log */
	const char *log_name; /* made in it, 0600, anew: standard output and error */
	bool own_userns; /* user namespace that nobody else is in; our user and group are its 0 */
	const struct sock_fprog
		*filter;   /* seccomp(2), with a listener; NULL: none. Needs own_userns */
	bool slave_mounts; /* own mount namespace, whose mounts are slaves of ours */
	/* What else is done in it; NULL: nothing. Returns NULL, or the step that failed, errno set.
	 */
	const char *(*mount_more)(void *arg);
	void *mount_arg;
	uint64_t capabilities; /* the most it may ever have: bits 1 << CAP_*; 0: all ours */
};

/**
 * process_start() - fork the daemon, up to the gate.
 *
 * The child waits there; it has done nothing that outlasts it. If this process dies before
 * process_release(), the child ends. So a caller writes the child's identity to its record first,
 * and then lets it go. The daemon has a session of its own, / as working directory, umask 077,
 * default signal dispositions, an empty mask, RLIMIT_NOFILE at its hard limit, and no descriptor
 * but 0 (/dev/null), 1 and 2 (the log) and keep_fds. What it writes beyond the log's limit of a
 * megabyte is refused (EFBIG), and to the kernel that runs out of memory it is worth no more than
 * any process.
 *
 * Return: 0 with @p filled (process_close() it), or -1 CNI_ERR_IO.
 */
int process_start(const struct process_spec *spec, struct process *p, struct cni_error *err);

/**
 * process_release() - open the gate; returns when the daemon has been executed.
 *
 * With a filter, @p's listener is that of seccomp_unotify(2): what the filter says is to be told of
 * waits for an answer, and fails with ENOSYS when the listener has been closed.
 *
 * Return: 0, or -1 with what the child failed at (CNI_ERR_IO); the child has then ended.
 */
int process_release(struct process *p, struct cni_error *err);

/**
 * process_try() - whether process_start() and process_release() could, up to the log.
 * @spec: of it, what concerns namespaces, mounts, capabilities and the filter
 *
 * A child makes them, and ends. Return: 0, or -1 with what it failed at (CNI_ERR_IO).
 */
int process_try(const struct process_spec *spec, struct cni_error *err);

/* Before process_release(): the child ends at the gate, without trace. */
void process_cancel(struct process *p);

/**
 * process_open() - the process of a record, if it still runs.
 *
 * Return: 1 with @p filled, 0 when it has ended (or its pid is another's now, or the machine has
 * been started anew), -1 CNI_ERR_IO.
 */
int process_open(const struct process_id *id, struct process *p, struct cni_error *err);

/* Return: 1 when it has ended (children are reaped), 0 when not within @timeout_ms, -1 CNI_ERR_IO.
 */
int process_wait(const struct process *p, int timeout_ms, struct cni_error *err);

/**
 * process_of_peer() - the process that listens on a connected Unix socket.
 * @fd: stream socket, connected
 *
 * Never another's: from Linux 6.5 on the kernel hands out its pidfd; before, the pid is its own as
 * long as the connection stands.
 *
 * Return: 1 with @p filled but for start time and boot id, 0 when it has ended.
 */
int process_of_peer(int fd, struct process *p);

/**
 * process_stop() - SIGTERM and SIGCONT; SIGKILL after @grace_ms; wait until it has ended.
 *
 * Where it leads a process group (all that process_start() started do), what is left of the group
 * is killed behind it, also when it had ended before (Linux 6.9).
 *
 * Return: 0 (also when it had ended before), or -1: it did not end within ten seconds of SIGKILL.
 */
int process_stop(const struct process *p, int grace_ms, struct cni_error *err);

/* /proc/sys/kernel/random/boot_id: what is noted with it is of this boot. Return: 0, or -1 with
 * errno.
 */
int process_boot_id(char out[PROCESS_BOOT_ID]);

/* The effective capabilities of this process, in its user namespace: bits 1 << CAP_*. */
uint64_t process_capabilities(void);

/*
 * Make a user namespace for this process, in which its user and group are 0 and nobody else is.
 * Return: 0, or -1 with errno.
 */
int process_make_userns(void);

/**
 * process_join_userns() - join a user namespace, and be out of reach of who has power in it.
 * @fd: the user namespace; who joins has every capability in it, and cannot go back
 *
 * The process cannot be traced, nor can its memory, descriptors or root be looked into, by anybody
 * who has no CAP_SYS_PTRACE in the user namespace that it was executed in; netns.c says why that
 * is so. It ends with exec: a program that is executed inside belongs to the namespace's root.
 *
 * Return: 0, or -1 with errno.
 */
int process_join_userns(int fd);

void process_close(struct process *p);
#define cleanup_process __attribute__((cleanup(process_close)))

#endif
