/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One program, from fork to its last byte.
 *
 * One poll(2) waits for everything at once: the pidfd (it has ended), its three pipes, our own
 * signals. A plugin of an ordinary user may have to be executed in the user namespace that owns the
 * container's network. Only the child enters it: setns(2) to a user namespace cannot be undone.
 */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "clock.h"
#include "process.h"
#include "text.h"

#define STDERR_MAX (64u << 10)
#define GRACE_MS 2000
#define READS_MAX 32

void outcome_free(struct outcome *outcome)
{
	free(outcome->output);
	free(outcome->stderr_text);
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
	struct child child;
	int input;
	int output;
	int stderr_fd;
	size_t written;
	struct text printed; /* on standard output */
	struct text said;    /* on standard error */
	int64_t until;
	bool interrupted;
};

static void run_close(struct run *run)
{
	child_end(&run->child);
	cleanup_close_(&run->input);
	cleanup_close_(&run->output);
	cleanup_close_(&run->stderr_fd);
	text_free(&run->printed);
	text_free(&run->said);
}

static const char *program_join(void *arg)
{
	const struct program *program = arg;

	return program->userns_fd >= 0 && process_join_userns(program->userns_fd) < 0
		       ? "join the user namespace of the container"
		       : NULL;
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

static int program_start(struct run *run, struct cni_error *err)
{
	const struct program *program = run->program;
	cleanup_close int input = -1;
	cleanup_close int output = -1;
	cleanup_close int stderr_fd = -1;
	int stdio[3];
	const struct child_program how = {
		.path = program->path,
		.argv = program->argv,
		.envp = program->envp,
		.stdio = stdio,
		.prepare = program_join,
		.arg = (void *)(uintptr_t)program,
		.limit_ms = program->limit_ms,
	};

	if (make_pipe(&run->input, &input, false) < 0 ||
	    make_pipe(&run->output, &output, true) < 0 ||
	    make_pipe(&run->stderr_fd, &stderr_fd, true) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot make the pipes to %s",
				       program->path);
	stdio[0] = input;
	stdio[1] = output;
	stdio[2] = stderr_fd;
	return child_exec(&(struct child_spec){.own_group = true, .default_signals = true}, &how,
			  &run->child, NULL, err);
}

static void program_feed(struct run *run)
{
	const char *rest = run->program->input != NULL ? run->program->input + run->written : "";
	const size_t len = strlen(rest);
	const ssize_t n = write(run->input, rest, len);

	if (n >= 0)
		run->written += (size_t)n;
	if ((n >= 0 && (size_t)n == len) || (n < 0 && errno != EAGAIN && errno != EINTR))
		close(take_fd(&run->input)); /* all is written, or the program does not read more */
}

/*
 * Read what there is. At most @max bytes are kept; more are dropped, or an error.
 * Return: 0, or -1 beyond the limit, or out of memory.
 */
static int program_drain(int *fd, struct text *text, size_t max, bool drop)
{
	char buf[64 << 10];

	/* This is more than a pipe holds, and it ends even if the writer is as fast as we are. */
	for (int reads = 0; *fd >= 0 && reads < READS_MAX; reads++) {
		const ssize_t n = TEMP_FAILURE_RETRY(read(*fd, buf, sizeof(buf)));
		size_t take;

		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0) {
			close(take_fd(fd));
			return 0;
		}
		take = (size_t)n;
		if (take > max - text->len) {
			if (!drop)
				return -1;
			take = max - text->len;
		}
		text_add_bytes(text, buf, take);
		if (text->failed)
			return -1;
	}
	return 0;
}

static int program_hear(struct run *run)
{
	program_drain(&run->stderr_fd, &run->said, STDERR_MAX, true);
	return program_drain(&run->output, &run->printed, PROGRAM_OUTPUT_MAX, false);
}

static int program_too_much(const struct run *run, struct cni_error *err)
{
	return cni_error(err, CNI_ERR_IO, "%s printed more than %u MiB", run->program->path,
			 PROGRAM_OUTPUT_MAX >> 20);
}

static int program_too_long(const struct run *run, struct cni_error *err)
{
	child_kill(&run->child);
	if (run->interrupted)
		return cni_error(err, CNI_ERR_AGAIN, "interrupted while %s was running",
				 run->program->path);
	return cni_error(err, CNI_ERR_IO, "%s did not end within %d seconds, and was killed",
			 run->program->path, run->program->limit_ms / 1000);
}

/* Wait until it has ended. Return: 0, or -1 if it passed a limit, and has been killed. */
static int wait_for_end(struct run *run, struct cni_error *err)
{
	for (;;) {
		const int64_t left = run->until - monotonic_ms();
		struct pollfd events[] = {
			{.fd = run->child.pidfd, .events = POLLIN},
			{.fd = run->input, .events = POLLOUT},
			{.fd = run->output, .events = POLLIN},
			{.fd = run->stderr_fd, .events = POLLIN},
			{.fd = run->interrupted ? -1 : run->program->interrupt_fd,
			 .events = POLLIN},
		};
		const int ready = poll(events, 5, left > 0 ? (int)left : 0);

		if (ready < 0 && errno == EINTR)
			continue;
		/* The limit holds also for a program that never stops writing. */
		if (ready <= 0 || (left <= 0 && !events[0].revents))
			return program_too_long(run, err);
		if (events[1].revents)
			program_feed(run);
		if (program_hear(run) < 0) {
			child_kill(&run->child);
			return program_too_much(run, err);
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
		.child = CHILD_NONE,
		.input = -1,
		.output = -1,
		.stderr_fd = -1,
		.until = monotonic_ms() + program->limit_ms,
	};
	int value;

	if (program_start(&run, err) < 0)
		return -1;
	value = wait_for_end(&run, err);
	outcome->status = child_reap(&run.child);
	/* Read what it wrote between the last read and its end. */
	if (value == 0 && program_hear(&run) < 0)
		value = program_too_much(&run, err);
	outcome->output_len = run.printed.len;
	outcome->output = take_ptr(run.printed.data);
	outcome->stderr_text = take_ptr(run.said.data);
	return value;
}
