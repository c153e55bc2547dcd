/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scope-bound ownership: each variable that owns a descriptor, an allocation or a JSON tree carries
 * one of these attributes. Ownership is handed over by name: take_fd(&fd), take_ptr(ptr).
 */
#ifndef USERNET_CLEANUP_H
#define USERNET_CLEANUP_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#define cleanup_free __attribute__((cleanup(cleanup_free_)))
#define cleanup_close __attribute__((cleanup(cleanup_close_)))
#define cleanup_json __attribute__((cleanup(cleanup_json_)))

static inline void cleanup_free_(const void *p)
{
	void *owned;

	/* @p points to a pointer of any type; to read that as void * would break aliasing rules. */
	memcpy(&owned, p, sizeof(owned));
	free(owned);
}

static inline void cleanup_close_(const int *fd)
{
	const int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

static inline void cleanup_json_(cJSON **json)
{
	cJSON_Delete(*json);
}

/* Return: the descriptor, which *fd no longer owns. */
static inline int take_fd(int *fd)
{
	const int taken = *fd;

	*fd = -1;
	return taken;
}

/* Value: the pointer, which the variable no longer owns. */
#define take_ptr(p)                         \
	({                                  \
		__typeof__(p) taken_ = (p); \
		(p) = NULL;                 \
		taken_;                     \
	})

#endif
