/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plugin role: an attachment's account is opened by ADD, looked at by CHECK, closed by DEL.
 *
 * A container must not fail to start, nor to stop, because it could not be counted. So of all that
 * can go wrong only a wrong configuration is an error of ADD; the rest (no state directory, a
 * namespace that cannot be read) is reported on stderr, and ADD passes prevResult on. DEL likewise:
 * an account that cannot be written is printed on stderr instead, which runtimes log, and one that
 * cannot be closed (nobody could lock it, the state is read-only) stays open, for GC to close.
 *
 * What belongs to an attachment: CNI_IFNAME and the interfaces that prevResult lists in this
 * sandbox, CNI_NETNS. Another attachment of the same container has an account of its own, so
 * nothing is counted twice. Interfaces are found again by index, as they may have been renamed
 * inside.
 */
#include "plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account.h"
#include "cleanup.h"
#include "closing.h"
#include "conf.h"
#include "record.h"
#include "state.h"
#include "sweep.h"

#define LOCK_LIMIT_MS 2000

struct stats_config {
	const char *state_dir;    /* NULL: the default */
	const char *account_file; /* NULL: no accounts */
};

void plugin_warn(const struct cni_error *err)
{
	fprintf(stderr, PLUGIN_NAME ": %s%s%s\n", err->msg, err->details[0] ? ": " : "",
		err->details);
}

static int read_config(const struct cni_request *req, struct stats_config *conf,
		       struct cni_error *err)
{
	if (conf_get_string(req->conf, "", "stateDir", &conf->state_dir, err) < 0 ||
	    conf_get_string(req->conf, "", "accountFile", &conf->account_file, err) < 0)
		return -1;
	if (conf->account_file != NULL && conf->account_file[0] != '/')
		return cni_error(err, CNI_ERR_CONFIG,
				 "accountFile is \"%.200s\", but must be an absolute path",
				 conf->account_file);
	return 0;
}

static int need_prev(const struct cni_request *req, struct cni_error *err)
{
	if (req->has_prev)
		return 0;
	return cni_error(err, CNI_ERR_CONFIG,
			 "no prevResult: " PLUGIN_NAME
			 " is a chained plugin; put it after the plugin that makes the interface");
}

/*
 * Whether prevResult puts the interface into the container. Some plugins write something other than
 * a path into `sandbox`, for an interface that is in no namespace (AWS: "0").
 */
static bool is_inside(const struct cni_request *req, const struct cni_interface *interface)
{
	return interface->name != NULL && interface->sandbox != NULL &&
	       strcmp(interface->sandbox, req->netns) == 0;
}

/* Whether an interface of this name in the sandbox is one of the attachment's. */
static bool stats_is_ours(const struct cni_request *req, const char *name)
{
	if (strcmp(name, req->attachment.ifname) == 0)
		return true;
	for (size_t i = 0; i < req->prev.n_interfaces; i++)
		if (is_inside(req, &req->prev.interfaces[i]) &&
		    strcmp(req->prev.interfaces[i].name, name) == 0)
			return true;
	return false;
}

/* The baseline: the attachment's interfaces in a sample. */
static int read_baseline(const struct cni_request *req, const struct sample *sample,
			 struct reading *r, struct cni_error *err)
{
	timestamp(r->time);
	for (size_t i = 0; i < sample->n_links; i++) {
		const struct link *l = &sample->links[i];
		struct counters c;

		if (!stats_is_ours(req, l->name))
			continue;
		counters_of(l, &c);
		if (reading_add(r, l->name, l->index, &c))
			return cni_error_nomem(err);
	}
	return 0;
}

/* One more label, if the runtime gives it. Return: @value, or NULL if it is not given. */
static const char *pod_arg(const struct cni_request *req, const char *key, char value[POD_NAME_MAX])
{
	struct cni_error err = {0};
	const int ret = cni_args_get(req->args, key, value, POD_NAME_MAX, &err);

	if (ret < 0)
		plugin_warn(&err);
	return ret > 0 ? value : NULL;
}

