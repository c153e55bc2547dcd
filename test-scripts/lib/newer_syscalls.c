/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls that valgrind 3.19 (Debian 12) refuses with ENOSYS: openat2, pidfd_open,
 * pidfd_send_signal. Preloaded into the program under valgrind, this takes syscall(3)'s place and
 * has them done by a process that is not under valgrind: itself, executed. The descriptor comes
 * back over a socket. One source is the library (-shared) and the program (-DPROGRAM).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define THEIR_FD 50 /* the descriptor that the call is about, in the program */
#define THEIR_SOCKET 51

struct answer {
	long value;
	int errnum;
};

union control {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static int transfer(int socket, struct answer *answer, int fd, int receive)
{
	struct iovec iov = {.iov_base = answer, .iov_len = sizeof(*answer)};
	union control control = {0};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};

	if (receive) {
		if (recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) != sizeof(*answer))
			return -1;
		if (CMSG_FIRSTHDR(&msg) != NULL)
			memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
		return fd;
	}
	if (fd < 0) {
		msg.msg_controllen = 0;
	} else {
		control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(fd)),
						.cmsg_level = SOL_SOCKET,
						.cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	}
	return sendmsg(socket, &msg, 0) < 0 ? -1 : 0;
}

#ifdef PROGRAM

/* NUMBER, then the call's arguments; a path as it is, struct open_how as its three members. */
int main(int argc, char **argv)
{
	unsigned long long n[8] = {0};
	struct answer answer;

	for (int i = 1; i < argc && i < 8; i++)
		n[i] = strtoull(argv[i], NULL, 0);
	if (n[1] == SYS_openat2) {
		struct open_how how = {.flags = n[4], .mode = n[5], .resolve = n[6]};

		answer.value = syscall(SYS_openat2, (int)n[2], argv[3], &how, sizeof(how));
	} else if (n[1] == SYS_pidfd_open) {
		answer.value = syscall(SYS_pidfd_open, (int)n[2], 0);
	} else {
		answer.value = syscall(SYS_pidfd_send_signal, THEIR_FD, (int)n[2], NULL, 0);
	}
	answer.errnum = errno;
	return transfer(THEIR_SOCKET, &answer,
			n[1] == SYS_pidfd_send_signal ? -1 : (int)answer.value, 0) < 0;
}

#else

static pid_t start(int socket, int fd, char *const argv[])
{
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, socket, THEIR_SOCKET);
	if (fd >= 0)
		posix_spawn_file_actions_adddup2(&actions, fd, THEIR_FD);
	if (posix_spawn(&pid, argv[0], &actions, NULL, argv, (char *[]){NULL}) != 0)
		pid = -1;
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

/* Have the program do it. @fd: the descriptor that it takes, or -1. */
static long elsewhere(int fd, char *const argv[])
{
	struct answer answer = {.value = -1, .errnum = ENOSYS};
	int pair[2], received = -1;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	pid = start(pair[1], fd, argv);
	close(pair[1]);
	if (pid > 0) {
		received = transfer(pair[0], &answer, -1, 1);
		waitpid(pid, NULL, 0);
	}
	close(pair[0]);
	errno = answer.errnum;
	return received >= 0 ? received : answer.value;
}

long syscall(long number, ...)
{
	static long (*real)(long, ...);
	char *program = getenv("NEWER_SYSCALLS");
	char text[6][24];
	long arg[6];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		arg[i] = va_arg(args, long);
	va_end(args);
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "syscall");

	snprintf(text[0], sizeof(text[0]), "%ld", number);
	if (number == SYS_openat2) {
		const struct open_how *how = (const struct open_how *)arg[2];
		const int dirfd = (int)arg[0];

		snprintf(text[1], sizeof(text[1]), "%d", dirfd < 0 ? dirfd : THEIR_FD);
		snprintf(text[2], sizeof(text[2]), "%llu", (unsigned long long)how->flags);
		snprintf(text[3], sizeof(text[3]), "%llu", (unsigned long long)how->mode);
		snprintf(text[4], sizeof(text[4]), "%llu", (unsigned long long)how->resolve);
		return elsewhere(dirfd, (char *[]){program, text[0], text[1], (char *)arg[1],
						   text[2], text[3], text[4], NULL});
	}
	if (number == SYS_pidfd_open) {
		snprintf(text[1], sizeof(text[1]), "%d", (int)arg[0]);
		return elsewhere(-1, (char *[]){program, text[0], text[1], NULL});
	}
	if (number == SYS_pidfd_send_signal) {
		snprintf(text[1], sizeof(text[1]), "%d", (int)arg[1]);
		return elsewhere((int)arg[0], (char *[]){program, text[0], text[1], NULL});
	}
	return real(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

#endif
