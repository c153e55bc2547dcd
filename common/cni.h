/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The CNI execution protocol (spec 1.1.0, section 2): it reads the environment and standard input,
 * calls the operation, and prints the result or the error. A plugin is a struct cni_plugin and one
 * line of main().
 */
#ifndef USERNET_CNI_H
#define USERNET_CNI_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "attachment.h"
#include "error.h"
#include "result.h"
#include "version.h"

/* A runtime's request, checked. Strings point into the environment or the configuration's tree. */
struct cni_request {
	const char *command;          /* "ADD" and so on */
	struct attachment attachment; /* GC and STATUS have the network only, the rest is NULL */
	const char *netns;        /* absolute path; NULL for GC and STATUS, may be NULL for DEL */
	const char *args;         /* CNI_ARGS; may be NULL */
	const char *path;         /* CNI_PATH; may be NULL */
	enum cni_version version; /* of the configuration; 0.1.0 when it has no cniVersion */
	const cJSON *conf;        /* the whole configuration */
	const cJSON *runtime;     /* runtimeConfig; NULL: none */
	bool has_prev;            /* whether there is a prevResult; GC and STATUS do not read it */
	struct cni_result prev;   /* prevResult */
	struct attachment *valid; /* GC: cni.dev/valid-attachments, sorted for cni_is_valid() */
	size_t n_valid;
};

struct cni_plugin {
	const char *name;        /* of the executable */
	const char *about;       /* one line for a person who calls it by hand */
	enum cni_version oldest; /* the first spec version that it supports */
	/* Each returns 0, or -1 with err filled. ADD fills the result that is printed. */
	int (*add)(const struct cni_request *req, struct cni_result *result, struct cni_error *err);
	int (*del)(const struct cni_request *req, struct cni_error *err);
	int (*check)(const struct cni_request *req, struct cni_error *err);
	int (*gc)(const struct cni_request *req, struct cni_error *err);
	int (*status)(const struct cni_request *req, struct cni_error *err);
};

/**
 * cni_pass_on() - pass prevResult on as it came.
 * @result: filled; what a plugin adds comes behind
 *
 * Return: 0, with an empty result when there is no prevResult; or -1 out of memory.
 */
int cni_pass_on(const struct cni_request *req, struct cni_result *result, struct cni_error *err);

/**
 * cni_main() - serve one call of a plugin.
 *
 * Reads CNI_* and standard input (at most JSON_MAX_BYTES, at most ten seconds), checks them, calls
 * the operation, prints its result or error as JSON on standard output. When ADD succeeds but its
 * result cannot be written, the attachment is deleted again, because the runtime takes it that ADD
 * failed.
 *
 * Return: the exit status, 0 or 1.
 */
int cni_main(const struct cni_plugin *plugin, int argc, char **argv);

/* GC: whether the runtime still knows the attachment. */
bool cni_is_valid(const struct cni_request *req, const struct attachment *a);

#endif
