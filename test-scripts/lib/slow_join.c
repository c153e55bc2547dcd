/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded: a process that has joined a user namespace writes its pid to $SLOW_JOIN and waits,
 * until $SLOW_JOIN.go is there (ten seconds at most). A window that is a race else is held open so.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int setns(int fd, int type)
{
	const int value = (int)syscall(SYS_setns, fd, type);
	const char *path = getenv("SLOW_JOIN");
	char go[4096], text[16];
	int file;

	if (value < 0 || type != CLONE_NEWUSER || path == NULL)
		return value;
	snprintf(go, sizeof(go), "%s.go", path);
	file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	(void)!write(file, text, (size_t)snprintf(text, sizeof(text), "%d\n", (int)getpid()));
	close(file);
	for (int i = 0; i < 1000 && access(go, F_OK) < 0; i++)
		usleep(10000);
	return value;
}
