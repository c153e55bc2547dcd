/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cnirun check NETWORK NETNS: CHECK, against the result in the cache. */
#include "cleanup.h"
#include "commands.h"
#include "job.h"

static int check(struct job *job, struct cni_error *err)
{
	const struct options *o = &job->options;
	cleanup_cache_entry struct cache_entry entry = {0};
	int present;

	if (list_find(o->rest[0], false, &job->list, err) < 0 ||
	    options_attachment(o, job->list.name, o->rest[1], &job->attachment, err) < 0 ||
	    job_open_netns(job, err) < 0 ||
	    results_open(o->cache_dir, RESULTS_READ, &job->cache, err) < 0)
		return -1;
	present = cache_read(&job->cache, &job->attachment.key, &entry, err);
	if (present < 0)
		return -1;
	if (present == 0 || entry.result == NULL)
		return cni_error(err, CNI_ERR_CONTAINER,
				 "%.200s does not have the network %.60s on %s: the result cache "
				 "%.200s knows no such ADD",
				 job->attachment.netns, job->list.name, job->attachment.key.ifname,
				 job->cache.dir);
	if (entry.identity.boot[0] && !cached_netns_proves(&entry.identity, &job->ns))
		return cni_error(err, CNI_ERR_CONTAINER,
				 "%.200s is not the network namespace that the network %.60s was "
				 "added to, which has gone; cnirun gc deletes what is left",
				 job->attachment.netns, job->list.name);
	if (job_remember(job, &entry, err) < 0 || job_make_chain(job, err) < 0)
		return -1;
	return chain_check(&job->chain, entry.result, err);
}

int check_main(int argc, char **argv)
{
	cleanup_job struct job job = JOB_NONE;
	struct cni_error err = {0};

	if (job_parse(argc, argv, FOR_CHECK, 2, 2, &job, &err) < 0) {
		chain_complain(NULL, &err);
		return EXIT_USAGE;
	}
	return check(&job, &err) < 0 ? job_fail(&job, &err) : 0;
}
