/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The result cache, in libcni's format and under libcni's names, so that cnirun and libcni can each
 * delete what the other has added. A file <dir>/results/NETWORK-CONTAINERID-IFNAME is one JSON
 * object:
 *
 *   "kind"            "cniCacheV1"
 *   "containerId", "ifName", "networkName"   the attachment
 *   "config"          the network configuration list, base64
 *   "netns"           CNI_NETNS; only newer versions of libcni write it
 *   "cniArgs"         CNI_ARGS, as pairs: [["K8S_POD_NAME", "web-0"], ...]
 *   "capabilityArgs"  what the runtime gave for capabilities
 *   "result"          of ADD, in the version of the list's cniVersion
 *
 * and three members of ours, which libcni ignores:
 *
 *   "exactResult"     the result as it came, when that is in another version
 *   "netnsIdentity"   what proves the namespace (cached.h)
 *   "runtimeDir"      the XDG_RUNTIME_DIR of the plugins at ADD. They keep their state below it. A
 *                     DEL that looked elsewhere would find nothing and succeed, and the last trace
 *                     of a daemon would go with the entry.
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
	int fd;             /* -1: it does not exist */
	int lock_fd;
	const char *reader; /* the program's name, for messages; NULL for one that executes nothing
			       of an entry */
};

#define CACHE_NONE ((struct cache){.fd = -1, .lock_fd = -1})

void cache_close(struct cache *cache);
#define cleanup_cache __attribute__((cleanup(cache_close)))

/* The parameters of an attachment (spec, section 3, "Attachment Parameters"). */
struct attachment_parameters {
	struct attachment key; /* owned, like all members */
	char *netns;           /* absolute path; may be NULL for DEL */
	char *args;            /* CNI_ARGS; NULL when there are none */
	cJSON *capabilities;   /* object of capability arguments; NULL when there are none */
	char *runtime_dir;     /* the plugins' XDG_RUNTIME_DIR; NULL for our own */
};

void attachment_parameters_free(struct attachment_parameters *a);
#define cleanup_attachment_parameters __attribute__((cleanup(attachment_parameters_free)))

/* An entry as it was read. All pointers lead into its JSON; a member that is absent or of another
 * type is NULL. */
struct cache_entry {
	cJSON *json; /* owned */
	const char *kind;
	struct attachment key;
	const char *netns; /* as result_cached_netns() returns it */
	struct netns_identity identity;
	const cJSON *result; /* the exact result; NULL when ADD has not finished */
	const char *config;  /* base64 */
};

void cache_entry_free(struct cache_entry *entry);
#define cleanup_cache_entry __attribute__((cleanup(cache_entry_free)))

/* Whether the entry's kind is cniCacheV1. */
bool cache_entry_is_known(const struct cache_entry *entry);

/* Return: the value of an argument of CNI_ARGS, the last one of several with this key, or NULL when
 * there is none. */
const char *cache_entry_arg(const struct cache_entry *entry, const char *key);

/* Return: what the runtime gave for a capability, or NULL when it gave nothing. */
const cJSON *cache_entry_capability(const struct cache_entry *entry, const char *capability);

/* Copy the parameters that ADD was called with. Return: 0 with @a, which the caller frees, or -1
 * out of memory. */
int cache_entry_parameters(const struct cache_entry *entry, struct attachment_parameters *a,
			   struct cni_error *err);

/* The content of an entry that is to be written. */
struct cache_content {
	const struct attachment_parameters *parameters;
	const struct netns *ns; /* its namespace, whose identity is noted; NULL: none is noted */
	const char *config;     /* the network configuration list, base64 */
	const cJSON *result;    /* for libcni; NULL before ADD, when the entry serves to find what a
				   kill leaves */
	const cJSON *exact;     /* the result as it came, when that differs; else NULL */
};

/**
 * cache_write() - write the entry of an attachment.
 * @replace: when false, an entry that exists is left as it is
 *
 * Return: 1 when it was written, 0 when there was one that was not to be replaced, -1 CNI_ERR_IO.
 */
int cache_write(const struct cache *cache, const struct cache_content *content, bool replace,
		struct cni_error *err);

/**
 * cache_read_file() - read a file of the cache without checking what it says.
 *
 * The file must be our own; when the cache's reader is NULL it may be root's. Return: 1 with
 * @entry, for cache_entry_free(); 0 when there is no such file (-1 when reader is NULL); -1
 * CNI_ERR_IO or CNI_ERR_DECODE.
 */
int cache_read_file(const struct cache *cache, const char *file, struct cache_entry *entry,
		    struct cni_error *err);

/* Read the entry of an attachment. Return: 1 with @entry, for cache_entry_free(); 0 when there is
 * none; -1 when it cannot be read (CNI_ERR_IO, CNI_ERR_DECODE) or is of another attachment
 * (CNI_ERR_CONTAINER). */
int cache_read(const struct cache *cache, const struct attachment *key, struct cache_entry *entry,
	       struct cni_error *err);

/* Remove the entry of an attachment, unless it turns out to be of another one. Return: 0, or -1
 * CNI_ERR_IO. */
int cache_remove(const struct cache *cache, const struct attachment *key, struct cni_error *err);

/**
 * cache_each() - call @fn for each entry of a network, in no particular order.
 *
 * @fn may remove the entry that it is given. Files that are not entries, or are damaged, are
 * skipped. A negative value of @fn ends the listing. Return: 0, @fn's negative value, or -1 when
 * the directory or a file in it cannot be read.
 */
int cache_each(const struct cache *cache, const char *network,
	       int (*fn)(const struct cache_entry *entry, void *arg, struct cni_error *err),
	       void *arg, struct cni_error *err);

#endif
