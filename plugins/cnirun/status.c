/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cnirun status NETWORK: whether an ADD can succeed. */
#include "commands.h"
#include "job.h"

static int status(struct job *job, struct cni_error *err)
{
	if (list_find(job->options.rest[0], false, &job->list, err) < 0)
		return -1;
	job->chain = options_chain(&job->options, &job->list, NULL, job->signals.ending);
	return chain_status(&job->chain, err);
}

int status_main(int argc, char **argv)
{
	cleanup_job struct job job = JOB_NONE;
	struct cni_error err = {0};

	/* cnitool's status needs the argument NETNS, and ignores it. */
	if (job_parse(argc, argv, FOR_STATUS, 1, 2, &job, &err) < 0) {
		chain_complain(NULL, &err);
		return EXIT_USAGE;
	}
	return status(&job, &err) < 0 ? job_fail(&job, &err) : 0;
}
