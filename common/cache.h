/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The result cache, in libcni's format and under its names, so that either can delete what the
 * other has added: <dir>/results/NETWORK-CONTAINERID-IFNAME, one JSON object:
 *
 *   "kind"            "cniCacheV1"
 *   "containerId", "ifName", "networkName"   the attachment
 *   "config"          the network configuration list, base64
 *   "netns"           CNI_NETNS; only newer versions of libcni write it
 *   "cniArgs"         CNI_ARGS, as pairs: [["K8S_POD_NAME", "web-0"], ...]
 *   "capabilityArgs"  what the runtime gave for capabilities
 *   "result"          of ADD, in the version of the list's cniVersion
 *
 * and three members of ours, which libcni passes over:
 *
 *   "exactResult"     the result as it came, where that is in another version
 *   "netnsIdentity"   what proves the namespace (cached.h)
 *   "runtimeDir"      the XDG_RUNTIME_DIR of ADD's plugins. They keep their state below it; a DEL
 *                     that looked elsewhere would find nothing, succeed, and with the entry the
 *                     last trace of a daemon would be gone.
 */
#ifndef USERNET_CACHE_H
#define USERNET_CACHE_H

#include <limits.h>
#include <stdbool.h>

#include <cjson/cJSON.h>

#include "attachment.h"
#include "cached.h"
#include "error.h"
#include "netns.h"

struct cache {
	char dir[PATH_MAX]; /* <dir>/results */
	int fd;             /* -1: not there */
	int lock_fd;
	const char *reader; /* the program, for messages; NULL: one that executes nothing of it */
};

#define CACHE_NONE ((struct cache){.fd = -1, .lock_fd = -1})

void cache_close(struct cache *cache);
#define cleanup_cache __attribute__((cleanup(cache_close)))

/* The parameters of an attachment (spec, section 3, "Attachment Parameters"). */
struct attachment_parameters {
	struct attachment key; /* owned, as is the rest */
	char *netns;           /* absolute path; may be NULL for DEL */
	char *args;            /* CNI_ARGS; NULL: none */
	cJSON *capabilities;   /* object of capability arguments; NULL: none */
	char *runtime_dir;     /* the plugins' XDG_RUNTIME_DIR; NULL: ours */
};

void attachment_parameters_free(struct attachment_parameters *a);
#define cleanup_attachment_parameters __attribute__((cleanup(attachment_parameters_free)))

/* An entry as it was read. Everything points into its JSON; NULL: not there, or of another type. */
struct cache_entry {
	cJSON *json; /* owned */
	const char *kind;
	struct attachment key;
	const char *netns; /* as result_cached_netns() finds it */
	struct netns_identity identity;
	const cJSON *result; /* the exact one; NULL: ADD has not finished */
	const char *config;  /* base64 */
};

void cache_entry_free(struct cache_entry *entry);
#define cleanup_cache_entry __attribute__((cleanup(cache_entry_free)))

/* Whether its kind is the one that is described above. */
bool cache_entry_is_known(const struct cache_entry *entry);

/* An argument of CNI_ARGS; of several with this key the last. NULL: none. */
const char *cache_entry_arg(const struct cache_entry *entry, const char *key);

/* What the runtime gave for a capability; NULL: nothing. */
const cJSON *cache_entry_capability(const struct cache_entry *entry, const char *capability);

/* What ADD was called with. Return: 0 with @a the caller's, or -1 out of memory. */
int cache_entry_parameters(const struct cache_entry *entry, struct attachment_parameters *a,
			   struct cni_error *err);

/* What is to be written. */
struct cache_content {
	const struct attachment_parameters *parameters;
	const struct netns
		*ns;         /* its namespace, which the entry is to prove; NULL: it proves none */
	const char *config;  /* the list, base64 */
	const cJSON *result; /* for libcni; NULL before ADD, so that what a kill leaves is found */
	const cJSON *exact;  /* as it came, where that is another; else NULL */
};

/**
 * cache_write() - write the entry of an attachment.
 * @replace: false refuses when there is one: returns 0, leaves it
 *
 * Return: 1 written, 0 there was one, -1 CNI_ERR_IO.
 */
int cache_write(const struct cache *cache, const struct cache_content *content, bool replace,
		struct cni_error *err);

/**
 * cache_read_file() - read a file of the cache, whatever it says.
 *
 * It is ours, or, where the cache's reader is NULL, ours or root's. Return: 1 with @entry
 * (cache_entry_free() it), 0 none (without a reader: -1), -1 CNI_ERR_IO, CNI_ERR_DECODE.
 */
int cache_read_file(const struct cache *cache, const char *file, struct cache_entry *entry,
		    struct cni_error *err);

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
