/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Children: how every process that we start begins and ends.
 *
 * There are two kinds of children: a function (a visit to a namespace, a trial of mounts, the
 * holder of a namespace) and a program (a plugin, COMMAND, a daemon, newuidmap). A daemon is a
 * function that executes a program when it is told to, see process.c.
 *
 * How a child ends. A caller that runs a function for its outcome waits in waitpid(2) and not at a
 * pidfd, because somebody may stop the child (CAP_KILL in a namespace that it has joined), and only
 * waitpid(2) reports that, without a descriptor and without polling. The wait is limited by a timer
 * of the child, whose signal is SIGKILL: the kernel sends it, and neither a mask nor a handler nor
 * a stop holds it back, as all three do with alarm(2). Exec deletes such a timer. So a caller that
 * runs a program waits at its pidfd, along with the program's pipes and our own signals, and kills
 * it.
 *
 * We use fork rather than posix_spawn or vfork: between fork and exec there are steps that
 * posix_spawn does not know (joining a user namespace, which cannot be undone; mounts; a gate), and
 * no tool that watches memory follows vfork into a function. Our processes are small, so a fork
 * takes about 0.1 ms.
 *
 * When a program cannot be executed, or an earlier step fails, the child reports it over a socket.
 * Exec closes that socket, which is how the parent learns of success.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "handover.h"

#define EXIT_FAILED 127

void child_die_with(pid_t parent, int sig)
{
	if (prctl(PR_SET_PDEATHSIG, sig) < 0 || getppid() != parent)
		_exit(EXIT_FAILED);
}

/* Where others of this user have used up what may wait to be delivered (RLIMIT_SIGPENDING), which a
 * timer takes a place of. A mask keeps this one off. */
static void limit_self_by_alarm(int64_t deadline)
{
	const int64_t left = deadline - monotonic_ms();
	const struct itimerval in = {
		.it_value = {.tv_sec = left > 0 ? left / 1000 : 0,
			     .tv_usec = left > 0 ? left % 1000 * 1000 + 1 : 1}};
	sigset_t only;

	signal(SIGALRM, SIG_DFL);
	sigemptyset(&only);
	sigaddset(&only, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	if (setitimer(ITIMER_REAL, &in, NULL) < 0)
		_exit(EXIT_FAILED);
}

static void limit_self(int64_t deadline)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
	const struct itimerspec at = {
		.it_value = {.tv_sec = deadline / 1000, .tv_nsec = deadline % 1000 * 1000000 + 1}};
	timer_t timer;

	if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0)
		limit_self_by_alarm(deadline);
	else if (timer_settime(timer, TIMER_ABSTIME, &at, NULL) < 0)
		_exit(EXIT_FAILED);
}

/*
 * Our handlers do not survive exec, but ignored signals do: those that cni_main() and the callers
 * of our caller ignore. signal(3) refuses the two signals that the C library keeps for itself (32
 * and 33), so the system call is made directly; a struct sigaction of the kernel that is all zeros
 * means the default on every architecture.
 */
