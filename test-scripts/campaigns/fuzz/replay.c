/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay DIRECTORY...: run a target over every file of the directories, as TAP. An input that
 * breaks something ends the process, which is what the caller counts.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fuzz.h"

#define LIMIT_S 60 /* a hang is a finding */

static void replay(const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	cleanup_free uint8_t *data = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		abort();
	if (!S_ISREG(st.st_mode))
		return;
	data = malloc((size_t)st.st_size + 1);
	if (data == NULL || read(fd, data, (size_t)st.st_size) != st.st_size)
		abort();
	/* Heard only if it is the last. */
	fprintf(stderr, "# %s\n", path);
	LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
}

static int replay_directory(const char *directory)
{
	struct dirent **entries;
	const int n = scandir(directory, &entries, NULL, alphasort);
	int files = 0;

	for (int i = 0; i < n; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		free(entries[i]);
		if (strrchr(path, '/')[1] != '.') {
			replay(path);
			files++;
		}
	}
	if (n >= 0)
		free(entries);
	return files;
}

int main(int argc, char **argv)
{
	int files = 0;

	alarm(LIMIT_S);
	LLVMFuzzerTestOneInput(NULL, 0);
	for (int i = 1; i < argc; i++)
		files += replay_directory(argv[i]);
	fprintf(stderr, "%d inputs\n", files);
	return files > 0 ? 0 : 1;
}
