/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Daemons: they are started from fork to exec behind a gate, and ended through a pidfd.
 *
 * The gate is a socket pair. The child blocks on it before it does anything that outlasts it, so
 * that its pid and start time can be in a record by then. When the parent dies, its end is closed;
 * the child reads end-of-file and ends. Behind the gate the same socket carries the name and the
 * errno of a step that failed; exec closes it, which is how the parent learns of success.
 *
 * Until the gate is opened, it is a child of child.c like all others.
 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "clock.h"
#include "handover.h"

#define EXEC_LIMIT_MS 10000
/*
 * A process that has SIGKILL ends when the kernel has closed its descriptors. For a tap that takes
 * the lock of all network devices (rtnl), for which one waits behind every namespace that is being
 * taken down on the node: 52 ms idle, 164 in the middle (324 at most) with six programs that make
 * and leave namespaces, and more than two seconds where a whole test run does so on two cores.
 */
#define KILL_LIMIT_MS 10000
#define LOG_MAX_BYTES (1u << 20)

#ifndef PID_FS_MAGIC
#define PID_FS_MAGIC 0x50494446 /* linux/magic.h of Linux 6.9 */
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* asm-generic/socket.h of Linux 6.5 */
#endif

/* Messages of steps that a system may be configured not to allow. */
#define USERNS_LIMIT                                                 \
	"make a user namespace; the limit is reached, or 0: sysctl " \
	"user.max_user_namespaces"
#define USERNS_FORBIDDEN                                                           \
	"make a user namespace; this system forbids it to this user: sysctl "      \
	"kernel.unprivileged_userns_clone, "                                       \
	"kernel.apparmor_restrict_unprivileged_userns, a chroot, a sandbox, or a " \
	"root without CAP_SETFCAP"

#define LISTENER_BUSY \
	"install a seccomp listener; a program that called us has installed one already"
#define LISTENER_FORBIDDEN "install a seccomp listener (seccomp_unotify(2))"

/* Read a small file of /proc, with a NUL behind it. Return: bytes read, or -1. */
static ssize_t read_small(const char *path, char *buf, size_t size)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = TEMP_FAILURE_RETRY(read(fd, buf, size - 1));
	if (n < 0)
		return -1;
	buf[n] = '\0';
	return n;
}

/* Field 22 of /proc/PID/stat. The name in field 2 may hold any characters, so fields are counted
 * from the last ')'. */
static int read_start_time(pid_t pid, uint64_t *ticks)
{
	char path[32];
	char buf[1024];
	const char *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (read_small(path, buf, sizeof(buf)) < 0)
		return -1;
	p = strrchr(buf, ')');
	for (int field = 2; p != NULL && field < 22; field++) {
		p = strchr(p, ' ');
		if (p != NULL)
			p++;
	}
	if (p == NULL || sscanf(p, "%llu", (unsigned long long *)ticks) != 1) {
		errno = EPROTO;
		return -1;
	}
	return 0;
}

int process_boot_id(char out[PROCESS_BOOT_ID])
{
	const ssize_t n = read_small("/proc/sys/kernel/random/boot_id", out, PROCESS_BOOT_ID);

	if (n >= 0 && n != PROCESS_BOOT_ID - 1)
		errno = EPROTO;
	return n == PROCESS_BOOT_ID - 1 ? 0 : -1;
}

/*
 * Start times are hundredths of a second, and within one a pid may end and be given again. Since
 * Linux 6.9 pidfds have a file system of their own, in which no two processes share an inode
 * number.
 */
static uint64_t inode_of(int pidfd)
{
	struct statfs fs;
	struct stat st;

	return fstatfs(pidfd, &fs) == 0 && fs.f_type == PID_FS_MAGIC && fstat(pidfd, &st) == 0
		       ? st.st_ino
		       : 0;
}

uint64_t process_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (syscall(SYS_capget, &head, data) < 0)
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

int process_join_userns(int fd)
{
	/*
	 * It is set before joining, so that there is no moment inside at which the process is
	 * dumpable. It is set again after, because the kernel sets it to fs.suid_dumpable, which
	 * may be 1, when joining changes more than the namespace.
	 */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setns(fd, CLONE_NEWUSER) < 0)
		return -1;
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/*
 * Exec gives user 0 the capabilities of the bounding and inheritable sets. A caller without
 * CAP_SETPCAP cannot change the bounding set; but such a caller has limited itself already.
 */
