/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prepare.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state.h"

void prepare_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

void prepare_runtime_dir(void)
{
	const char *variable = getenv("XDG_RUNTIME_DIR");
	char dir[32];
	struct stat st;

	if ((variable != NULL && *variable) || (geteuid() == 0 && state_in_initial_userns()))
		return;
	snprintf(dir, sizeof(dir), "/run/user/%u", geteuid());
	if (stat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid())
		setenv("XDG_RUNTIME_DIR", dir, true);
}
