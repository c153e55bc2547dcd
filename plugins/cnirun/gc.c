/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cnirun gc NETWORK: remove what is left of attachments whose namespace has gone.
 *
 * An attachment in the cache is valid while its network namespace is there; with --all, as in
 * cnitool's gc, no attachment is valid. The others are deleted. Then the plugins are told which are
 * valid, and remove any others that they know. So a plugin also removes attachments to this network
 * that another runtime made and keeps in another cache.
 */
#include <stdio.h>

#include "cleanup.h"
#include "commands.h"
#include "job.h"

struct sweep {
	struct job *job;
	cJSON *valid;
	int failures; /* attachments that could not be deleted */
	int unknown;  /* attachments whose namespace is there or not: it is not known */
};

/* The attachment is another runtime's, and may be in use, so that runtime must delete it. */
static void tell_kept(const struct attachment *a)
{
	fprintf(stderr,
		"cnirun: %.200s (%s) is kept: its entry in the result cache does not say which "
		"namespace it is in; gc --all deletes it\n",
		a->container_id, a->ifname);
}

/*
 * Whether an attachment is to be deleted: its namespace has gone, or --all is given. In both cases
 * it must be known which namespace that is: nobody must lose his network because we are out of
 * descriptors. @ns receives the namespace to delete in, if there is one.
 */
static bool is_to_delete(struct sweep *sweep, const struct cache_entry *entry, struct netns *ns)
{
	const struct attachment *a = &entry->key;
	const bool all = sweep->job->options.all;
	struct cni_error err = {0};
	bool is_it;

	if (entry->netns == NULL) {
		if (!all)
			tell_kept(a);
		return all;
	}
	switch (cached_netns_open(entry->netns, &entry->identity, ns, &err)) {
	case CACHED_NETNS_THERE:
		return all;
	case CACHED_NETNS_UNKNOWN:
		cni_error_wrap(&err, "%.200s (%s) is kept", a->container_id, a->ifname);
		chain_complain(NULL, &err);
		sweep->unknown++;
		return false;
	case CACHED_NETNS_OURS_NOW:
		/* We may have been started in the container: then its namespace is there. */
		is_it = cached_netns_proves(&entry->identity, ns);
		netns_close(ns);
		return all || !is_it;
	default:
		netns_close(ns);
		return true;
	}
}

static int gc_keep(cJSON *valid, const struct attachment *a, struct cni_error *err)
{
	cJSON *item = cJSON_CreateObject();

	if (cJSON_AddStringToObject(item, "containerID", a->container_id) != NULL &&
	    cJSON_AddStringToObject(item, "ifname", a->ifname) != NULL &&
	    cJSON_AddItemToArray(valid, item))
		return 0;
	cJSON_Delete(item);
	return cni_error_nomem(err);
}

static int gc_visit(const struct cache_entry *entry, void *arg, struct cni_error *err)
{
	struct sweep *sweep = arg;
	struct job *job = sweep->job;
	cleanup_attachment_parameters struct attachment_parameters parameters = {0};
	cleanup_list struct network_list list = {0};
	cleanup_netns struct netns ns = NETNS_NONE;
	cleanup_chain struct chain chain = {0};

	if (!is_to_delete(sweep, entry, &ns))
		return gc_keep(sweep->valid, &entry->key, err);
	if (cache_entry_parameters(entry, &parameters, err) < 0)
		return -1;
	chain = options_chain(&job->options,
			      job_cached_list(&job->list, entry, &list) ? &list : &job->list,
			      &parameters, job->signals.ending);
	chain.ns = &ns;
	if (chain_del(&chain, entry->result, true, err) < 0)
		sweep->failures++;
	else if (cache_remove(&job->cache, &entry->key, err) < 0)
		return -1;
	return 0;
}

static int gc(struct job *job, struct cni_error *err)
{
	cleanup_json cJSON *valid = cJSON_CreateArray();
	struct sweep sweep = {.job = job, .valid = valid};
	int value;

	if (valid == NULL)
		return cni_error_nomem(err);
	if (list_find(job->options.rest[0], false, &job->list, err) < 0)
		return -1;
	if (job->list.disable_gc)
		return 0;
	if (results_open(job->options.cache_dir, RESULTS_GC, &job->cache, err) < 0 ||
	    cache_each(&job->cache, job->list.name, gc_visit, &sweep, err) < 0)
		return -1;
	job->chain = options_chain(&job->options, &job->list, NULL, job->signals.ending);
	value = chain_gc(&job->chain, valid, err);
	if (value == 0 && sweep.failures > 0)
		return cni_error(err, CNI_ERR_IO,
				 "%d attachments could not be deleted; they stay in the result "
				 "cache for the next gc",
				 sweep.failures);
	if (value == 0 && sweep.unknown > 0)
		return cni_error(err, CNI_ERR_IO,
				 "it is not known whether the namespaces of %d attachments are "
				 "there; they are kept for the next gc",
				 sweep.unknown);
	return value;
}

int gc_main(int argc, char **argv)
{
	cleanup_job struct job job = JOB_NONE;
	struct cni_error err = {0};

	/* cnitool's gc needs the argument NETNS, and ignores it. */
	if (job_parse(argc, argv, FOR_GC, 1, 2, &job, &err) < 0) {
		chain_complain(NULL, &err);
		return EXIT_USAGE;
	}
	return gc(&job, &err) < 0 ? job_fail(&job, &err) : 0;
}
