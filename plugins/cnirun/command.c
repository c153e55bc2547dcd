// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * COMMAND and its terminal.
 *
 * COMMAND stays in our process group. So the shell that started us has one job with both of us in
 * it: a key at the terminal reaches COMMAND from the kernel, ^Z stops both and fg continues both,
 * and a COMMAND that is a shell itself finds its group in the foreground, as it wants to. What is
 * left to do:
 *
 * - A signal that somebody sent to us alone is passed on. One that the terminal sent to the group
 *   (si_code SI_KERNEL) has reached COMMAND already, unless it has left the group.
 * - A COMMAND that stopped by itself (a shell's "suspend") would leave its terminal to nobody: we
 *   stop too, by SIGTSTP, which the kernel ignores where no shell could continue us.
 * - The terminal is taken back from a COMMAND that had made a group of its own foreground and died.
 *
 * When we are killed, COMMAND is sent SIGTERM: its network has gone.
 */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "process.h"
#include "resolv.h"

enum step {
	JOIN_USERNS,
	JOIN_NETNS,
	MAKE_MOUNTS,
	MOUNT_RESOLV,
	EXECUTE,
};

struct report {
	enum step step;
	int errnum;
};

static enum step prepare(const struct command *command)
{
	if (command->ns->userns_fd >= 0 && process_join_userns(command->ns->userns_fd) < 0)
		return JOIN_USERNS;
	if (setns(command->ns->fd, CLONE_NEWNET) < 0)
		return JOIN_NETNS;
	if (command->resolv_conf && unshare(CLONE_NEWNS) < 0)
		return MAKE_MOUNTS;
	if (command->resolv_conf && resolv_mount(command->resolv_conf) < 0)
		return MOUNT_RESOLV;
	return EXECUTE;
}

static void __attribute__((noreturn))
child_main(const struct command *command, pid_t parent, int channel)
{
	struct report report = {.step = prepare(command)};

	if (report.step == EXECUTE) {
		/* After joining a user namespace, which would clear it again. */
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(1);
		signals_restore(command->signals);
		execvp(command->argv[0], command->argv);
	}
	report.errnum = errno;
	(void)!write(channel, &report, sizeof(report));
	_exit(EXIT_OURS);
}

static int explain(const struct command *command, const struct report *report, int *status,
		   struct cni_error *err)
{
	*status = EXIT_OURS;
	errno = report->errnum;
	switch (report->step) {
	case JOIN_USERNS:
	case JOIN_NETNS:
		return cni_error_errno(err, CNI_ERR_IO,
				       "cannot enter the network namespace; it must belong to a "
				       "user namespace of this user's, or the caller have "
				       "CAP_SYS_ADMIN");
	case MAKE_MOUNTS:
		return cni_error_errno(err, CNI_ERR_IO,
				       "cannot make a mount namespace for /etc/resolv.conf");
	case MOUNT_RESOLV:
		return cni_error_errno(err, CNI_ERR_IO,
				       "cannot mount the network's name servers over "
				       "/etc/resolv.conf");
	default:
		*status = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
		return cni_error_errno(err, CNI_ERR_IO, "cannot execute %.100s", command->argv[0]);
	}
}

/* A COMMAND that runs. */
struct job {
	pid_t pid;
	int pidfd;
	int tty; /* the controlling terminal; -1: none */
	bool foreground;
};

static void job_close(struct job *job)
{
	cleanup_close_(&job->pidfd);
	cleanup_close_(&job->tty);
}

static int start(const struct command *command, struct job *job, int *status, struct cni_error *err)
{
	cleanup_close int ours = -1;
	cleanup_close int theirs = -1;
	const pid_t self = getpid();
	struct report report;
	int channel[2];

	*status = EXIT_OURS;
	if (pipe2(channel, O_CLOEXEC) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot make a pipe");
	ours = channel[0];
	theirs = channel[1];
	fflush(NULL);
	job->pid = fork();
	if (job->pid == 0)
		child_main(command, self, theirs);
	if (job->pid < 0)
		return cni_error_errno(err, CNI_ERR_AGAIN, "cannot fork to execute %.100s",
				       command->argv[0]);
	close(take_fd(&theirs));
	/* Ends with exec, or with the child. */
	if (TEMP_FAILURE_RETRY(read(ours, &report, sizeof(report))) == sizeof(report)) {
		TEMP_FAILURE_RETRY(waitpid(job->pid, NULL, 0));
		return explain(command, &report, status, err);
	}
	job->pidfd = (int)syscall(SYS_pidfd_open, job->pid, 0);
	if (job->pidfd < 0) {
		cni_error_errno(err, CNI_ERR_IO, "cannot watch %.100s", command->argv[0]);
		kill(job->pid, SIGKILL);
		TEMP_FAILURE_RETRY(waitpid(job->pid, NULL, 0));
		return -1;
	}
	return 0;
}

static void give_terminal(const struct job *job, pid_t group)
{
	sigset_t ttou, before;

	/* Unblocked, it would stop us: we ask from the background. */
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	sigprocmask(SIG_BLOCK, &ttou, &before);
	tcsetpgrp(job->tty, group);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

/* It has stopped, and we with it. */
static void stop_with(const struct job *job)
{
	const pid_t group = getpgid(job->pid);
	const bool had_terminal = group != getpgrp() && tcgetpgrp(job->tty) == group;

	if (had_terminal)
		give_terminal(job, getpgrp());
	kill(getpid(), SIGTSTP);
	/* The shell's fg or bg has continued us. */
	if (had_terminal && tcgetpgrp(job->tty) == getpgrp())
		give_terminal(job, group);
	kill(group == getpgrp() ? job->pid : -group, SIGCONT);
}

static void pass_on(const struct job *job, const struct signalfd_siginfo *info)
{
	siginfo_t child = {0};

	if (info->ssi_signo != SIGCHLD) {
		if (info->ssi_code != SI_KERNEL || getpgid(job->pid) != getpgrp())
			syscall(SYS_pidfd_send_signal, job->pidfd, info->ssi_signo, NULL, 0);
		return;
	}
	if (job->tty >= 0 && waitid(P_PIDFD, (id_t)job->pidfd, &child, WSTOPPED | WNOHANG) == 0 &&
	    child.si_pid != 0)
		stop_with(job);
}

static void supervise(const struct command *command, const struct job *job)
{
	struct signalfd_siginfo info;

	for (;;) {
		struct pollfd events[] = {
			{.fd = job->pidfd, .events = POLLIN},
			{.fd = command->signals->forwarded, .events = POLLIN},
		};

		/* Without memory to wait for both, for its end alone: our caller's waitpid(2). */
		if (poll(events, 2, -1) < 0) {
			if (errno != EINTR)
				return;
			continue;
		}
		if (events[0].revents)
			return;
		while (read(command->signals->forwarded, &info, sizeof(info)) == sizeof(info))
			pass_on(job, &info);
	}
}

int command_run(const struct command *command, int *status, struct cni_error *err)
{
	struct job __attribute__((cleanup(job_close))) job = {.pidfd = -1, .tty = -1};
	int wait_status;

	job.tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	job.foreground = job.tty >= 0 && tcgetpgrp(job.tty) == getpgrp();
	if (start(command, &job, status, err) < 0)
		return -1;
	supervise(command, &job);
	TEMP_FAILURE_RETRY(waitpid(job.pid, &wait_status, 0));
	if (job.foreground && tcgetpgrp(job.tty) != getpgrp())
		give_terminal(&job, getpgrp());
	*status = WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
	return 0;
}
