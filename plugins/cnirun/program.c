// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One program, from fork to its last byte.
 *
 * One poll(2) waits for everything at once: the pidfd (it has ended), its three pipes, our own
 * signals. fork rather than posix_spawn, because a plugin of an ordinary user may have to be
 * executed in the user namespace that owns the container's network, and only the child may go
 * there: setns(2) to a user namespace cannot be undone.
 */
#include "program.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"

#define WORDS_MAX (64u << 10)
#define GRACE_MS 2000
#define READS_MAX 32

extern char **environ;

void outcome_free(struct outcome *outcome)
{
	free(outcome->output);
	free(outcome->words);
	*outcome = (struct outcome){0};
}

void program_describe_status(int status, char *buf, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(buf, size, "killed by signal %d (%s)", WTERMSIG(status),
			 sigdescr_np(WTERMSIG(status)) ?: "?");
	else
		snprintf(buf, size, "exit status %d", WEXITSTATUS(status));
}

/* A running program: our ends of its pipes. */
struct run {
	const struct program *program;
	pid_t pid;
	int pidfd;
	int input;
	int output;
	int words;
	size_t written;
	size_t words_len;
	int64_t until;
	bool interrupted;
};

static void run_close(struct run *run)
{
	cleanup_close_(&run->pidfd);
	cleanup_close_(&run->input);
	cleanup_close_(&run->output);
	cleanup_close_(&run->words);
}

/* The child's ends, and where it says why it could not execute. */
struct child_ends {
	int input;
	int output;
	int words;
	int report;
};

static void __attribute__((noreturn))
child_main(const struct program *program, const struct child_ends *ends)
{
	int errnum;

	setpgid(0, 0);
	process_reset_signals();
	if (dup2(ends->input, 0) < 0 || dup2(ends->output, 1) < 0 || dup2(ends->words, 2) < 0 ||
	    syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		goto failed;
	if (program->userns_fd >= 0 && process_join_userns(program->userns_fd) < 0)
		goto failed;
	execve(program->path, (char *const *)(uintptr_t)program->argv,
	       program->envp ? (char *const *)(uintptr_t)program->envp : environ);
failed:
	errnum = errno;
	(void)!write(ends->report, &errnum, sizeof(errnum));
	_exit(127);
}

static void ends_close(struct child_ends *ends)
{
	cleanup_close_(&ends->input);
	cleanup_close_(&ends->output);
	cleanup_close_(&ends->words);
	cleanup_close_(&ends->report);
	*ends = (struct child_ends){-1, -1, -1, -1};
}

/* Both ends above 2: dup2() in the child must not meet them. */
static int make_pipe(int *ours, int *theirs, bool we_read)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	*ours = ends[we_read ? 0 : 1];
	*theirs = ends[we_read ? 1 : 0];
	return fcntl(*ours, F_SETFL, O_NONBLOCK);
}

static int start(struct run *run, struct cni_error *err)
{
	struct child_ends __attribute__((cleanup(ends_close))) ends = {-1, -1, -1, -1};
	cleanup_close int report = -1;
	struct pollfd event;
	int errnum;

	if (make_pipe(&run->input, &ends.input, false) < 0 ||
	    make_pipe(&run->output, &ends.output, true) < 0 ||
	    make_pipe(&run->words, &ends.words, true) < 0 ||
	    make_pipe(&report, &ends.report, true) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot make the pipes to %s",
				       run->program->path);
	run->pid = fork();
	if (run->pid < 0)
		return cni_error_errno(err, CNI_ERR_AGAIN, "cannot fork to execute %s",
				       run->program->path);
	if (run->pid == 0)
		child_main(run->program, &ends);
	setpgid(run->pid, run->pid); /* whoever is first: the group is there when we return */
	ends_close(&ends);
	run->pidfd = (int)syscall(SYS_pidfd_open, run->pid, 0);
	event = (struct pollfd){.fd = report, .events = POLLIN};
	if (run->pidfd < 0 || TEMP_FAILURE_RETRY(poll(&event, 1, run->program->limit_ms)) <= 0) {
		cni_error_errno(err, CNI_ERR_IO, "cannot watch %s", run->program->path);
	} else if (read(report, &errnum, sizeof(errnum)) == (ssize_t)sizeof(errnum)) {
		errno = errnum;
		cni_error_errno(err, CNI_ERR_IO, "cannot execute %s", run->program->path);
	} else {
		return 0;
	}
	kill(run->pid, SIGKILL); /* our own, unreaped child */
	TEMP_FAILURE_RETRY(waitpid(run->pid, NULL, 0));
	return -1;
}

