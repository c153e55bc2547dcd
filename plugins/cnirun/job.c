// SPDX-License-Identifier: GPL-2.0-or-later
#include "job.h"

#include "commands.h"
#include "conf.h"

void job_free(struct job *job)
{
	chain_free(&job->chain);
	cache_close(&job->cache);
	netns_close(&job->ns);
	attachment_free(&job->attachment);
	list_free(&job->list);
	options_free(&job->options);
}

int job_parse(int argc, char **argv, unsigned int command, int min, int max, struct job *job,
	      struct cni_error *err)
{
	if (options_parse(argc, argv, command, &job->options, err) < 0)
		return -1;
	if (job->options.n_rest < min || job->options.n_rest > max)
		return cni_error(err, CNI_ERR_CONFIG, "%s needs %s; try cnirun --help", argv[0],
				 min == 1 ? "NETWORK" : "NETWORK and NETNS");
	return signals_take(&job->signals, err);
}

int job_open_netns(struct job *job, struct cni_error *err)
{
	if (netns_open(job->attachment.netns, &job->ns, err) < 0)
		return -1;
	if (netns_is_own(&job->ns))
		return cni_error(err, CNI_ERR_ENVIRONMENT,
				 "%.200s is the network namespace that cnirun itself is in; give "
				 "the one of a container",
				 job->attachment.netns);
	return 0;
}

void job_make_chain(struct job *job)
{
	job->chain =
		options_chain(&job->options, &job->list, &job->attachment, job->signals.ending);
	/* Plugins that know nothing of user namespaces are root in the one that owns the network.
	 */
	job->chain.userns_fd = job->ns.userns_fd;
}

/*
 * The list that an attachment was added with is the one to delete it with, even if the file has
 * changed since, or has gone. libcni caches a list without the plugins of the directory of its
 * name; where that may be so, the file counts, as it does for cnitool.
 */
bool job_cached_list(const struct network_list *file, const struct cache_entry *entry,
		     struct network_list *cached)
{
	cleanup_list struct network_list list = {0};
	struct cni_error ignored;

	if (!entry->conf ||
	    list_parse(entry->conf, entry->conf_len, "the cached list", NULL, &list, &ignored) < 0)
		return false;
	if (file->conf && !cJSON_IsTrue(json_get(list.conf, "loadOnlyInlinedPlugins")))
		return false;
	*cached = list;
	list = (struct network_list){0};
	return true;
}

int job_fail(struct job *job, const struct cni_error *err)
{
	complain(&job->chain, err);
	return EXIT_FAILED;
}
