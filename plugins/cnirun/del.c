/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cnirun del NETWORK NETNS: DEL, with the list, arguments and result of ADD from the cache. */
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "cni.h"
#include "commands.h"
#include "job.h"

/*
 * Open the namespace, if it is the one that the network was added to. Otherwise the plugins get
 * none: if it has gone, or the path does not lead to a namespace, the rest is deleted all the same,
 * and in another namespace there is nothing of ours.
 */
static int open_netns(struct job *job, const struct netns_identity *noted, struct cni_error *err)
{
	const char *path = job->attachment.netns;

	switch (cached_netns_open(path, noted, &job->ns, err)) {
	case CACHED_NETNS_THERE:
		return 0;
	case CACHED_NETNS_UNKNOWN:
		return cni_error_wrap(err, "nothing is deleted");
	case CACHED_NETNS_OURS_NOW:
		fprintf(stderr,
			"cnirun: %.200s is the network namespace of cnirun itself, or of process "
			"1; nothing is deleted in it\n",
			path);
		break;
	case CACHED_NETNS_ANOTHER:
		fprintf(stderr,
			"cnirun: %.200s is another network namespace now; nothing is deleted in "
			"it\n",
			path);
		break;
	case CACHED_NETNS_GONE:
		break;
	}
	netns_close(&job->ns);
	return 0;
}

/* Return: 0, or -1: neither the file nor the cache has the network. */
static int del_prepare(struct job *job, struct cache_entry *entry, struct cni_error *err)
{
	const struct options *o = &job->options;
	struct network_list cached;
	struct cni_error no_list, error = {0};
	const bool found = list_find(o->rest[0], false, &job->list, &no_list) == 0;
	int present;

	if (options_attachment(o, found ? job->list.name : o->rest[0], o->rest[1], &job->attachment,
			       err) < 0 ||
	    results_open(o->cache_dir, RESULTS_CHANGE, &job->cache, err) < 0)
		return -1;
	if (!found && !cni_valid_network_name(o->rest[0])) {
		*err = no_list;
		return -1;
	}
	present = cache_read(&job->cache, &job->attachment.key, entry, &error);
	/* An entry that cannot be read now may name what to delete; a damaged one never will. */
	if (present < 0 && error.code == CNI_ERR_IO) {
		*err = error;
		return -1;
	}
	if (present < 0) {
		fprintf(stderr, "cnirun: deleting without the result of ADD: %s\n", error.msg);
	} else if (present > 0) {
		if (job_cached_list(&job->list, entry, &cached)) {
			list_free(&job->list);
			job->list = cached;
		}
		if (job_remember(job, entry, err) < 0)
			return -1;
	}
	if (job->list.conf == NULL) {
		*err = no_list;
		return -1;
	}
	if (open_netns(job, &entry->identity, err) < 0)
		return -1;
	return job_make_chain(job, err);
}

static int del(struct job *job, struct cni_error *err)
{
	cleanup_cache_entry struct cache_entry entry = {0};

	if (del_prepare(job, &entry, err) < 0 ||
	    chain_del(&job->chain, entry.result, false, err) < 0)
		return -1;
	return cache_remove(&job->cache, &job->attachment.key, err);
}

int del_main(int argc, char **argv)
{
	cleanup_job struct job job = JOB_NONE;
	struct cni_error err = {0};

	if (job_parse(argc, argv, FOR_DEL, 2, 2, &job, &err) < 0) {
		chain_complain(NULL, &err);
		return EXIT_USAGE;
	}
	return del(&job, &err) < 0 ? job_fail(&job, &err) : 0;
}
