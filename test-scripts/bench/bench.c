/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"

void bench_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "bench: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

double bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* A descriptor to read @input from. Small enough for a pipe's buffer, so nobody needs to feed it.
 */
static int input_fd(const char *input)
{
	const size_t len = input == NULL ? 0 : strlen(input);
	int fds[2];

	if (input == NULL)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (pipe2(fds, O_CLOEXEC) < 0 || fcntl(fds[1], F_SETPIPE_SZ, 65536) < (int)len ||
	    write(fds[1], input, len) != (ssize_t)len)
		bench_die("cannot prepare the input: %s", strerror(errno));
	close(fds[1]);
	return fds[0];
}

double bench_run(const struct command *cmd, char *output, size_t size)
{
	posix_spawn_file_actions_t actions;
	char dropped[4096];
	size_t have = 0;
	ssize_t n;
	int in = input_fd(cmd->input);
	int out[2];
	int status;
	double start, end;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0)
		bench_die("cannot make a pipe: %s", strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	start = bench_now();
	errno = posix_spawn(&pid, cmd->argv[0], &actions, NULL, (char **)(uintptr_t)cmd->argv,
			    (char **)(uintptr_t)cmd->envp);
	if (errno != 0)
		bench_die("cannot start %s: %s", cmd->argv[0], strerror(errno));
	close(out[1]);
	while ((n = output == NULL ? read(out[0], dropped, sizeof(dropped))
				   : read(out[0], output + have, size - 1 - have)) > 0)
		have += (size_t)n;
	waitpid(pid, &status, 0);
	end = bench_now();
	if (output != NULL)
		output[have] = '\0';
	close(out[0]);
	close(in);
	posix_spawn_file_actions_destroy(&actions);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? end - start : -1;
}

static long read_peak(pid_t pid)
{
	char path[32], line[128];
	long kib = -1;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	status = fopen(path, "re");
	while (status != NULL && fgets(line, sizeof(line), status) != NULL)
		sscanf(line, "VmHWM: %ld", &kib);
	if (status != NULL)
		fclose(status);
	return kib;
}

/* ru_maxrss would count what this program had when it forked; VmHWM belongs to the new image. */
long bench_peak_memory(const struct command *cmd)
{
	const int in = input_fd(cmd->input);
	const pid_t pid = fork();
	long kib = -1;
	int status;

	if (pid == 0) {
		dup2(in, 0);
		dup2(open("/dev/null", O_WRONLY), 1);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execve(cmd->argv[0], (char **)(uintptr_t)cmd->argv, (char **)(uintptr_t)cmd->envp);
		_exit(127);
	}
	close(in);
	waitpid(pid, &status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACEEXIT);
	while (WIFSTOPPED(status)) {
		const int sig = WSTOPSIG(status);

		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8))
			kib = read_peak(pid);
		ptrace(PTRACE_CONT, pid, NULL, sig == SIGTRAP ? 0 : sig);
		if (waitpid(pid, &status, 0) < 0)
			break;
	}
	return kib;
}

static int compare_doubles(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void bench_compare(const char *title, struct candidate *candidates, size_t n, int rounds,
		   const struct goal *goals, size_t n_goals)
{
	printf("\n%s  (%d rounds, alternated)\n", title, rounds);
	for (int round = -1; round < rounds; round++) { /* round -1 warms up */
		for (size_t i = 0; i < n; i++) {
			const double us = candidates[i].run(candidates[i].arg);

			if (us < 0)
				bench_die("%s: %s failed", title, candidates[i].name);
			if (round >= 0)
				candidates[i].samples[round] = us;
		}
	}
	for (size_t i = 0; i < n; i++) {
		double *s = candidates[i].samples;

		qsort(s, (size_t)rounds, sizeof(*s), compare_doubles);
		printf("  %-44s %8.3f ms   (%.3f to %.3f)\n", candidates[i].name,
		       s[rounds / 2] / 1e3, s[rounds / 4] / 1e3, s[rounds * 3 / 4] / 1e3);
	}
	for (size_t i = 0; i < n_goals; i++) {
		const double ratio = candidates[goals[i].numerator].samples[rounds / 2] /
				     candidates[goals[i].denominator].samples[rounds / 2];

		printf("  %-44s %8.2f x    (goal: at most %.2f: %s)\n", goals[i].what, ratio,
		       goals[i].at_most, ratio <= goals[i].at_most ? "reached" : "NOT reached");
	}
}
