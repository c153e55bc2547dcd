/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Executing a network configuration: its plugins, one after the other (CNI spec, section 3). */
#ifndef CNIRUN_CHAIN_H
#define CNIRUN_CHAIN_H

#include <limits.h>
#include <stdbool.h>

#include <cjson/cJSON.h>

#include "cache.h"
#include "error.h"
#include "list.h"
#include "netns.h"

struct outcome;

struct chain {
	const struct network_list *list;
	const struct attachment_parameters *attachment; /* NULL for GC and STATUS */
	const char *path;                               /* CNI_PATH */
	const struct netns *ns; /* the attachment's; NULL, or not open, if there is none */
	int interrupt_fd;       /* as in program.h; -1 if there is none */
	int limit_ms;           /* for each plugin */
	bool verbose;           /* say what is executed, and how long it took */
	bool undone;            /* after an ADD that failed: nothing of it is left */
	cJSON *plugin_error;    /* the error object of the plugin that failed; else NULL */
};

/* Free plugin_error, all that a chain owns. */
void chain_free(struct chain *chain);
#define cleanup_chain __attribute__((cleanup(chain_free)))

/**
 * chain_add() - ADD, plugin after plugin.
 * @result: receives the result of the last plugin, owned by the caller
 *
 * If a plugin fails, DEL is called for it and those before it, in reverse. Errors of DEL are said
 * on standard error, and @chain's undone is then false; the error of this function is ADD's.
 *
 * Return: 0, or -1 with @err filled.
 */
int chain_add(struct chain *chain, cJSON **result, struct cni_error *err);

/**
 * chain_del() - DEL, in reverse.
 *
 * CNI_NETNS is empty unless the attachment's path leads to @chain's ns at the time of the call: a
 * path may lead to another namespace later, /proc/PID/ns/net with the next process that gets that
 * PID, and a plugin deletes interfaces by their names in whatever namespace it is told.
 *
 * @result: of ADD; NULL if it is not known
 * @all:    go on after a failure, whose error is said at once; else stop there, as the spec says
 *
 * Return: 0, or -1 if any plugin failed.
 */
int chain_del(struct chain *chain, const cJSON *result, bool all, struct cni_error *err);

/* CHECK; success at once where the list says disableCheck. Return: 0, or -1. */
int chain_check(struct chain *chain, const cJSON *result, struct cni_error *err);

/* STATUS; success at once for versions without it. Return: 0, or -1. */
int chain_status(struct chain *chain, struct cni_error *err);

/**
 * chain_gc() - GC; every plugin is called, also after one that failed.
 * @valid: array of {"containerID": ..., "ifname": ...}
 *
 * Return: 0, or -1 with the last error; earlier ones have been said on standard error.
 */
int chain_gc(struct chain *chain, const cJSON *valid, struct cni_error *err);

/*
 * Print an error on standard error. @chain's plugin_error, if there is one, is printed whole and
 * freed; @chain may be NULL.
 */
void chain_complain(struct chain *chain, const struct cni_error *err);

/* The parts of a call, which unit tests call. */

/**
 * chain_find_plugin() - the first regular file of that name that nobody else could have put there.
 * @type: the name of the plugin
 * @path: directories separated by colons, CNI_PATH; NULL if there are none
 * @out:  receives the file's path
 *
 * Return: 0, or -1 CNI_ERR_CONFIG.
 */
int chain_find_plugin(const char *type, const char *path, char out[PATH_MAX],
		      struct cni_error *err);

/* A plugin's environment: ours, with CNI_* as the spec says. */
struct chain_environment {
	const char **list; /* ends with NULL; its first n_own are owned */
	size_t n_own;
};

/*
 * Make it for CNI_COMMAND=@command. @env is zero-filled; the caller frees it, after a failure, too.
 * Return: 0, or -1 out of memory.
 */
int chain_make_environment(const struct chain *chain, const char *command,
			   struct chain_environment *env);
void chain_environment_free(struct chain_environment *env);

/**
 * chain_request() - the request configuration of a plugin.
 * @prev:  its prevResult; NULL if it gets none
 * @valid: the valid attachments of GC; NULL for other operations
 *
 * Return: text, owned by the caller; NULL out of memory.
 */
char *chain_request(const struct chain *chain, const cJSON *plugin, const cJSON *prev,
		    const cJSON *valid);

/**
 * chain_judge() - whether a plugin that has ended has succeeded.
 * @printed:    the object that it printed, or NULL; an error object is moved to @chain
 * @unreadable: why there is no object
 *
 * Return: 0, or -1 with the plugin's error, or with one of ours about it.
 */
int chain_judge(struct chain *chain, const char *type, const char *command,
		const struct outcome *outcome, cJSON **printed, const struct cni_error *unreadable,
		struct cni_error *err);

/*
 * Check that what a plugin printed is a result, and convert it to the list's version if it is of
 * another one; a result of that version stays as it is. A result without cniVersion is of the
 * version that was asked for. Return: 0, or -1.
 */
int chain_accept_result(const struct chain *chain, const char *type, cJSON **printed,
			struct cni_error *err);

/*
 * The result of ADD as prevResult of DEL and CHECK, in the list's version, since the list may have
 * changed. Return: a tree, owned by the caller; NULL out of memory, or if @result is not a result:
 * then DEL does without it, and CHECK's plugins refuse.
 */
cJSON *chain_as_prev(const struct chain *chain, const cJSON *result);

#endif
