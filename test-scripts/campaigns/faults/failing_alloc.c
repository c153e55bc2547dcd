/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into a program: its n-th allocation fails, wherever it is made, the C library's own and
 * those of other libraries included. Only in the process that was started, neither in its children
 * nor in what it executes: the variables that led here are removed.
 */
#include "failing_alloc.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* glibc's names for its own allocator: dlsym(3) would allocate. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static struct failing_alloc *shared;
static pid_t owner;

static void __attribute__((constructor)) begin(void)
{
	const char *number = getenv(FAILING_ALLOC_VARIABLE);
	const int fd = number == NULL ? -1 : atoi(number);
	void *memory;

	if (fd < 0)
		return;
	memory = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	unsetenv(FAILING_ALLOC_VARIABLE);
	unsetenv("LD_PRELOAD");
	if (memory == MAP_FAILED)
		abort();
	owner = getpid();
	shared = memory;
}

static bool fails(void)
{
	if (shared == NULL || getpid() != owner)
		return false;
	shared->count++;
	if (shared->failing == 0 || shared->count < shared->failing ||
	    (shared->count > shared->failing && !shared->lasting))
		return false;
	shared->failed = true;
	errno = ENOMEM;
	return true;
}

EXPORT void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

EXPORT void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

EXPORT void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}

EXPORT void *reallocarray(void *old, size_t n, size_t size)
{
	if (size != 0 && n > SIZE_MAX / size) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(old, n * size);
}

EXPORT void *memalign(size_t alignment, size_t size)
{
	return fails() ? NULL : __libc_memalign(alignment, size);
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

EXPORT int posix_memalign(void **out, size_t alignment, size_t size)
{
	void *memory = memalign(alignment, size);

	if (memory == NULL)
		return ENOMEM;
	*out = memory;
	return 0;
}
