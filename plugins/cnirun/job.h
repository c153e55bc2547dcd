/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the subcommands on one attachment need, opened and owned. */
#ifndef CNIRUN_JOB_H
#define CNIRUN_JOB_H

#include "cache.h"
#include "chain.h"
#include "list.h"
#include "netns.h"
#include "options.h"
#include "results.h"
#include "signals.h"

struct job {
	struct options options;
	struct signals signals;
	struct network_list list;
	struct attachment_parameters attachment;
	struct netns ns;
	struct cache cache;
	struct chain chain;
};

#define JOB_NONE ((struct job){.ns = NETNS_NONE, .cache = CACHE_NONE})

void job_free(struct job *job);
#define cleanup_job __attribute__((cleanup(job_free)))

/**
 * job_parse() - read the options and the @min to @max arguments after them, and take the signals.
 * @command: one of FOR_*
 *
 * Return: 0, or -1 with @err filled.
 */
int job_parse(int argc, char **argv, unsigned int command, int min, int max, struct job *job,
	      struct cni_error *err);

/* Open the attachment's network namespace, which must not be our own. Return: 0, or -1. */
int job_open_netns(struct job *job, struct cni_error *err);

/* Make the chain of the job's list, attachment and namespace. Return: 0, or -1 out of memory. */
int job_make_chain(struct job *job, struct cni_error *err);

/*
 * Take the arguments of ADD from the attachment's entry, unless they are given again. To be called
 * before job_make_chain(). Return: 0, or -1 out of memory.
 */
int job_remember(struct job *job, const struct cache_entry *entry, struct cni_error *err);

/**
 * job_note() - write the attachment's entry.
 * @result: of ADD; NULL before ADD: then an entry that is there already stays, and 0 is returned
 *
 * An entry is written twice, before the first plugin's ADD and after the last one's: a cnirun that
 * is killed in between leaves one that DEL and GC can work with, and an ADD of an attachment that
 * exists is refused before it can harm that one. libcni writes its entries only after ADD; it reads
 * both of ours.
 *
 * Return: as cache_write().
 */
int job_note(const struct job *job, const cJSON *result, struct cni_error *err);

/**
 * job_cached_list() - the list that an attachment was added with, from its entry.
 * @file:   the list of that name as it is now; its conf may be NULL
 * @cached: filled when it is the one to delete with
 *
 * Return: whether it is.
 */
bool job_cached_list(const struct network_list *file, const struct cache_entry *entry,
		     struct network_list *cached);

/* After an ADD that failed: forget the attachment, unless something of it may be left. */
void job_forget(struct job *job);

/* Print an error on standard error. Return: the exit status. */
int job_fail(struct job *job, const struct cni_error *err);

#endif
