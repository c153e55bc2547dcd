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
	const struct netns *ns; /* the attachment's, open; NULL, or not open: none */
	int interrupt_fd;       /* as in program.h; -1: none */
	int limit_ms;           /* for each plugin */
	bool verbose;           /* say what is executed, and how long it took */
	bool undone;            /* after an ADD that failed: nothing of it is left */
	cJSON *answer;          /* the error of the plugin that failed, whole; else NULL */
};

void chain_free(struct chain *chain);
#define cleanup_chain __attribute__((cleanup(chain_free)))

/**
 * chain_add() - ADD, plugin after plugin.
 * @result: receives the last one's result, owned by the caller
 *
 * When one fails, DEL has been called for it and those before it, in reverse, when this returns.
 * What DEL could not do is said on standard error, and @chain's undone is false; the error is
 * ADD's.
 *
 * Return: 0, or -1 with @err filled.
 */
int chain_add(struct chain *chain, cJSON **result, struct cni_error *err);

/**
 * chain_del() - DEL, in reverse.
 *
 * CNI_NETNS is empty unless the attachment's path leads to @chain's ns at the time of the call: a
 * path is given again, /proc/PID/ns/net with the next process of that PID, and a plugin deletes
 * interfaces by their names in whatever namespace it is told.
 *
 * @result: of ADD; NULL: not known
 * @all:    go on after a failure, whose error is said at once; else stop there, as the spec says
 *
 * Return: 0, or -1 when any failed.
 */
int chain_del(struct chain *chain, const cJSON *result, bool all, struct cni_error *err);

/* CHECK; success at once where the list says disableCheck. Return: 0, or -1. */
int chain_check(struct chain *chain, const cJSON *result, struct cni_error *err);

/* STATUS; success at once for versions without it. Return: 0, or -1. */
int chain_status(struct chain *chain, struct cni_error *err);

/**
 * chain_gc() - GC; every plugin is called whatever the others say.
 * @valid: array of {"containerID": ..., "ifname": ...}
 *
 * Return: 0, or -1 with the last error; the others have been said.
 */
int chain_gc(struct chain *chain, const cJSON *valid, struct cni_error *err);

/* One error as sentences on standard error, the plugin's own whole. Forgets @chain's answer. */
void chain_complain(struct chain *chain, const struct cni_error *err);

/* The parts of a call, which the tests ask one by one. */

/* The first regular file of that name in CNI_PATH that nobody else could have put there. */
int chain_find_plugin(const char *type, const char *path, char out[PATH_MAX],
		      struct cni_error *err);

/* A plugin's environment: ours, with CNI_* as the spec says. */
struct chain_environment {
	const char **list; /* ends with NULL; its first n_own are owned */
	size_t n_own;
};

/* @env: zero-filled, and freed by the caller also after a failure. Return: 0, or -1 out of memory.
 */
int chain_make_environment(const struct chain *chain, const char *command,
			   struct chain_environment *env);
void chain_environment_free(struct chain_environment *env);

/**
 * chain_request() - the request configuration of a plugin.
 * @prev:  its prevResult; NULL: none
 * @valid: the valid attachments of GC; NULL: none
 *
 * Return: text, the caller's; NULL out of memory.
 */
char *chain_request(const struct chain *chain, const cJSON *plugin, const cJSON *prev,
		    const cJSON *valid);

/**
 * chain_judge() - what a plugin's end means.
 * @answer:     the object that it printed, or NULL; an error goes into @chain
 * @unreadable: why there is none
 *
 * Return: 0: it has succeeded, or -1 with its error, or with one of ours about it.
 */
int chain_judge(struct chain *chain, const char *type, const char *command,
		const struct outcome *outcome, cJSON **answer, const struct cni_error *unreadable,
		struct cni_error *err);

/*
 * A result as it came, proved to be one, in the list's version. An answer without cniVersion is of
 * the version that was asked for.
 */
int chain_accept_result(const struct chain *chain, const char *type, cJSON **answer,
			struct cni_error *err);

/*
 * The result of ADD for DEL and CHECK, in the list's version: the list may have changed since.
 * NULL, out of memory or for what is no result (DEL does without then; CHECK's plugins refuse).
 */
cJSON *chain_as_prev(const struct chain *chain, const cJSON *result);

#endif
