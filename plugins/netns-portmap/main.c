/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netns-portmap: publish the ports of the container that the plugins before it in the list have
 * connected. The operations of CNI are here: config.c and narrow.c decide what to publish, and a
 * backend how (backend.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "cleanup.h"
#include "cni.h"
#include "conf.h"
#include "config.h"
#include "narrow.h"
#include "record.h"
#include "siblings.h"

#define FORMER_ATTEMPTS 8

#define cleanup_call __attribute__((cleanup(portmap_unlock)))

/*
 * The first address of each family that the interface has in the container. As in the reference
 * plugin, an address that points at no interface is the container's.
 */
static void find_addresses(const struct cni_request *req, struct ip_address address[2])
{
	const struct cni_result *prev = &req->prev;

	for (size_t i = 0; i < prev->n_ips; i++) {
		const struct cni_ip *ip = &prev->ips[i];
		const struct cni_interface *on =
			ip->interface < 0 ? NULL : &prev->interfaces[ip->interface];
		struct ip_address *slot = &address[ip->family == AF_INET6];
		struct ip_prefix prefix;

		if (ip->address == NULL || slot->family != AF_UNSPEC ||
		    ip_prefix_parse(ip->address, &prefix) < 0)
			continue;
		if (on != NULL && (on->sandbox == NULL || on->name == NULL ||
				   strcmp(on->name, req->attachment.ifname) != 0))
			continue;
		*slot = prefix.address;
	}
}

static int choose(const struct cni_request *req, struct config *config, struct cni_error *err)
{
	for (size_t i = 0; portmap_backends[i] != NULL && config->backend == NULL; i++) {
		const int claimed = portmap_backends[i]->claims != NULL
					    ? portmap_backends[i]->claims(req, config, err)
					    : 1;

		if (claimed < 0)
			return -1;
		if (claimed)
			config->backend = portmap_backends[i];
	}
	return 0;
}

/*
 * If the record cannot be read (a full disk, an editor, a newer version), each backend looks for
 * what belongs to the attachment.
 */
static int portmap_recover(struct call *call, struct cni_error *err)
{
	fprintf(stderr, "%s: looking for what is published instead\n", err->msg);
	for (size_t i = 0; portmap_backends[i] != NULL; i++)
		if (portmap_backends[i]->recover != NULL &&
		    portmap_backends[i]->recover(call, err) < 0)
			return -1;
	return state_remove(call->state, &call->attachment, err);
}

/*
 * Withdraw what the attachment has and remove its record. The lock is held at the beginning, and
 * may have been released at the end. Return: 1, 0 if there was no record, or -1.
 */
static int portmap_withdraw(struct call *call, struct cni_error *err)
{
	cleanup_json cJSON *record = NULL;
	const struct backend *backend = NULL;
	int found = state_read(call->state, &call->attachment, &record, err);

	if (found == 0)
		return 0;
	if (found > 0)
		backend = portmap_backend_of(record, err);
	if (backend != NULL)
		found = backend->del(call, record, err);
	if ((found < 0 || backend == NULL) && err->code == CNI_ERR_DECODE)
		found = portmap_recover(call, err);
	return found < 0 ? -1 : 1;
}

/*
 * Remove a record from before, of an ADD that was killed or of an attachment that was never
 * deleted, and withdraw its ports. That may mean waiting for a daemon without the lock, so the
 * record is looked for again.
 */
static int remove_former(struct call *call, struct cni_error *err)
{
	for (int attempt = 0; attempt < FORMER_ATTEMPTS; attempt++) {
		int found;

		if (portmap_lock(call, err) < 0)
			return -1;
		found = portmap_withdraw(call, err);
		if (found <= 0)
			return found;
		portmap_unlock(call);
	}
	return cni_error(err, CNI_ERR_AGAIN,
			 "another ADD of container %.100s, interface %s, is under way",
			 call->attachment.container_id, call->attachment.ifname);
}

static int portmap_publish(struct call *call, struct cni_error *err)
{
	int published = remove_former(call, err);

	if (published == 0)
		published = call->config->backend->add(call, err);
	portmap_unlock(call);
	return published;
}

static int portmap_add(const struct cni_request *req, struct cni_result *result,
		       struct cni_error *err)
{
	cleanup_portmap_config struct config config = {0};
	cleanup_state struct state state = STATE_NONE;
	cleanup_call struct call call = {
		.req = req,
		.attachment = req->attachment,
		.config = &config,
		.state = &state,
		.lock = -1,
	};

	if (portmap_config_read(req, &config, err) < 0)
		return -1;
	if (!req->has_prev)
		return cni_error(err, CNI_ERR_CONFIG,
				 "no prevResult: put " PLUGIN_NAME
				 " behind the plugin that makes the interface, in a list");
	if (cni_pass_on(req, result, err) < 0)
		return -1;
	if (config.n_mappings == 0)
		return 0;
	find_addresses(req, call.address);
	if (call.address[0].family == AF_UNSPEC && call.address[1].family == AF_UNSPEC)
		return result_require(&req->prev, "ips", RESULT_ANY, "address", err) < 0
			       ? -1
			       : cni_error(err, CNI_ERR_CONFIG,
					   "prevResult has no address of interface %s in the "
					   "container: "
					   "nowhere to forward to",
					   req->attachment.ifname);
	if (choose(req, &config, err) < 0 ||
	    portmap_narrow(&call, &config, config.backend, true, err) < 0 ||
	    state_open(config.state_dir, PLUGIN_NAME, req->attachment.network, true, &state, err) <
		    0)
		return -1;
	if (portmap_publish(&call, err) == 0)
		return 0;
	if (err->code != ERR_TAKEN || siblings_take(&call, &config) == 0)
		return -1;
	return config.n_mappings == 0 ? 0 : portmap_publish(&call, err);
}

static int delete_attachment(const struct cni_request *req, const struct config *config,
			     const struct state *state, const struct attachment *a,
			     struct cni_error *err)
{
	cleanup_call struct call call = {
		.req = req,
		.attachment = *a,
		.config = config,
		.state = state,
		.lock = -1,
	};

	return portmap_lock(&call, err) < 0 || portmap_withdraw(&call, err) < 0 ? -1 : 0;
}

static int portmap_del(const struct cni_request *req, struct cni_error *err)
{
	struct config config;
	cleanup_state struct state state = STATE_NONE;

	if (portmap_config_read_basics(req, &config, err) < 0 ||
	    state_open(config.state_dir, PLUGIN_NAME, req->attachment.network, false, &state, err) <
		    0)
		return -1;
	if (state.fd < 0)
		return 0;
	return delete_attachment(req, &config, &state, &req->attachment, err);
}

/* Whether everything that is asked for is recorded; the backend looks at what is recorded. */
static int check_asked(const struct config *config, const cJSON *record, struct cni_error *err)
{
	cleanup_free struct mapping *recorded = NULL;
	const struct mapping *missing;
	char text[MAPPING_TEXT_MAX];
	size_t n;

	if (mappings_read_record(json_get(record, "mappings"), &recorded, &n, err) < 0)
		return cni_error_wrap(err, "the record");
	if (mappings_compare(config->mappings, config->n_mappings, recorded, n, &missing, err) < 0)
		return -1;
	if (missing != NULL)
		return cni_error(err, ERR_CHECK,
				 "host port %s is not published to container port %u: ADD did not "
				 "publish it",
				 mapping_format(missing, text), missing->container_port);
	return 0;
}

static int portmap_check(const struct cni_request *req, struct cni_error *err)
{
	cleanup_portmap_config struct config config = {0};
	cleanup_state struct state state = STATE_NONE;
	cleanup_json cJSON *record = NULL;
	const struct backend *backend;
	struct call call = {
		.req = req,
		.attachment = req->attachment,
		.config = &config,
		.state = &state,
		.lock = -1,
	};
	int found;

	if (portmap_config_read(req, &config, err) < 0)
		return -1;
	if (!req->has_prev)
		return cni_error(err, CNI_ERR_CONFIG, "no prevResult to check against");
	if (config.n_mappings == 0)
		return 0;
	if (state_open(config.state_dir, PLUGIN_NAME, req->attachment.network, false, &state, err) <
	    0)
		return -1;
	found = state.fd < 0 ? 0 : state_read(&state, &req->attachment, &record, err);
	if (found < 0 || (found == 0 && choose(req, &config, err) < 0))
		return -1;
	backend = found == 0 ? config.backend : portmap_backend_of(record, err);
	find_addresses(req, call.address);
	if (backend == NULL || portmap_narrow(&call, &config, backend, false, err) < 0)
		return -1;
	if (found == 0 && siblings_take(&call, &config) > 0 && config.n_mappings == 0)
		return 0;
	if (found == 0)
		return cni_error(
			err, ERR_CHECK,
			"nothing is published for container %.100s, interface %s: there is "
			"no record of it",
			req->attachment.container_id, req->attachment.ifname);
	if (check_asked(&config, record, err) < 0 &&
	    (siblings_take(&call, &config) == 0 || check_asked(&config, record, err) < 0))
		return -1;
	return backend->check(&call, record, err);
}

struct collection {
	const struct cni_request *req;
	const struct config *config;
	const struct state *state;
	int failed;
};

/* An attachment that cannot be removed does not keep the others from being removed. */
static int portmap_collect(const struct attachment *a, void *arg, struct cni_error *err)
{
	struct collection *c = arg;
	struct cni_error mine;

	if (cni_is_valid(c->req, a))
		return 0;
	if (delete_attachment(c->req, c->config, c->state, a, &mine) < 0 && c->failed++ == 0)
		*err = mine;
	return 0;
}

static int portmap_gc(const struct cni_request *req, struct cni_error *err)
{
	struct config config;
	cleanup_state struct state state = STATE_NONE;
	struct collection c = {.req = req, .config = &config, .state = &state};
	struct cni_error ignored; /* the first failure is the one that is reported */
	int value = 0;

	if (portmap_config_read_basics(req, &config, err) < 0 ||
	    state_open(config.state_dir, PLUGIN_NAME, req->attachment.network, false, &state, err) <
		    0)
		return -1;
	if (state.fd >= 0 && state_each(&state, portmap_collect, &c, err) < 0)
		return -1;
	for (size_t i = 0; portmap_backends[i] != NULL; i++) {
		struct cni_error *where = c.failed ? &ignored : err;

		if (portmap_backends[i]->sweep != NULL &&
		    portmap_backends[i]->sweep(req, &config, where) < 0)
			value = -1;
	}
	if (c.failed)
		return cni_error_wrap(err, "%d attachments could not be removed", c.failed);
	return value;
}

/*
 * Which backend an attachment will need is not known yet. nf_tables is tried if the configuration
 * names it, or if this user could use it at all.
 */
static int portmap_status(const struct cni_request *req, struct cni_error *err)
{
	cleanup_portmap_config struct config config = {0};
	cleanup_state struct state state = STATE_NONE;

	if (portmap_config_read(req, &config, err) < 0 ||
	    state_open(config.state_dir, PLUGIN_NAME, NULL, true, &state, err) < 0) {
		err->code = CNI_ERR_UNAVAILABLE;
		return -1;
	}
	if (config.backend != NULL && config.backend->status == NULL)
		return 0;
	if (backend_nftables.status(&config, err) == 0 ||
	    (config.backend == NULL && geteuid() != 0))
		return 0;
	err->code = CNI_ERR_UNAVAILABLE;
	return -1;
}

int main(int argc, char **argv)
{
	static const struct cni_plugin plugin = {
		.name = PLUGIN_NAME,
		.about = "publishes a container's ports, through slirp4netns or nf_tables",
		.oldest = CNI_0_3_0,
		.add = portmap_add,
		.del = portmap_del,
		.check = portmap_check,
		.gc = portmap_gc,
		.status = portmap_status,
	};

	return cni_main(&plugin, argc, argv);
}
