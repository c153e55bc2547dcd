// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cnirun del NETWORK NETNS: DEL, with what the cache remembers of ADD.
 */
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "cni.h"
#include "commands.h"
#include "job.h"

/* What was given at ADD, unless it is given again. */
static void remember(struct attachment *a, struct attachment *cached)
{
	if (!a->args)
		a->args = take_ptr(cached->args);
	if (!a->capabilities)
		a->capabilities = take_ptr(cached->capabilities);
}

/* Return: 0, or -1: neither the file nor the cache has the network. */
static int prepare(struct job *job, struct cache_entry *entry, struct cni_error *err)
{
	const struct options *o = &job->options;
	cleanup_free char *network = NULL;
	struct network_list cached;
	struct cni_error no_list, error = {0};
	int present;

	if (options_attachment(o, o->rest[1], &job->attachment, err) < 0 ||
	    cache_open(o->cache_dir, CACHE_CHANGE, &job->cache, err) < 0)
		return -1;
	if (list_find(o->rest[0], false, &job->list, &no_list) < 0 &&
	    !cni_valid_network_name(o->rest[0])) {
		*err = no_list;
		return -1;
	}
	network = strdup(job->list.conf ? job->list.name : o->rest[0]);
	if (!network)
		return cni_error_nomem(err);
	present = cache_read(&job->cache, network, job->attachment.container_id,
			     job->attachment.ifname, entry, &error);
	if (present < 0) {
		fprintf(stderr, "cnirun: deleting without the result of ADD: %s\n", error.msg);
	} else if (present > 0) {
		if (job_cached_list(&job->list, entry, &cached)) {
			list_free(&job->list);
			job->list = cached;
		}
		remember(&job->attachment, &entry->attachment);
	}
	if (!job->list.conf) {
		*err = no_list;
		return -1;
	}
	/* A namespace that has gone, or was none, is no reason to leave the rest behind. */
	if (netns_open(job->attachment.netns, &job->ns, &error) < 0)
		job->ns = NETNS_NONE;
	job_make_chain(job);
	return 0;
}

static int del(struct job *job, struct cni_error *err)
{
	cleanup_cache_entry struct cache_entry entry = {0};

	if (prepare(job, &entry, err) < 0 || chain_del(&job->chain, entry.result, false, err) < 0)
		return -1;
	return cache_remove(&job->cache, job->list.name, job->attachment.container_id,
			    job->attachment.ifname, err);
}

int del_main(int argc, char **argv)
{
	cleanup_job struct job job = JOB_NONE;
	struct cni_error err = {0};

	if (job_parse(argc, argv, FOR_DEL, 2, 2, &job, &err) < 0) {
		complain(NULL, &err);
		return EXIT_USAGE;
	}
	return del(&job, &err) < 0 ? job_fail(&job, &err) : 0;
}
