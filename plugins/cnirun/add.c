/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cnirun add NETWORK NETNS: ADD, and the result on standard output. */
#include <stdio.h>

#include "cleanup.h"
#include "commands.h"
#include "conf.h"
#include "job.h"

/* Everything before the first plugin. */
static int add_prepare(struct job *job, struct cni_error *err)
{
	const struct options *o = &job->options;

	if (list_find(o->rest[0], o->publish, &job->list, err) < 0 ||
	    options_check_capabilities(o, &job->list, err) < 0 ||
	    options_attachment(o, job->list.name, o->rest[1], &job->attachment, err) < 0 ||
	    job_open_netns(job, err) < 0 ||
	    results_open(o->cache_dir, RESULTS_CHANGE, &job->cache, err) < 0)
		return -1;
	return job_make_chain(job, err);
}

static int add_print(const cJSON *result, struct cni_error *err)
{
	cleanup_json cJSON *exact = json_copy(result);
	cleanup_free char *text = exact != NULL ? cJSON_Print(exact) : NULL;

	if (text == NULL)
		return cni_error_nomem(err);
	if (puts(text) < 0 || fflush(stdout) != 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot write the result");
	return 0;
}

static int add_networks(struct job *job, struct cni_error *err)
{
	const struct attachment_parameters *a = &job->attachment;
	cleanup_json cJSON *result = NULL;
	struct cni_error ignored;
	int written;

	if (add_prepare(job, err) < 0)
		return -1;
	written = job_note(job, NULL, err);
	if (written < 0)
		return -1;
	if (written == 0)
		return cni_error(err, CNI_ERR_CONFIG,
				 "%.200s has the network %.60s on %s already; run cnirun del "
				 "first",
				 a->netns, job->list.name, a->key.ifname);
	if (chain_add(&job->chain, &result, err) == 0) {
		if (job_note(job, result, err) > 0 && add_print(result, err) == 0)
			return 0;
		/* The network is removed, since nobody would know of it. */
		job->chain.interrupt_fd = -1;
		job->chain.undone = chain_del(&job->chain, result, true, &ignored) == 0;
	}
	job_forget(job);
	return -1;
}

int add_main(int argc, char **argv)
{
	cleanup_job struct job job = JOB_NONE;
	struct cni_error err = {0};

	if (job_parse(argc, argv, FOR_ADD, 2, 2, &job, &err) < 0) {
		chain_complain(NULL, &err);
		return EXIT_USAGE;
	}
	return add_networks(&job, &err) < 0 ? job_fail(&job, &err) : 0;
}
