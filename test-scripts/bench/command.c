/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * posix_spawn and wait: what a runtime in C would do, and the least that starting a program costs.
 * A shell between would add a fork of its own, of the size of what is measured.
 */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../lib/host.h"
#include "bench.h"

double command_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* Small enough for a pipe's buffer, so that no process needs to write it meanwhile. */
int command_input(const char *input)
{
	const size_t len = input == NULL ? 0 : strlen(input);
	int fds[2];

	if (input == NULL)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (pipe2(fds, O_CLOEXEC) < 0 || fcntl(fds[1], F_SETPIPE_SZ, 65536) < (int)len ||
	    write(fds[1], input, len) != (ssize_t)len)
		die("cannot prepare the input: %s", strerror(errno));
	close(fds[1]);
	return fds[0];
}

static pid_t spawn(const struct command *cmd, const posix_spawn_file_actions_t *actions)
{
	pid_t pid;

	errno = posix_spawn(&pid, cmd->argv[0], actions, NULL, (char **)(uintptr_t)cmd->argv,
			    (char **)(uintptr_t)cmd->envp);
	if (errno != 0)
		die("cannot start %s: %s", cmd->argv[0], strerror(errno));
	return pid;
}

double command_run(const struct command *cmd, char *output, size_t size)
{
	posix_spawn_file_actions_t actions;
	char dropped[4096];
	size_t have = 0;
	ssize_t n;
	int in = command_input(cmd->input);
	int out[2];
	int status;
	double start, end;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0)
		die("cannot make a pipe: %s", strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	start = command_now();
	pid = spawn(cmd, &actions);
	close(out[1]);
	while ((n = output == NULL ? read(out[0], dropped, sizeof(dropped))
				   : read(out[0], output + have, size - 1 - have)) > 0)
		have += (size_t)n;
	waitpid(pid, &status, 0);
	end = command_now();
	if (output != NULL)
		output[have] = '\0';
	close(out[0]);
	close(in);
	posix_spawn_file_actions_destroy(&actions);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return end - start;
	fprintf(stderr, "%s: status %d: %s\n", cmd->argv[0], status,
		output != NULL ? output : "(output dropped)");
	return -1;
}

pid_t command_start(const struct command *cmd, int ready_fd)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	if (ready_fd >= 0)
		posix_spawn_file_actions_adddup2(&actions, ready_fd, 9);
	pid = spawn(cmd, &actions);
	posix_spawn_file_actions_destroy(&actions);
	return pid;
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
long command_peak_memory(const struct command *cmd)
{
	const int in = command_input(cmd->input);
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

const struct command *call_plugin(struct call *call, const char *path, const char *operation,
				  const char *container, const char *netns, const char *input)
{
	snprintf(call->text[0], sizeof(call->text[0]), "%s", path);
	snprintf(call->text[1], sizeof(call->text[1]), "CNI_COMMAND=%s", operation);
	snprintf(call->text[2], sizeof(call->text[2]), "CNI_CONTAINERID=%s", container);
	snprintf(call->text[3], sizeof(call->text[3]), "CNI_NETNS=%s", netns);
	call->argv[0] = call->text[0];
	call->argv[1] = NULL;
	call->envp[0] = call->text[1];
	call->envp[1] = call->text[2];
	call->envp[2] = call->text[3];
	call->envp[3] = "CNI_IFNAME=eth0";
	call->envp[4] = "CNI_PATH=" PEERS;
	call->envp[5] = "PATH=/usr/bin:/bin:/usr/sbin:/sbin"; /* portmap looks for iptables */
	call->envp[6] = NULL;
	call->command = (struct command){.argv = call->argv, .envp = call->envp, .input = input};
	return &call->command;
}
