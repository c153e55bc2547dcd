/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which code a test reaches, in whatever process of it: linked into executables that are compiled
 * with -fsanitize-coverage=trace-pc, whose every basic block calls us.
 *
 * gcov writes its counters when a process exits. What matters most here ends otherwise: children
 * that leave by _exit(2) or execve(2), daemons and plugins that are killed. So each block sets its
 * byte in a file that all processes of the executable share, TRACE_DIR/BUILD-ID, which must be
 * there, empty of content and of the size of the code, writable by everybody.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_BYTES 512

static unsigned char *reached;
static uintptr_t base;
static uintptr_t size;

void __sanitizer_cov_trace_pc(void);

/* The build id, as hexadecimal digits behind the directory's name. */
static int on_note(const ElfW(Nhdr) * note, char *name)
{
	const unsigned char *id = (const unsigned char *)(note + 1) + ((note->n_namesz + 3U) & ~3U);

	if (note->n_type != NT_GNU_BUILD_ID || note->n_descsz > 64)
		return 0;
	for (unsigned int i = 0; i < note->n_descsz; i++)
		snprintf(name + strlen(name), 3, "%02x", id[i]);
	return 1;
}

static int on_object(struct dl_phdr_info *info, size_t info_size, void *name)
{
	(void)info_size;
	base = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		uintptr_t at = base + part->p_vaddr;
		const uintptr_t end = at + part->p_memsz;

		if (part->p_type != PT_NOTE)
			continue;
		while (at + sizeof(ElfW(Nhdr)) < end) {
			const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;

			if (on_note(note, name))
				return 1;
			at += sizeof(*note) + ((note->n_namesz + 3U) & ~3U) +
			      ((note->n_descsz + 3U) & ~3U);
		}
	}
	return 1; /* the executable is the first; its libraries are not of interest */
}

__attribute__((constructor(101))) static void begin(void)
{
	char name[NAME_MAX_BYTES] = TRACE_DIR "/";
	struct stat st;
	void *map;
	int fd;

	dl_iterate_phdr(on_object, name);
	fd = open(name, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0) {
		map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (map != MAP_FAILED) {
			size = (uintptr_t)st.st_size;
			reached = map;
		}
	}
	close(fd);
}

void __sanitizer_cov_trace_pc(void)
{
	const uintptr_t at = (uintptr_t)__builtin_return_address(0) - base;

	if (reached != NULL && at < size)
		reached[at] = 1;
}
