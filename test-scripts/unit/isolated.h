/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests that would change the machine: a mount and a network namespace of the test program's
 * own, with an empty /run, so that whatever is made, mounted or configured ends with the program.
 * That takes root; without it, or where the tool that the program runs under knows less of the
 * kernel than the code, a test is skipped, and says why.
 */
#ifndef USERNET_ISOLATED_H
#define USERNET_ISOLATED_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../lib/host.h"

#define ROWS(rows) (sizeof(rows) / sizeof(*(rows)))
#define NOBODY 65534
#define CHILD_LIMIT_S 20
#define PROGRAM_LIMIT_S 120 /* a hang is a failure too */

static bool isolated;

/* A group's setup. A failure to isolate shows when a test needs it. */
static inline int isolate(void **unused)
{
	(void)unused;
	umask(022);
	alarm(PROGRAM_LIMIT_S);
	isolated = geteuid() == 0 && host_unshare(CLONE_NEWNET) == 0 &&
		   mount("test", "/run", "tmpfs", 0, "size=16m,mode=755") == 0;
	return 0;
}

#define skip_because(why)                                \
	do {                                             \
		print_message("# skipped: %s\n", (why)); \
		skip();                                  \
	} while (0)

#define need_isolation()                                                              \
	do {                                                                          \
		if (!isolated)                                                        \
			skip_because("needs root, for namespaces of the test's own"); \
	} while (0)

/* valgrind 3.19 (Debian 12) passes neither of these on. */
static inline bool have_openat2(void)
{
	const struct open_how how = {.flags = O_PATH | O_CLOEXEC};
	const int fd = (int)syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static inline bool have_pidfd(void)
{
	const int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

#define need_openat2()                                                             \
	do {                                                                       \
		if (!have_openat2())                                               \
			skip_because("openat2(2) does not work here (valgrind?)"); \
	} while (0)

#define need_pidfd()                                                                  \
	do {                                                                          \
		if (!have_pidfd())                                                    \
			skip_because("pidfd_open(2) does not work here (valgrind?)"); \
	} while (0)

static inline int64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static inline void sleep_ms(int ms)
{
	const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	nanosleep(&time, NULL);
}

/* Of a child: cmocka's assertions would jump into the copy of the test runner. */
#define check(condition)                                                                      \
	do {                                                                                  \
		if (!(condition)) {                                                           \
			fprintf(stderr, "%s:%d: not so: %s (errno %d)\n", __FILE__, __LINE__, \
				#condition, errno);                                           \
			_exit(99);                                                            \
		}                                                                             \
	} while (0)

/* A child that ends with this program at the latest. */
static inline pid_t fork_child(void)
{
	const pid_t parent = getpid();
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(98);
	alarm(CHILD_LIMIT_S);
	return 0;
}

/* Return: the exit status, or 256 and the signal. */
static inline int wait_child(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static inline int run_child(void (*fn)(void))
{
	const pid_t pid = fork_child();

	if (pid == 0) {
		fn();
		_exit(0);
	}
	return wait_child(pid);
}

static inline void end_child(pid_t pid)
{
	/* kill(-1) would be everybody's end. */
	if (pid > 0 && kill(pid, SIGKILL) == 0)
		wait_child(pid);
}

/* For good: a user without any privilege. Of a child only. */
static inline void become_nobody(void)
{
	check(setgroups(0, NULL) == 0);
	check(setresgid(NOBODY, NOBODY, NOBODY) == 0);
	check(setresuid(NOBODY, NOBODY, NOBODY) == 0);
	/* /proc/PID of a program that changed its user would be root's. */
	check(prctl(PR_SET_DUMPABLE, 1) == 0);
	check(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
}

/* How many entries a directory has; -1: it cannot be read. */
static inline int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int n = 0;

	if (dir == NULL)
		return -1;
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			n++;
	}
	closedir(dir);
	return n;
}

static inline int count_descriptors(void)
{
	return count_entries("/proc/self/fd");
}

static inline bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static inline ino_t inode(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* A file of ours with this text. Return: whether it was made. */
static inline bool make_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	const bool made = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return made;
}

#endif
