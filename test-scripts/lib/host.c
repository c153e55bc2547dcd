/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "netns.h"

#define WORDS_MAX 64

static int home = -1; /* the host's own network namespace */

void die(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	va_start(args, format);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

void host_must(int result, const char *what)
{
	if (result < 0)
		die("%s: %s", what, strerror(errno));
}

int host_unshare(int spaces)
{
	if (unshare(CLONE_NEWNS | spaces) < 0)
		return -1;
	return mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL);
}

static void note_home(void)
{
	if (home >= 0)
		close(home);
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	host_must(home, "/proc/self/ns/net");
}

void host_enter(int spaces)
{
	int status;
	pid_t pid;

	/* A signal that kills the caller kills the host. */
	host_must(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
	host_must(host_unshare(CLONE_NEWPID | spaces), "cannot make a host; are we root?");
	fflush(stdout);
	pid = fork(); /* the first process of the new pid namespace */
	host_must(pid, "cannot fork");
	if (pid > 0) {
		TEMP_FAILURE_RETRY(waitpid(pid, &status, 0));
		exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	host_must(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
	host_must(mount("proc", "/proc", "proc", 0, NULL), "cannot mount /proc");
	note_home();
}

void host_tmpfs(const char *where, const char *mode)
{
	if (mkdir(where, 0700) < 0 && errno != EEXIST)
		die("%s: %s", where, strerror(errno));
	host_must(mount("host", where, "tmpfs", 0, mode), where);
}

void host_empty(void)
{
	host_tmpfs("/run", "mode=755");
	host_must(mkdir("/run/netns", 0755), "/run/netns");
	host_tmpfs("/var/lib/cni", "mode=700");
}

void host_write(const char *path, const char *text)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die("cannot write %s: %s", path, strerror(errno));
}

char *host_format(const char *format, ...)
{
	char *text;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		die("out of memory");
	va_end(args);
	return text;
}

static void run_words(const char *input, char *line)
{
	static const char *const envp[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	const char *argv[WORDS_MAX + 1];
	size_t n = 0;
	int status, in;
	char *rest = line;
	const char *word;
	pid_t pid;

	while (n < WORDS_MAX && (word = strsep(&rest, " ")) != NULL)
		argv[n++] = word;
	argv[n] = NULL;
	/* The input may be larger than a pipe holds. */
	in = input == NULL ? open("/dev/null", O_RDONLY | O_CLOEXEC)
			   : open("/run", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (in < 0 || (input != NULL && write(in, input, strlen(input)) != (ssize_t)strlen(input)))
		die("cannot prepare the input of %s: %s", argv[0], strerror(errno));
	lseek(in, 0, SEEK_SET);
	pid = fork();
	if (pid == 0) {
		dup2(in, 0);
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 1);
		execvpe(argv[0], (char **)(uintptr_t)argv, (char **)(uintptr_t)envp);
		_exit(127);
	}
	close(in);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		die("%s %s %s failed", argv[0], n > 1 ? argv[1] : "", n > 2 ? argv[2] : "");
}

void host_feed(const char *input, const char *format, ...)
{
	char *line;
	va_list args;

	va_start(args, format);
	if (vasprintf(&line, format, args) < 0)
		die("out of memory");
	va_end(args);
	run_words(input, line);
	free(line);
}

void host_new_network(void)
{
	host_must(unshare(CLONE_NEWNET), "cannot make a network namespace");
	note_home();
	host_run("ip link set lo up");
}

void host_make(const char *name)
{
	struct cni_error err;
	char path[128];

	if (netns_create("/run/netns", name, path, sizeof(path), &err) < 0)
		die("%s: %s", err.msg, err.details);
}

void host_switch(const char *name)
{
	cleanup_close int fd = -1;
	char path[64] = "the host's network";

	if (name != NULL) {
		snprintf(path, sizeof(path), "/run/netns/%s", name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		host_must(fd, path);
	}
	host_must(setns(fd < 0 ? home : fd, CLONE_NEWNET), path);
}
