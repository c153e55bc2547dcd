/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * COMMAND and its terminal.
 *
 * COMMAND stays in our process group. So the shell that started us has one job with both processes:
 * a key at the terminal reaches COMMAND from the kernel, ^Z stops both and fg continues both, and a
 * COMMAND that is a shell itself finds its group in the foreground, as it needs. Three things are
 * left to do:
 *
 * - A signal that somebody sent to us alone is passed on. One that the terminal sent to the group
 *   (si_code SI_KERNEL) has reached COMMAND already, unless it has left the group.
 * - If COMMAND stops by itself (a shell's "suspend"), nobody would have the terminal: we stop, too,
 *   by SIGTSTP, which the kernel ignores where no shell could continue us.
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
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "process.h"
#include "resolv.h"

#define ENTER                                                                              \
	"enter the network namespace; it must belong to a user namespace of this user's, " \
	"or the caller have CAP_SYS_ADMIN"

static const char *command_prepare(void *arg)
{
	const struct command *command = arg;

	if ((command->ns->userns_fd >= 0 && process_join_userns(command->ns->userns_fd) < 0) ||
	    setns(command->ns->fd, CLONE_NEWNET) < 0)
		return ENTER;
	if (command->resolv_conf != NULL && unshare(CLONE_NEWNS) < 0)
		return "make a mount namespace for /etc/resolv.conf";
	if (command->resolv_conf != NULL && resolv_mount(command->resolv_conf) < 0)
		return "mount the network's DNS servers over /etc/resolv.conf";
	signals_restore(command->signals);
	return NULL;
}

/* A COMMAND that runs. */
struct job {
	struct child child;
	int tty; /* the controlling terminal; -1: none */
	bool foreground;
};

static void job_close(struct job *job)
{
	child_end(&job->child);
	cleanup_close_(&job->tty);
}

static int command_start(const struct command *command, struct job *job, int *status,
			 struct cni_error *err)
{
	const struct child_program program = {
		.path = command->argv[0],
		.argv = (const char *const *)command->argv,
		.prepare = command_prepare,
		.arg = (void *)(uintptr_t)command,
		.search = true,
		.limit_ms = -1, /* the user waits, at the terminal */
	};
	int exec_errno;

	fflush(NULL); /* our output comes before COMMAND's */
	*status = EXIT_OURS;
	if (child_exec(&(struct child_spec){.death_signal = SIGTERM}, &program, &job->child,
		       &exec_errno, err) == 0)
		return 0;
	if (exec_errno != 0)
		*status = exec_errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
	return -1;
}

static void give_terminal(const struct job *job, pid_t group)
{
	sigset_t ttou, before;

	/* SIGTTOU would stop us, since we are in the background. */
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	sigprocmask(SIG_BLOCK, &ttou, &before);
	tcsetpgrp(job->tty, group);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

/* COMMAND has stopped: stop, too, and continue it when we are continued. */
static void stop_with(const struct job *job)
{
	const pid_t group = getpgid(job->child.pid);
	const bool had_terminal = group != getpgrp() && tcgetpgrp(job->tty) == group;

	if (had_terminal)
		give_terminal(job, getpgrp());
	kill(getpid(), SIGTSTP);
	/* The shell's fg or bg has continued us. */
	if (had_terminal && tcgetpgrp(job->tty) == getpgrp())
		give_terminal(job, group);
	kill(group == getpgrp() ? job->child.pid : -group, SIGCONT);
}

static void pass_on(const struct job *job, const struct signalfd_siginfo *info)
{
	siginfo_t child = {0};

	if (info->ssi_signo != SIGCHLD) {
		if (info->ssi_code != SI_KERNEL || getpgid(job->child.pid) != getpgrp())
			syscall(SYS_pidfd_send_signal, job->child.pidfd, info->ssi_signo, NULL, 0);
		return;
	}
	if (job->tty >= 0 &&
	    waitid(P_PIDFD, (id_t)job->child.pidfd, &child, WSTOPPED | WNOHANG) == 0 &&
	    child.si_pid != 0)
		stop_with(job);
}

static void supervise(const struct command *command, const struct job *job)
{
	struct signalfd_siginfo info;

	for (;;) {
		struct pollfd events[] = {
			{.fd = job->child.pidfd, .events = POLLIN},
			{.fd = command->signals->forwarded, .events = POLLIN},
		};

		/* Out of memory: the caller waits by waitpid(2), and signals are not passed on. */
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
	struct job __attribute__((cleanup(job_close))) job = {.child = CHILD_NONE, .tty = -1};
	int wait_status;

	job.tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	job.foreground = job.tty >= 0 && tcgetpgrp(job.tty) == getpgrp();
	if (command_start(command, &job, status, err) < 0)
		return -1;
	supervise(command, &job);
	wait_status = child_reap(&job.child);
	if (job.foreground && tcgetpgrp(job.tty) != getpgrp())
		give_terminal(&job, getpgrp());
	*status = WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
	return 0;
}