static int limit_capabilities(uint64_t most)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	for (unsigned long cap = 0; most != 0 && cap < 64; cap++) {
		if (!(most >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			break; /* EPERM, or EINVAL after the last capability */
	}
	if (syscall(SYS_capget, &head, data) < 0)
		return -1;
	for (unsigned int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		if (most != 0)
			data[i].inheritable &= (uint32_t)(most >> 32 * i);
	}
	return (int)syscall(SYS_capset, &head, data);
}

/*
 * Each connection of the container takes a descriptor of the daemon. The container may provoke
 * messages in its log, which is in the memory of /run. So beyond the limit a write fails, and the
 * signal that comes with it must not end the daemon.
 */
static void set_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur > LOG_MAX_BYTES) {
		limit.rlim_cur = limit.rlim_max = LOG_MAX_BYTES;
		setrlimit(RLIMIT_FSIZE, &limit);
	}
	signal(SIGXFSZ, SIG_IGN);
}

/*
 * The out-of-memory score of a runtime (-999 is usual) protects it, because the machine needs it. A
 * daemon that serves one container, and takes memory as that container likes, must not inherit that
 * protection. Any process may give it up; when /proc does not let us, nothing else is lost.
 */
static void drop_oom_protection(void)
{
	cleanup_close int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	char text[8];

	if (fd >= 0 && read(fd, text, sizeof(text)) > 0 && text[0] == '-')
		(void)!pwrite(fd, "0", 1, 0);
}

/* A filter with a listener needs CAP_SYS_ADMIN, or no_new_privs, which would stay set. */
static int install_filter(const struct sock_fprog *filter)
{
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			    SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW,
			    filter);
}

static int write_map(const char *path, const char *text)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -1 : 0;
}

/* A process that maps only its own user and group needs no privilege (user_namespaces(7)). */
int process_make_userns(void)
{
	char users[32], groups[32];

	snprintf(users, sizeof(users), "0 %u 1\n", (unsigned int)geteuid());
	snprintf(groups, sizeof(groups), "0 %u 1\n", (unsigned int)getegid());
	if (unshare(CLONE_NEWUSER) < 0 || write_map("/proc/self/setgroups", "deny") < 0 ||
	    write_map("/proc/self/gid_map", groups) < 0)
		return -1;
	return write_map("/proc/self/uid_map", users);
}

/* The steps that affect only the child, and leave nothing when it ends. */
static void process_prepare(const struct process_spec *spec, int gate)
{
	const char *step;
	int null;

	umask(077);
	if (setsid() < 0)
		child_fail(gate, "start a session");
	if (chdir("/") < 0)
		child_fail(gate, "change to the directory /");
	drop_oom_protection();
	if (spec->own_userns && process_make_userns() < 0)
		child_fail(gate, errno == ENOSPC ? USERNS_LIMIT : USERNS_FORBIDDEN);
	/*
	 * In a shared mount namespace, what the daemon unmounts would be unmounted on the host too.
	 * A private one would keep the namespaces of other containers mounted, and so alive, after
	 * the host has unmounted them.
	 */
	if (spec->slave_mounts && unshare(CLONE_NEWNS) < 0)
		child_fail(gate, "make a mount namespace");
	if (spec->slave_mounts && mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		child_fail(gate, "make the mounts slaves");
	step = spec->mount_more == NULL ? NULL : spec->mount_more(spec->mount_arg);
	if (step != NULL)
		child_fail(gate, step);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0)
		child_fail(gate, "open /dev/null");
	if (limit_capabilities(spec->capabilities) < 0)
		child_fail(gate, "limit its capabilities to those that it needs");
	set_limits();
}

/*
 * From here on the filter is active. The report is needed because a child that ends before exec
 * closes the gate too, which would look like success.
 */
static void filter_and_report(const struct process_spec *spec, int gate)
{
	int listener = -1;

	if (spec->filter != NULL) {
		listener = install_filter(spec->filter);
		if (listener < 0)
			child_fail(gate, errno == EBUSY ? LISTENER_BUSY : LISTENER_FORBIDDEN);
	}
	if (handover_send(gate, &(struct child_report){0}, sizeof(struct child_report), listener) <
	    0)
		_exit(127);
}

/* A daemon that is being started, and both ends of its gate. */
struct process_launch {
	const struct process_spec *spec;
	int ours;
	int theirs;
};

