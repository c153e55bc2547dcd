/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The result cache (cache.h) as cnirun opens it. */
#ifndef CNIRUN_RESULTS_H
#define CNIRUN_RESULTS_H

#include "cache.h"
#include "error.h"

enum results_use {
	RESULTS_READ,   /* a missing directory is an empty cache; no lock */
	RESULTS_CHANGE, /* for ADD and DEL: make the directory; a shared lock */
	RESULTS_GC,     /* an exclusive lock */
};

/**
 * results_open() - open the cache.
 * @dir:   the directory that results/ is in. NULL for CNI_CACHE_DIR; without that variable, for
 *         /var/lib/cni for root of the initial user namespace, and cni in XDG_RUNTIME_DIR otherwise
 * @cache: filled; the caller calls cache_close()
 *
 * Return: 0, or -1: CNI_ERR_IO; CNI_ERR_CONFIG if there is no place, or others can replace it;
 * CNI_ERR_AGAIN if a lock excludes us.
 */
int results_open(const char *dir, enum results_use use, struct cache *cache, struct cni_error *err);

#endif
