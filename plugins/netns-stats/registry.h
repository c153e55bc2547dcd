/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every attachment of this machine that this user may see, in order; and how they come and go. */
#ifndef NETNS_STATS_REGISTRY_H
#define NETNS_STATS_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "entry.h"
#include "error.h"

#define DEFAULT_CNI_CACHE "/var/lib/cni"

struct registry_options {
	const char *state_dir; /* NULL: the default */
	const char *cni_cache; /* libcni's cache directory; NULL: the default, if it is there */
};

struct watch;
struct text;

struct registry {
	struct registry_options options;
	struct registry_entry *all; /* sorted by registry_entry_compare(), each attachment once */
	size_t n, size;
	struct text *complaints; /* what could not be read, a line each; may be NULL */
	int inotify;             /* -1: not watched. Readable: call registry_update() */
	struct watch *watches;
	size_t n_watches, watches_size;
	unsigned long generation; /* changes whenever `all` does */
};

#define REGISTRY_NONE ((struct registry){.inotify = -1})

/**
 * registry_load() - read every record and cached result.
 * @complaints: receives a line for each that had to be passed over; may be NULL
 *
 * Return: 0, or -1 if a directory that was asked for is not there, does not belong to this user or
 * cannot be read.
 */
int registry_load(struct registry *r, const struct registry_options *options,
		  struct text *complaints, struct cni_error *err);

/* The same, and watch from then on: registry_update() sees everything that changes after the
 * beginning of this call. */
int registry_watch(struct registry *r, const struct registry_options *options,
		   struct text *complaints, struct cni_error *err);

/* Take in the events that inotify has; never waits. Return: 0, or -1 with @err; the registry can be
 * used then too. */
int registry_update(struct registry *r, struct cni_error *err);

/* Free all that it owns and stop watching. */
void registry_free(struct registry *r);
#define cleanup_registry __attribute__((cleanup(registry_free)))

/**
 * registry_find() - the attachments of one container.
 * @prefix: its id, or a beginning of it that no other container's id shares
 * @first, @n: their range in r->all
 *
 * Return: 0, or -1 CNI_ERR_CONTAINER (none) or CNI_ERR_CONFIG (several).
 */
int registry_find(const struct registry *r, const char *prefix, size_t *first, size_t *n,
		  struct cni_error *err);

/* The index behind the last attachment, from i on, that belongs to the container of attachment i.
 */
size_t registry_container_end(const struct registry *r, size_t i);

/* What the record, or the cached result, behind an attachment tells of it. */
struct registry_source {
	cJSON *json;         /* owned; the others point into it; NULL if missing */
	const cJSON *result; /* of ADD */
	const cJSON *ports;  /* portMappings */
};

/* Free the JSON and zero the rest. */
void registry_source_free(struct registry_source *source);
#define cleanup_registry_source __attribute__((cleanup(registry_source_free)))

/* Read it. Return: 0 with @source, which registry_source_free() frees, or -1. */
int registry_read(const struct registry *r, const struct registry_entry *a,
		  struct registry_source *source, struct cni_error *err);

#endif