static int daemon_main(void *arg)
{
	const struct process_launch *launch = arg;
	const struct process_spec *spec = launch->spec;
	const int gate = launch->theirs;
	int log;
	char go;

	close(launch->ours);         /* else the child would not see the end of its parent */
	process_prepare(spec, gate); /* while the parent writes its record */
	if (TEMP_FAILURE_RETRY(recv(gate, &go, 1, 0)) != 1)
		return 127; /* the parent died or gave up; nothing has happened */

	log = openat(spec->log_dirfd, spec->log_name,
		     O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (log < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		child_fail(gate, "make its log");
	if (child_close_others(spec->keep_fds, spec->n_keep_fds) < 0)
		child_fail(gate, "close the descriptors of its caller");
	filter_and_report(spec, gate);
	execve(spec->path, (char *const *)(uintptr_t)spec->argv,
	       (char *const *)(uintptr_t)spec->envp);
	child_fail(gate, "execute it");
}

int process_start(const struct process_spec *spec, struct process *p, struct cni_error *err)
{
	cleanup_close int ours = -1;
	cleanup_close int theirs = -1;
	cleanup_child struct child child = CHILD_NONE;
	struct process_launch launch = {.spec = spec};
	const struct child_spec how = {.purpose = "start",
				       .object = spec->path,
				       .fn = daemon_main,
				       .arg = &launch,
				       .default_signals = true};

	*p = PROCESS_NONE;
	if (process_boot_id(p->id.boot_id) < 0)
		return cni_error_errno(err, CNI_ERR_IO,
				       "cannot read the boot id; is /proc mounted?");
	if (handover_pair(&ours, &theirs, err) < 0)
		return -1;
	launch.ours = ours;
	launch.theirs = theirs;
	/* Until the gate is opened, closing our end of it ends the child. */
	if (child_start(&how, &child, err) < 0)
		return -1;
	if (read_start_time(child.pid, &p->id.start_time) < 0)
		return cni_error_errno(err, CNI_ERR_IO,
				       "cannot watch the process that is to start %s", spec->path);
	p->id.pid = child.pid;
	p->id.inode = inode_of(child.pidfd);
	p->pidfd = take_fd(&child.pidfd);
	p->gate = take_fd(&ours);
	child_leave(&child);
	return 0;
}

int process_release(struct process *p, struct cni_error *err)
{
	cleanup_close int gate = take_fd(&p->gate);
	struct child_report report = {0};
	bool executing = false;
	int heard;

	/* EPIPE: the child failed before the gate; its report waits to be read. */
	if (TEMP_FAILURE_RETRY(send(gate, "", 1, MSG_NOSIGNAL)) != 1 && errno != EPIPE)
		return cni_error_errno(err, CNI_ERR_IO, "cannot let the starting process go");
	do {
		int listener = -1;

		heard = child_hear(gate, EXEC_LIMIT_MS, &report, &listener);
		if (listener >= 0)
			p->listener = listener;
		if (heard == 0 && executing)
			return 0;
		if (heard < 0 && errno == ETIME)
			return cni_error(err, CNI_ERR_IO, "the starting process hangs");
		if (heard <= 0)
			/* A DEL of the same attachment came in between, or the system killed it. */
			return cni_error(err, CNI_ERR_AGAIN,
					 "the starting process was killed; call again");
		executing = report.errnum == 0;
	} while (executing);
	return child_report_error(&report, err);
}

static int trial_main(void *arg)
{
	const struct process_launch *launch = arg;

	close(launch->ours);
	process_prepare(launch->spec, launch->theirs);
	filter_and_report(launch->spec, launch->theirs);
	return 0;
}

int process_try(const struct process_spec *spec, struct cni_error *err)
{
	cleanup_close int ours = -1;
	cleanup_close int theirs = -1;
	cleanup_child struct child child = CHILD_NONE;
	struct process_launch launch = {.spec = spec};
	/* The limit is long, because the caller's mount_more may take its time. */
	const struct child_spec how = {.purpose = "try to start a daemon",
				       .fn = trial_main,
				       .arg = &launch,
				       .deadline = monotonic_ms() + EXEC_LIMIT_MS,
				       .default_signals = true};
	struct child_report report;

	if (handover_pair(&ours, &theirs, err) < 0)
		return -1;
	launch.ours = ours;
	launch.theirs = theirs;
	if (child_start(&how, &child, err) < 0)
		return -1;
	close(take_fd(&theirs));
	if (child_hear(ours, EXEC_LIMIT_MS, &report, NULL) <= 0)
		return cni_error(err, CNI_ERR_IO, "the process that was to try it did not report");
	return report.errnum == 0 ? 0 : child_report_error(&report, err);
}

void process_cancel(struct process *p)
{
	close(take_fd(&p->gate));
	TEMP_FAILURE_RETRY(waitpid(p->id.pid, NULL, 0));
	process_close(p);
}

int process_open(const struct process_id *id, struct process *p, struct cni_error *err)
{
	cleanup_close int pidfd = -1;
	struct pollfd event = {.events = POLLIN};
	char boot_id[PROCESS_BOOT_ID];
	uint64_t start;

	*p = PROCESS_NONE;
	if (id->pid <= 1)
		return 0;
	if (process_boot_id(boot_id) < 0)
		return cni_error_errno(err, CNI_ERR_IO,
				       "cannot read the boot id; is /proc mounted?");
	if (strcmp(boot_id, id->boot_id) != 0)
		return 0;
	/*
	 * The pidfd is opened before the start time is read. When the time is the right one and the
	 * pidfd's process has not ended after that, the pidfd is that of the recorded process.
	 */
	pidfd = (int)syscall(SYS_pidfd_open, id->pid, 0);
	if (pidfd < 0 && (errno == ESRCH || errno == EINVAL || errno == ENOENT))
		return 0; /* it has ended, or the pid is a thread's now (ENOENT since Linux 6.9) */
	if (pidfd < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot open process %d", (int)id->pid);
	if (read_start_time(id->pid, &start) < 0) {
		if (errno == ENOENT || errno == ESRCH)
			return 0;
		return cni_error_errno(err, CNI_ERR_IO, "cannot examine process %d", (int)id->pid);
	}
	if (start != id->start_time || (id->inode != 0 && inode_of(pidfd) != id->inode))
		return 0;
	event.fd = pidfd;
	switch (TEMP_FAILURE_RETRY(poll(&event, 1, 0))) {
	case 0:
		break;
	case 1:
		return 0;
	default:
		return cni_error_errno(err, CNI_ERR_IO, "cannot examine process %d", (int)id->pid);
	}
	p->id = *id;
	p->pidfd = take_fd(&pidfd);
	return 1;
}

int process_of_peer(int fd, struct process *p)
{
	struct pollfd event = {.fd = fd};
	struct ucred peer;
	socklen_t len = sizeof(peer);

	*p = PROCESS_NONE;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return 0;
	p->id.pid = peer.pid;
	len = sizeof(p->pidfd);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &p->pidfd, &len) < 0) {
		p->pidfd = errno == ENOPROTOOPT && peer.pid > 1
				   ? (int)syscall(SYS_pidfd_open, peer.pid, 0)
				   : -1;
		if (p->pidfd < 0)
			return 0;
		if (poll(&event, 1, 0) != 0)
			goto ended;
	}
	fcntl(p->pidfd, F_SETFD, FD_CLOEXEC);
	p->id.inode = inode_of(p->pidfd);
	event = (struct pollfd){.fd = p->pidfd, .events = POLLIN};
	if (poll(&event, 1, 0) == 0)
		return 1;
ended:
	process_close(p);
	return 0;
}

int process_wait(const struct process *p, int timeout_ms, struct cni_error *err)
{
	const int ended = child_wait(p->pidfd, timeout_ms);

	if (ended < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot wait for process %d",
				       (int)p->id.pid);
	/* This reaps our own child; for another process's child it fails with ECHILD. */
	if (ended > 0)
		waitid(P_PIDFD, (id_t)p->pidfd, NULL, WEXITED | WNOHANG);
	return ended;
}

#ifndef PIDFD_SIGNAL_PROCESS_GROUP
#define PIDFD_SIGNAL_PROCESS_GROUP (1UL << 2) /* linux/pidfd.h of Linux 6.9 */
#endif

/*
 * A daemon that a script starts without exec is the script's child, and ends with the process group
 * that setsid(2) has made. Older kernels cannot signal a group through a pidfd; they reach only the
 * process.
 */
static int send_signal(const struct process *p, int sig)
{
	if (syscall(SYS_pidfd_send_signal, p->pidfd, sig, NULL, PIDFD_SIGNAL_PROCESS_GROUP) == 0)
		return 0;
	return (int)syscall(SYS_pidfd_send_signal, p->pidfd, sig, NULL, 0);
}

/* The leader's pidfd reaches the group even after the leader's end, and no other group. */
static void end_group(const struct process *p)
{
	syscall(SYS_pidfd_send_signal, p->pidfd, SIGKILL, NULL, PIDFD_SIGNAL_PROCESS_GROUP);
}

int process_stop(const struct process *p, int grace_ms, struct cni_error *err)
{
	int ended;

	if (grace_ms > 0) {
		/* A stopped process handles SIGTERM only after it is continued. */
		send_signal(p, SIGTERM);
		send_signal(p, SIGCONT);
		ended = process_wait(p, grace_ms, err);
		if (ended > 0)
			end_group(p);
		if (ended != 0)
			return ended > 0 ? 0 : -1;
	}
	if (send_signal(p, SIGKILL) < 0 && errno != ESRCH)
		return cni_error_errno(err, CNI_ERR_IO, "cannot kill process %d", (int)p->id.pid);
	ended = process_wait(p, KILL_LIMIT_MS, err);
	if (ended == 0)
		return cni_error(err, CNI_ERR_AGAIN, "process %d does not end after SIGKILL",
				 (int)p->id.pid);
	return ended > 0 ? 0 : -1;
}

void process_close(struct process *p)
{
	cleanup_close_(&p->pidfd);
	cleanup_close_(&p->gate);
	cleanup_close_(&p->listener);
	p->pidfd = -1;
	p->gate = -1;
	p->listener = -1;
}