static void feed(struct run *run)
{
	const char *rest = run->program->input ? run->program->input + run->written : "";
	const size_t len = strlen(rest);
	const ssize_t n = write(run->input, rest, len);

	if (n >= 0)
		run->written += (size_t)n;
	if ((n >= 0 && (size_t)n == len) || (n < 0 && errno != EAGAIN && errno != EINTR))
		close(take_fd(&run->input)); /* all of it, or as much as it wants to know */
}

/*
 * Read what there is. @max: bytes kept; beyond, they are dropped, or refused.
 * Return: 0; -1 beyond the limit, or out of memory.
 */
static int drain(int *fd, char **text, size_t *len, size_t max, bool drop)
{
	char buf[64 << 10];

	/* More than a pipe holds; and an end, for a writer that is as fast as we are. */
	for (int reads = 0; *fd >= 0 && reads < READS_MAX; reads++) {
		const ssize_t n = TEMP_FAILURE_RETRY(read(*fd, buf, sizeof(buf)));
		size_t take;
		char *more;

		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0) {
			close(take_fd(fd));
			return 0;
		}
		take = (size_t)n;
		if (take > max - *len) {
			if (!drop)
				return -1;
			take = max - *len;
		}
		more = realloc(*text, *len + take + 1);
		if (!more)
			return -1;
		*text = more;
		memcpy(*text + *len, buf, take);
		*len += take;
		(*text)[*len] = '\0';
	}
	return 0;
}

static int hear(struct run *run, struct outcome *outcome)
{
	drain(&run->words, &outcome->words, &run->words_len, WORDS_MAX, true);
	return drain(&run->output, &outcome->output, &outcome->output_len, PROGRAM_OUTPUT_MAX,
		     false);
}

static void kill_all(const struct run *run)
{
	kill(-run->pid, SIGKILL); /* the group lives at least as long as its unreaped leader */
	kill(run->pid, SIGKILL);
}

static int too_much(const struct run *run, struct cni_error *err)
{
	return cni_error(err, CNI_ERR_IO, "%s printed more than %u MiB", run->program->path,
			 PROGRAM_OUTPUT_MAX >> 20);
}

static int too_long(const struct run *run, struct cni_error *err)
{
	kill_all(run);
	if (run->interrupted)
		return cni_error(err, CNI_ERR_AGAIN, "interrupted while %s was running",
				 run->program->path);
	return cni_error(err, CNI_ERR_IO, "%s did not end within %d seconds, and was killed",
			 run->program->path, run->program->limit_ms / 1000);
}

/* Until it has ended. Return: 0, or -1 after a limit: it has been killed. */
static int wait_for_end(struct run *run, struct outcome *outcome, struct cni_error *err)
{
	for (;;) {
		const int64_t left = run->until - monotonic_ms();
		struct pollfd events[] = {
			{.fd = run->pidfd, .events = POLLIN},
			{.fd = run->input, .events = POLLOUT},
			{.fd = run->output, .events = POLLIN},
			{.fd = run->words, .events = POLLIN},
			{.fd = run->interrupted ? -1 : run->program->interrupt_fd,
			 .events = POLLIN},
		};
		const int ready = poll(events, 5, left > 0 ? (int)left : 0);

		if (ready < 0 && errno == EINTR)
			continue;
		/* Output alone, however much, buys no time. */
		if (ready <= 0 || (left <= 0 && !events[0].revents))
			return too_long(run, err);
		if (events[1].revents)
			feed(run);
		if (hear(run, outcome) < 0) {
			kill_all(run);
			return too_much(run, err);
		}
		if (events[0].revents)
			return 0;
		if (events[4].revents) {
			run->interrupted = true;
			if (run->until > monotonic_ms() + GRACE_MS)
				run->until = monotonic_ms() + GRACE_MS;
		}
	}
}

int program_run(const struct program *program, struct outcome *outcome, struct cni_error *err)
{
	struct run __attribute__((cleanup(run_close))) run = {
		.program = program,
		.pidfd = -1,
		.input = -1,
		.output = -1,
		.words = -1,
		.until = monotonic_ms() + program->limit_ms,
	};
	int value;

	if (start(&run, err) < 0)
		return -1;
	value = wait_for_end(&run, outcome, err);
	TEMP_FAILURE_RETRY(waitpid(run.pid, &outcome->status, 0));
	/* What it wrote between the last look and its end. */
	if (value == 0 && hear(&run, outcome) < 0)
		return too_much(&run, err);
	return value;
}
