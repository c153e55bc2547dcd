/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The result cache, in libcni's format and under its names, so that either can delete what the
 * other has added: <dir>/results/NETWORK-CONTAINERID-IFNAME, "kind": "cniCacheV1".
 */
#ifndef CNIRUN_CACHE_H
#define CNIRUN_CACHE_H

#include <limits.h>
#include <stdbool.h>

#include <cjson/cJSON.h>

#include "cached.h"
#include "chain.h"
#include "error.h"
#include "list.h"
#include "netns.h"

struct cache {
	char dir[PATH_MAX]; /* <dir>/results */
	int fd;             /* -1: not there */
	int lock_fd;
};

#define CACHE_NONE ((struct cache){.fd = -1, .lock_fd = -1})

struct cache_entry {
	struct attachment_parameters attachment;
	struct netns_identity netns; /* zero-filled: not noted */
	cJSON *result;               /* NULL: ADD has not finished */
	char *conf;                  /* the list, as text; NULL: none */
	size_t conf_len;
};

void cache_entry_free(struct cache_entry *entry);
#define cleanup_cache_entry __attribute__((cleanup(cache_entry_free)))

enum cache_use {
	CACHE_READ,   /* a missing directory is an empty one */
	CACHE_CHANGE, /* ADD, DEL: make it; not while a GC is at work */
	CACHE_GC,     /* alone */
};

/**
 * cache_open() - open the cache.
 * @dir: NULL: CNI_CACHE_DIR; without it, /var/lib/cni for root of the initial user namespace, else
 *       cni in XDG_RUNTIME_DIR
 *
 * Return: 0 (cache_close() it), or -1: CNI_ERR_IO, CNI_ERR_CONFIG (no place, or one that others can
 * replace), CNI_ERR_AGAIN.
 */
int cache_open(const char *dir, enum cache_use use, struct cache *cache, struct cni_error *err);
void cache_close(struct cache *cache);
#define cleanup_cache __attribute__((cleanup(cache_close)))

/**
 * cache_write() - write the entry of an attachment.
 * @ns:      its namespace, which the entry is to prove; NULL: it proves none
 * @result:  of ADD; NULL before it, so that what a killed cnirun leaves can be found
 * @replace: false refuses when there is one: returns 0, leaves it
 *
 * Return: 1 written, 0 there was one, -1 CNI_ERR_IO.
 */
int cache_write(const struct cache *cache, const struct network_list *list,
		const struct attachment_parameters *attachment, const struct netns *ns,
		const cJSON *result, bool replace, struct cni_error *err);

/* Return: 1 with @entry filled (cache_entry_free() it), 0 none, -1 unreadable or another's. */
int cache_read(const struct cache *cache, const struct attachment *key, struct cache_entry *entry,
	       struct cni_error *err);

/* Remove an attachment's entry; not one that proves to be of another. Return: 0, or -1 CNI_ERR_IO.
 */
int cache_remove(const struct cache *cache, const struct attachment *key, struct cni_error *err);

/**
 * cache_each() - call @fn for each entry of a network, in no order; it may remove it.
 *
 * What is no entry, or damaged, is passed over. A negative value of @fn stops. Return: 0, @fn's
 * negative value, or -1: the directory or a file of it cannot be read.
 */
int cache_each(const struct cache *cache, const char *network,
	       int (*fn)(const struct cache_entry *entry, void *arg, struct cni_error *err),
	       void *arg, struct cni_error *err);

#endif
