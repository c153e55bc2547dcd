/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An allocator whose n-th allocation fails, for one test executable: cJSON allocates through its
 * hooks, and the functions of libc that common/ calls are replaced by linking. They are hidden
 * symbols here (-fvisibility=hidden), so that libc, cmocka and the sanitizers keep theirs.
 */
#ifndef USERNET_FAILING_ALLOC_H
#define USERNET_FAILING_ALLOC_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

static unsigned long allocations; /* since fail_allocation() */
static unsigned long failing;     /* the one that fails; 0: none */

static void fail_allocation(unsigned long n)
{
	allocations = 0;
	failing = n;
}

/* Whether the failing one has been reached: if not, there is nothing left to fail. */
static bool allocation_failed(void)
{
	return failing && allocations >= failing;
}

/* Called through a pointer: gcc would make malloc() and memset() in calloc() a call of calloc(). */
static void *(*const volatile real_malloc)(size_t size) = malloc;

static void *failing_malloc(size_t size)
{
	return ++allocations == failing ? NULL : real_malloc(size);
}

static int use_failing_alloc(void **state)
{
	cJSON_Hooks hooks = {.malloc_fn = failing_malloc, .free_fn = free};

	(void)state;
	cJSON_InitHooks(&hooks);
	fail_allocation(0);
	return 0;
}

static int use_usual_alloc(void **state)
{
	(void)state;
	fail_allocation(0);
	cJSON_InitHooks(NULL);
	return 0;
}

char *strdup(const char *text)
{
	const size_t size = strlen(text) + 1;
	char *copy = failing_malloc(size);

	return copy != NULL ? memcpy(copy, text, size) : NULL;
}

void *calloc(size_t n, size_t size)
{
	void *memory = size && n > SIZE_MAX / size ? NULL : failing_malloc(n * size);

	return memory != NULL ? memset(memory, 0, n * size) : NULL;
}

void *reallocarray(void *old, size_t n, size_t size)
{
	if (size && n > SIZE_MAX / size)
		return NULL;
	return ++allocations == failing ? NULL : realloc(old, n * size);
}

#endif