static void child_reset_signals(void)
{
	static const unsigned long fallback[8];
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		syscall(SYS_rt_sigaction, sig, fallback, NULL, NSIG / 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void __attribute__((noreturn)) child_main(const struct child_spec *spec, pid_t parent)
{
	if (spec->own_group)
		setpgid(0, 0);
	if (spec->death_signal != 0)
		child_die_with(parent, spec->death_signal);
	if (spec->deadline != 0)
		limit_self(spec->deadline);
	if (spec->default_signals)
		child_reset_signals();
	_exit(spec->fn(spec->arg));
}

int child_start(const struct child_spec *spec, struct child *child, struct cni_error *err)
{
	const char *space = spec->object == NULL ? "" : " ";
	const char *object = spec->object == NULL ? "" : spec->object;
	const pid_t self = getpid();

	*child = CHILD_NONE;
	child->group = spec->own_group;
	child->pid = fork();
	if (child->pid == 0)
		child_main(spec, self);
	if (child->pid < 0) {
		child->pid = 0;
		return cni_error_errno(err, CNI_ERR_AGAIN, "cannot fork to %s%s%.200s",
				       spec->purpose, space, object);
	}
	if (spec->own_group)
		setpgid(child->pid, child->pid); /* in both processes: it is done on return */
	if (spec->deadline != 0)
		return 0;
	child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	if (child->pidfd >= 0)
		return 0;
	cni_error_errno(err, CNI_ERR_IO, "cannot watch the process that is to %s%s%.200s",
			spec->purpose, space, object);
	child_end(child);
	return -1;
}

int child_close_others(const int *keep, size_t n)
{
	unsigned int from = 3;

	for (size_t i = 0; i < n; i++) {
		const unsigned int fd = (unsigned int)keep[i];

		if (fd > from && syscall(SYS_close_range, from, fd - 1, CLOSE_RANGE_CLOEXEC) < 0)
			return -1;
		if (fcntl(keep[i], F_SETFD, 0) < 0)
			return -1;
		from = fd + 1;
	}
	return (int)syscall(SYS_close_range, from, ~0U, CLOSE_RANGE_CLOEXEC);
}

/* The descriptors that are given are above 2. */
static int set_stdio(const int stdio[3])
{
	for (int i = 0; i < 3; i++) {
		cleanup_close int null = stdio[i] >= 0 ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC);

		if (dup2(stdio[i] >= 0 ? stdio[i] : null, i) < 0)
			return -1;
		if (null == i)
			take_fd(&null);
	}
	return child_close_others(NULL, 0);
}

void child_fail(int channel, const char *step)
{
	struct child_report report = {.errnum = errno};

	snprintf(report.step, sizeof(report.step), "%s", step);
	(void)!send(channel, &report, sizeof(report), MSG_NOSIGNAL);
	_exit(EXIT_FAILED);
}

int child_hear(int channel, int limit_ms, struct child_report *report, int *fd)
{
	struct pollfd event = {.fd = channel, .events = POLLIN};
	int came, ready;
	ssize_t n;

	ready = TEMP_FAILURE_RETRY(poll(&event, 1, limit_ms));
	if (ready <= 0) {
		errno = ready == 0 ? ETIME : errno;
		return -1;
	}
	n = handover_receive(channel, report, sizeof(*report), 0, &came);
	/* The child ended before it read what we sent. The kernel reports that first, and once. */
	if (n < 0 && errno == ECONNRESET)
		n = handover_receive(channel, report, sizeof(*report), 0, &came);
	if (fd != NULL)
		*fd = came;
	else
		cleanup_close_(&came);
	if (n <= 0)
		return n < 0 ? -1 : 0;
	report->step[sizeof(report->step) - 1] = '\0';
	errno = EPROTO;
	return n == sizeof(*report) ? 1 : -1;
}

int child_report_error(const struct child_report *report, struct cni_error *err)
{
	errno = report->errnum;
	return cni_error_errno(err, CNI_ERR_IO, "cannot %s", report->step);
}

/* A program that is being started. */
struct child_launch {
	const struct child_spec *spec;
	const struct child_program *program;
	pid_t parent;
	int channel;
};

#define EXECUTE "execute"

static int child_execute(void *arg)
{
	const struct child_launch *launch = arg;
	const struct child_program *program = launch->program;
	char *const *argv = (char *const *)(uintptr_t)program->argv;
	char *const *envp =
		program->envp != NULL ? (char *const *)(uintptr_t)program->envp : environ;
	const char *step = NULL;

	if (program->stdio != NULL && set_stdio(program->stdio) < 0)
		child_fail(launch->channel, "give it its descriptors");
	if (program->prepare != NULL)
		step = program->prepare(program->arg);
	if (step != NULL)
		child_fail(launch->channel, step);
	/* Set it again: joining a user namespace has cleared it. */
	if (launch->spec->death_signal != 0)
		child_die_with(launch->parent, launch->spec->death_signal);
	if (program->search)
		execvpe(program->path, argv, envp);
	else
		execve(program->path, argv, envp);
	child_fail(launch->channel, EXECUTE);
}

int child_exec(const struct child_spec *spec, const struct child_program *program,
	       struct child *child, int *exec_errno, struct cni_error *err)
{
	cleanup_close int ours = -1;
	cleanup_close int theirs = -1;
	struct child_launch launch = {.spec = spec, .program = program, .parent = getpid()};
	struct child_spec launching = *spec;
	struct child_report report;
	int heard, ignored;

	if (exec_errno == NULL)
		exec_errno = &ignored;
	*exec_errno = 0;
	*child = CHILD_NONE;
	if (handover_pair(&ours, &theirs, err) < 0)
		return -1;
	launch.channel = theirs;
	launching.purpose = EXECUTE;
	launching.object = program->path;
	launching.fn = child_execute;
	launching.arg = &launch;
	if (child_start(&launching, child, err) < 0)
		return -1;
	close(take_fd(&theirs));
	heard = child_hear(ours, program->limit_ms, &report, NULL);
	if (heard == 0)
		return 0;
	child_end(child);
	if (heard < 0)
		return cni_error(err, CNI_ERR_IO, "the process that is to execute %.200s hangs",
				 program->path);
	if (strcmp(report.step, EXECUTE) != 0)
		return child_report_error(&report, err);
	*exec_errno = errno = report.errnum;
	return cni_error_errno(err, CNI_ERR_IO, "cannot execute %.200s", program->path);
}

int child_reap(struct child *child)
{
	int status = -1;
	pid_t pid;

	/*
	 * Whoever stops the child makes us wait as well, so it is continued: a signal that ends it
	 * is delivered before one that stops it again.
	 */
	while ((pid = TEMP_FAILURE_RETRY(waitpid(child->pid, &status, WUNTRACED))) == child->pid &&
	       WIFSTOPPED(status))
		kill(child->pid, SIGCONT);
	if (pid != child->pid)
		status = -1;
	child->pid = 0;
	return status;
}

void child_kill(const struct child *child)
{
	if (child->group)
		kill(-child->pid, SIGKILL); /* the group exists as long as its unreaped leader */
	kill(child->pid, SIGKILL);
}

void child_end(struct child *child)
{
	const int saved = errno;

	if (child->pid > 0) {
		child_kill(child); /* it is not reaped, so its pid cannot be another process's */
		child_reap(child);
	}
	child_leave(child);
	errno = saved;
}

void child_leave(struct child *child)
{
	cleanup_close_(&child->pidfd);
	*child = CHILD_NONE;
}

int child_wait(int pidfd, int timeout_ms)
{
	const int64_t until = monotonic_ms() + timeout_ms;
	struct pollfd event = {.fd = pidfd, .events = POLLIN};
	int64_t left = timeout_ms;
	int n;

	while ((n = poll(&event, 1, left > 0 ? (int)left : 0)) < 0 && errno == EINTR)
		left = until - monotonic_ms();
	return n;
}
