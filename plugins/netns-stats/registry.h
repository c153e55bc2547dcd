/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every attachment there is on this machine, as far as this user may see, in order; and their
 * coming and going.
 */
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
	const char *cni_cache; /* libcni's cache directory, NULL: the default, and none is fine */
};

struct watch;
struct text;

struct registry {
	struct registry_options options;
	struct registry_entry *all; /* sorted by registry_entry_compare(), each attachment once */
	size_t n, size;
	struct text *complaints; /* what could not be read, a line each; NULL: nobody asks */
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
 * Return: 0, or -1: a directory that was asked for is not there, not ours or cannot be read.
 */
int registry_load(struct registry *r, const struct registry_options *options,
		  struct text *complaints, struct cni_error *err);

/* The same, and watch from then on: what changes after this call's begin is seen by
 * registry_update(). */
int registry_watch(struct registry *r, const struct registry_options *options,
		   struct text *complaints, struct cni_error *err);

/* Take in what inotify has to say. Never waits. Return: 0, or -1 with @err; the registry is usable
 * then too. */
int registry_update(struct registry *r, struct cni_error *err);

void registry_free(struct registry *r);
#define cleanup_registry __attribute__((cleanup(registry_free)))

/**
 * registry_find() - the attachments of one container.
 * @prefix: its id, or the beginning of it, when no other container's id begins so
 * @first, @n: their range in r->all
 *
 * Return: 0, or -1 CNI_ERR_CONTAINER (none) or CNI_ERR_CONFIG (several).
 */
int registry_find(const struct registry *r, const char *prefix, size_t *first, size_t *n,
		  struct cni_error *err);

/* The number of attachments from i on that belong to one container. */
size_t registry_container_end(const struct registry *r, size_t i);

/* What the record, or the cached result, behind an attachment tells of it. */
struct registry_source {
	cJSON *json;         /* owned; the rest points into it, and is NULL where it is not there */
	const cJSON *result; /* of ADD */
	const cJSON *ports;  /* portMappings */
};

void registry_source_free(struct registry_source *source);
#define cleanup_registry_source __attribute__((cleanup(registry_source_free)))

/* Read it. Return: 0 with @source the caller's, or -1. */
int registry_read(const struct registry *r, const struct registry_entry *a,
		  struct registry_source *source, struct cni_error *err);

#endif
