/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The result cache (cache.h) as cnirun opens it. */
#ifndef CNIRUN_RESULTS_H
#define CNIRUN_RESULTS_H

#include "cache.h"
#include "error.h"

enum results_use {
	RESULTS_READ,   /* a missing directory is an empty one */
	RESULTS_CHANGE, /* ADD, DEL: make it; not while a GC is at work */
	RESULTS_GC,     /* alone */
};

/**
 * results_open() - open the cache.
 * @dir: NULL: CNI_CACHE_DIR; without it, /var/lib/cni for root of the initial user namespace, else
 *       cni in XDG_RUNTIME_DIR
 *
 * Return: 0 (cache_close() it), or -1: CNI_ERR_IO, CNI_ERR_CONFIG (no place, or one that others can
 * replace), CNI_ERR_AGAIN.
 */
int results_open(const char *dir, enum results_use use, struct cache *cache, struct cni_error *err);

#endif