static int register_attachment(const struct cni_request *req, const struct stats_config *conf,
			       struct cni_error *err)
{
	cleanup_state struct state state = STATE_NONE;
	cleanup_reading struct reading begin = {0};
	cleanup_sample struct sample sample = {0};
	cleanup_json cJSON *record = NULL;
	cleanup_json cJSON *before = NULL;
	cleanup_close int lock = -1;
	char pod_text[POD_NAME_MAX], pod_namespace_text[POD_NAME_MAX];
	const char *pod, *pod_namespace;
	struct cni_error ignored;

	if (state_open(conf->state_dir, PLUGIN_NAME, req->attachment.network, true, &state, err) <
	    0)
		return -1;
	if (sweep_one(req->netns, NULL, 0, &sample, err) < 0) {
		cni_error_wrap(err, "registered without a baseline");
		plugin_warn(err);
	}
	pod = pod_arg(req, "K8S_POD_NAME", pod_text);
	pod_namespace = pod_arg(req, "K8S_POD_NAMESPACE", pod_namespace_text);
	if (read_baseline(req, &sample, &begin, err) < 0 ||
	    stats_record_make(req, pod, pod_namespace, &begin, &record, err) < 0)
		return -1;
	/* plugin_remember() may be about to write back an older record of the same attachment. */
	lock = state_lock(&state, LOCK_LIMIT_MS, err);
	if (lock < 0)
		return -1;
	if (state_read(&state, &req->attachment, &before, &ignored) > 0)
		closing_finish(before, conf->account_file);
	return state_write(&state, &req->attachment, record, true, err) < 0 ? -1 : 0;
}

static int stats_add(const struct cni_request *req, struct cni_result *result,
		     struct cni_error *err)
{
	struct stats_config conf = {0};
	struct cni_error trouble = {0};

	/* The result first: if it fails, nothing has been registered. */
	if (read_config(req, &conf, err) < 0 || need_prev(req, err) < 0 ||
	    cni_pass_on(req, result, err) < 0)
		return -1;
	if (conf.account_file != NULL && account_check_file(conf.account_file, &trouble) < 0) {
		if (trouble.code == CNI_ERR_CONFIG) {
			*err = trouble;
			return -1;
		}
		plugin_warn(&trouble);
	}
	if (register_attachment(req, &conf, &trouble) < 0) {
		if (trouble.code == CNI_ERR_CONFIG) {
			*err = trouble;
			return -1;
		}
		cni_error_wrap(&trouble, "the attachment is not counted");
		plugin_warn(&trouble);
	}
	return 0;
}

static int stats_del(const struct cni_request *req, struct cni_error *err)
{
	cleanup_state struct state state = STATE_NONE;
	struct stats_config conf = {0};

	struct cni_error trouble = {0};

	if (read_config(req, &conf, err) < 0)
		return -1;
	if (state_open(conf.state_dir, PLUGIN_NAME, req->attachment.network, false, &state,
		       &trouble) == 0 &&
	    (state.fd < 0 ||
	     closing_run(&state, &req->attachment, conf.account_file, "DEL", &trouble) == 0))
		return 0;
	if (trouble.code == CNI_ERR_CONFIG) {
		*err = trouble;
		return -1;
	}
	cni_error_wrap(&trouble, "the account of %s@%s stays open", req->attachment.container_id,
		       req->attachment.ifname);
	plugin_warn(&trouble);
	return 0;
}

int plugin_remember(const char *state_dir, const struct attachment *a, const struct sample *sample,
		    struct cni_error *err)
{
	cleanup_state struct state state = STATE_NONE;
	cleanup_close int lock = -1;
	cleanup_json cJSON *record = NULL;
	cleanup_reading struct reading last = {0};
	struct netns_identity identity;

