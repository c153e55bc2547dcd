/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "commands.h"
#include "conf.h"
#include "encoding.h"
#include "result.h"
#include "state.h"

void job_free(struct job *job)
{
	chain_free(&job->chain);
	cache_close(&job->cache);
	netns_close(&job->ns);
	attachment_parameters_free(&job->attachment);
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

/*
 * XDG_RUNTIME_DIR for the plugins. Those that know nothing of user namespaces are root in the one
 * that owns the network, see where_to_execute(). If such a plugin keeps its state as ours do, it
 * finds that it is in a user namespace, and looks below XDG_RUNTIME_DIR. That is right for an
 * ordinary user, whose plugins look there also when they are called without a namespace. Root gets
 * here only without CAP_SYS_ADMIN (in a container with fewer capabilities): when root's plugins are
 * called without a namespace, they look in /run, and ours always do.
 */
static const char *runtime_dir(const struct netns *ns)
{
	if (ns->userns_fd >= 0 && geteuid() == 0 && state_in_initial_userns())
		return "/run";
	return getenv("XDG_RUNTIME_DIR");
}

int job_make_chain(struct job *job, struct cni_error *err)
{
	const char *dir = runtime_dir(&job->ns);

	if (job->attachment.runtime_dir == NULL && dir != NULL && *dir) {
		job->attachment.runtime_dir = strdup(dir);
		if (job->attachment.runtime_dir == NULL)
			return cni_error_nomem(err);
	}
	job->chain =
		options_chain(&job->options, &job->list, &job->attachment, job->signals.ending);
	job->chain.ns = &job->ns;
	return 0;
}

int job_remember(struct job *job, const struct cache_entry *entry, struct cni_error *err)
{
	cleanup_attachment_parameters struct attachment_parameters cached = {0};
	struct attachment_parameters *a = &job->attachment;

	if (cache_entry_parameters(entry, &cached, err) < 0)
		return -1;
	if (a->args == NULL)
		a->args = take_ptr(cached.args);
	if (a->capabilities == NULL)
		a->capabilities = take_ptr(cached.capabilities);
	a->runtime_dir = take_ptr(cached.runtime_dir);
	return 0;
}

/* The result in the version of cniVersion; NULL if it is of that one, or cannot be converted. */
static cJSON *result_for_libcni(const struct network_list *list, const cJSON *result)
{
	cleanup_result struct cni_result parsed = {0};
	const cJSON *single = json_get(list->conf, "cniVersion");
	enum cni_version version;
	struct cni_error ignored;
	cJSON *converted = NULL;

	if (!cJSON_IsString(single) || cni_version_parse(single->valuestring, &version) < 0 ||
	    version == list->version ||
	    result_parse(result, list->version, "the result", &parsed, &ignored) < 0)
		return NULL;
	result_print(&parsed, version, &converted, &ignored);
	return converted;
}

int job_note(const struct job *job, const cJSON *result, struct cni_error *err)
{
	cleanup_json cJSON *conf = json_copy(job->list.conf);
	cleanup_free char *text = conf != NULL ? cJSON_PrintUnformatted(conf) : NULL;
	cleanup_free char *encoded = text != NULL ? base64_encode(text, strlen(text)) : NULL;
	cleanup_json cJSON *converted =
		result != NULL ? result_for_libcni(&job->list, result) : NULL;
	const struct cache_content content = {
		.parameters = &job->attachment,
		.ns = &job->ns,
		.config = encoded,
		.result = converted != NULL ? converted : result,
		.exact = converted != NULL ? result : NULL,
	};

	return cache_write(&job->cache, &content, result != NULL, err);
}

/*
 * An attachment is deleted with the list that it was added with, even if the file has changed
 * since, or has gone. libcni caches a list without the plugins of the directory of its name; if the
 * cached list may be such a one, the file counts, as it does for cnitool.
 */
bool job_cached_list(const struct network_list *file, const struct cache_entry *entry,
		     struct network_list *cached)
{
	cleanup_list struct network_list list = {0};
	struct cni_error ignored;
	size_t len = 0;
	cleanup_free char *conf = entry->config != NULL ? base64_decode(entry->config, &len) : NULL;

	if (conf == NULL || list_parse(conf, len, "the cached list", NULL, &list, &ignored) < 0)
		return false;
	if (file->conf != NULL && !cJSON_IsTrue(json_get(list.conf, "loadOnlyInlinedPlugins")))
		return false;
	*cached = list;
	list = (struct network_list){0};
	return true;
}

void job_forget(struct job *job)
{
	const struct attachment_parameters *a = &job->attachment;
	struct cni_error err;

	if (!job->chain.undone)
		fprintf(stderr,
			"cnirun: what could not be undone stays in the result cache, for cnirun gc "
			"%s\n",
			job->list.name);
	else if (cache_remove(&job->cache, &a->key, &err) < 0)
		chain_complain(NULL, &err);
}

int job_fail(struct job *job, const struct cni_error *err)
{
	chain_complain(&job->chain, err);
	return EXIT_FAILED;
}
