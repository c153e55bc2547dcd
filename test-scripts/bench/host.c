/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "command.h"
#include "netns.h"

#define WORDS_MAX 64

static int home = -1;        /* the network namespace of host_enter() */
static int home_mounts = -1; /* and its mount namespace */

static int open_or_die(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		bench_die("cannot open %s: %s", path, strerror(errno));
	return fd;
}

static void empty_directories(void)
{
	if (mount("tmpfs", "/run", "tmpfs", 0, "mode=755") < 0 || mkdir("/run/netns", 0755) < 0 ||
	    (mkdir("/var/lib/cni", 0700) < 0 && errno != EEXIST) ||
	    mount("tmpfs", "/var/lib/cni", "tmpfs", 0, "mode=700") < 0)
		bench_die("cannot make a host: %s", strerror(errno));
}

void host_enter(void)
{
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID) < 0)
		bench_die("cannot make a host; are we root? %s", strerror(errno));
	pid = fork(); /* the first process of the new pid namespace */
	if (pid < 0)
		bench_die("cannot fork: %s", strerror(errno));
	if (pid > 0) {
		waitpid(pid, &status, 0);
		exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 ||
	    mount("proc", "/proc", "proc", 0, NULL) < 0)
		bench_die("cannot make a host: %s", strerror(errno));
	empty_directories();
	home = open_or_die("/proc/self/ns/net");
	home_mounts = open_or_die("/proc/self/ns/mnt");
}

int host_new_mounts(void)
{
	int fd;

	if (unshare(CLONE_NEWNS) < 0)
		bench_die("cannot make a mount namespace: %s", strerror(errno));
	empty_directories();
	fd = open_or_die("/proc/self/ns/mnt");
	host_use_mounts(-1);
	return fd;
}

void host_use_mounts(int fd)
{
	if (setns(fd < 0 ? home_mounts : fd, CLONE_NEWNS) < 0)
		bench_die("cannot enter a mount namespace: %s", strerror(errno));
}

char *host_format(const char *format, ...)
{
	char *text;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		bench_die("out of memory");
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
		bench_die("cannot prepare the input of %s: %s", argv[0], strerror(errno));
	lseek(in, 0, SEEK_SET);
	pid = fork();
	if (pid == 0) {
		dup2(in, 0);
		dup2(open("/dev/null", O_WRONLY), 1);
		execvpe(argv[0], (char **)(uintptr_t)argv, (char **)(uintptr_t)envp);
		_exit(127);
	}
	close(in);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		bench_die("%s %s %s failed", argv[0], n > 1 ? argv[1] : "", n > 2 ? argv[2] : "");
}

void host_feed(const char *input, const char *format, ...)
{
	char *line;
	va_list args;

	va_start(args, format);
	if (vasprintf(&line, format, args) < 0)
		bench_die("out of memory");
	va_end(args);
	run_words(input, line);
	free(line);
}

void host_switch(const char *name)
{
	char path[64];
	int fd = home;

	if (name != NULL) {
		snprintf(path, sizeof(path), "/run/netns/%s", name);
		fd = open_or_die(path);
	}
	if (setns(fd, CLONE_NEWNET) < 0)
		bench_die("cannot enter %s: %s", name, strerror(errno));
	if (fd != home)
		close(fd);
}

void host_make(const char *name)
{
	struct cni_error err;
	char path[128];

	if (netns_create("/run/netns", name, path, sizeof(path), &err) < 0)
		bench_die("%s: %s", err.msg, err.details);
}