	if (state_open(state_dir, PLUGIN_NAME, a->network, false, &state, err) < 0)
		return -1;
	if (state.fd < 0)
		return 0;
	lock = state_lock(&state, 0, err);
	if (lock < 0)
		return err->code == CNI_ERR_AGAIN ? 0 : -1;
	switch (state_read(&state, a, &record, err)) {
	case 0:
		return 0;
	case -1:
		return -1;
	}
	/* The path of a record that was left behind may lead to another container's namespace by
	 * now. */
	identity = stats_record_view(record).identity;
	if (identity.cookie && sample->cookie && identity.cookie != sample->cookie)
		return 0;
	if (account_reading(record, sample, &last, err) < 0)
		return -1;
	if (stats_record_set_last(record, &last, err) < 0)
		return -1;
	return state_write(&state, a, record, true, err) < 0 ? -1 : 0;
}

static int stats_check(const struct cni_request *req, struct cni_error *err)
{
	cleanup_sample struct sample sample = {0};
	struct stats_config conf = {0};
	struct cni_error trouble = {0};

	if (read_config(req, &conf, err) < 0 || need_prev(req, err) < 0)
		return -1;
	if (sweep_one(req->netns, NULL, 0, &sample, err) < 0) {
		/* Code 3 means that nothing needs a DEL. But this attachment needs one: its account
		 * is open. */
		if (err->code == CNI_ERR_CONTAINER)
			err->code = CNI_ERR_PLUGIN;
		return -1;
	}
	for (size_t i = 0; i < req->prev.n_interfaces; i++) {
		const struct cni_interface *want = &req->prev.interfaces[i];

		if (is_inside(req, want) && sample_link_named(&sample, want->name) == NULL)
			return cni_error(err, CNI_ERR_PLUGIN,
					 "the interface %s of prevResult is not in the network "
					 "namespace %s",
					 want->name, req->netns);
	}
	if (sample_link_named(&sample, req->attachment.ifname) == NULL)
		return cni_error(err, CNI_ERR_PLUGIN,
				 "the interface %s is not in the network namespace %s",
				 req->attachment.ifname, req->netns);
	if (plugin_remember(conf.state_dir, &req->attachment, &sample, &trouble) < 0)
		plugin_warn(&trouble);
	return 0;
}

struct collection {
	const struct cni_request *req;
	const struct state *state;
	const struct stats_config *conf;
	struct cni_error first; /* the first failure; the others' records are dealt with too */
};

static int collect_one(const struct attachment *a, void *arg, struct cni_error *err)
{
	struct collection *c = arg;

	if (cni_is_valid(c->req, a))
		return 0;
	if (closing_run(c->state, a, c->conf->account_file, "GC", err) < 0 && !c->first.code)
		c->first = *err;
	return 0;
}

static int stats_gc(const struct cni_request *req, struct cni_error *err)
{
	cleanup_state struct state state = STATE_NONE;
	struct stats_config conf = {0};
	struct collection c = {.req = req, .state = &state, .conf = &conf};

	if (read_config(req, &conf, err) < 0 ||
	    state_open(conf.state_dir, PLUGIN_NAME, req->attachment.network, false, &state, err) <
		    0 ||
	    state_each(&state, collect_one, &c, err) != 0)
		return -1;
	if (c.first.code) {
		*err = c.first;
		return -1;
	}
	return 0;
}

static int stats_status(const struct cni_request *req, struct cni_error *err)
{
	cleanup_state struct state state = STATE_NONE;
	struct stats_config conf = {0};

	if (read_config(req, &conf, err) < 0)
		return -1;
	if (state_open(conf.state_dir, PLUGIN_NAME, req->attachment.network, true, &state, err) <
		    0 ||
	    (conf.account_file != NULL && account_check_file(conf.account_file, err) < 0)) {
		err->code = CNI_ERR_UNAVAILABLE;
		return -1;
	}
	return 0;
}

const struct cni_plugin stats_plugin = {
	.name = PLUGIN_NAME,
	.about = "counts what each attachment sends and receives",
	.oldest = CNI_0_3_0,
	.add = stats_add,
	.del = stats_del,
	.check = stats_check,
	.gc = stats_gc,
	.status = stats_status,
};
