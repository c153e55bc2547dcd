/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netns-portmap: publish the ports of the container that the plugins before it in the list have
 * connected. What to publish is read and checked here; how is a backend's (backend.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "cleanup.h"
#include "cni.h"
#include "conf.h"
#include "siblings.h"
#include "table.h"

#define LOCK_MS 60000
#define FORMER_ATTEMPTS 8

/* In the order in which they are asked whether an attachment is theirs; nf_tables takes any. */
static const struct backend *const backends[] = {&backend_slirp4netns, &backend_nftables, NULL};

static const struct backend *backend_by_name(const char *name)
{
	for (size_t i = 0; backends[i]; i++)
		if (strcmp(backends[i]->name, name) == 0)
			return backends[i];
	return NULL;
}

/*
 * Configuration
 */

static void config_free(struct config *config)
{
	free(config->mappings);
}
#define cleanup_config __attribute__((cleanup(config_free)))

/* What the reference plugin passes to iptables. An empty list asks for nothing. */
static int refuse_conditions(const cJSON *conf, const char *key, struct cni_error *err)
{
	const cJSON *conditions = NULL;

	if (conf_get_array(conf, "", key, &conditions, err) < 0)
		return -1;
	if (cJSON_GetArraySize(conditions) == 0)
		return 0;
	return cni_error(
		err, CNI_ERR_FIELD,
		"%s: arguments of iptables mean nothing here; limit a mapping to an address "
		"with its hostIP, or who may connect with a rule of your own in a forward "
		"chain of nf_tables",
		key);
}

static int read_backend(const cJSON *conf, struct config *config, struct cni_error *err)
{
	const char *name = "";

	if (conf_get_string(conf, "", "backend", &name, err) < 0)
		return -1;
	config->backend = *name ? backend_by_name(name) : NULL;
	if (*name && config->backend == NULL)
		return cni_error(
			err, CNI_ERR_FIELD,
			"backend \"%.32s\": there are slirp4netns and nftables%s; left out, "
			"the interface decides",
			name,
			strcmp(name, "iptables") == 0 ? ", which works beside rules of iptables"
						      : "");
	return 0;
}

/* What every operation needs, however wrong the rest is. */
static int config_read_basics(const struct cni_request *req, struct config *config,
			      struct cni_error *err)
{
	*config = (struct config){.snat = true, .mark_bit = TABLE_DEFAULT_MARK_BIT};
	return conf_get_string(req->conf, "", "stateDir", &config->state_dir, err) < 0 ? -1 : 0;
}

static int config_read(const struct cni_request *req, struct config *config, struct cni_error *err)
{
	int64_t bit = TABLE_DEFAULT_MARK_BIT;
	const char *chain = "";
	const cJSON *mappings = NULL;

	if (config_read_basics(req, config, err) < 0 || read_backend(req->conf, config, err) < 0 ||
	    conf_get_bool(req->conf, "", "snat", &config->snat, err) < 0 ||
	    conf_get_bool(req->conf, "", "masqAll", &config->masq_all, err) < 0 ||
	    conf_get_int(req->conf, "", "markMasqBit", 0, 31, &bit, err) < 0 ||
	    refuse_conditions(req->conf, "conditionsV4", err) < 0 ||
	    refuse_conditions(req->conf, "conditionsV6", err) < 0 ||
	    conf_get_string(req->conf, "", "externalSetMarkChain", &chain, err) < 0)
		return -1;
	config->mark_bit = (unsigned int)bit;
	if (*chain)
		return cni_error(err, CNI_ERR_FIELD,
				 "externalSetMarkChain \"%.64s\": chains of iptables are not used; "
				 "leave it out, and set markMasqBit if bit %d is taken",
				 chain, TABLE_DEFAULT_MARK_BIT);
	if (conf_get_array(req->runtime, "runtimeConfig.", "portMappings", &mappings, err) < 0)
		return -1;
	return mappings_read(mappings, "runtimeConfig.portMappings", &config->mappings,
			     &config->n_mappings, err);
}

/*
 * The attachment
 */

void call_unlock(struct call *call)
{
	cleanup_close_(&call->lock);
	call->lock = -1;
}
#define cleanup_call __attribute__((cleanup(call_unlock)))

cJSON *record_new(const char *backend, const struct mapping *mappings, size_t n)
{
	cleanup_json cJSON *record = cJSON_CreateObject();
	cJSON *array;

	if (!cJSON_AddStringToObject(record, "backend", backend))
		return NULL;
	array = mappings_print(mappings, n);
	if (!cJSON_AddItemToObject(record, "mappings", array)) {
		cJSON_Delete(array);
		return NULL;
	}
	return take_ptr(record);
}

int record_write(const struct call *call, const cJSON *record, struct cni_error *err)
{
	return state_write(call->state, call->container_id, call->ifname, record, true, err) < 0
		       ? -1
		       : 0;
}

int record_remove(struct call *call, const cJSON *record, struct cni_error *err)
{
	cleanup_json cJSON *now = NULL;
	int found;

	if (call->lock < 0)
		call->lock = state_lock(call->state, LOCK_MS, err);
	if (call->lock < 0)
		return -1;
	found = state_read(call->state, call->container_id, call->ifname, &now, err);
	if (found <= 0 || !cJSON_Compare(now, record, true))
		return found < 0 ? -1 : 0;
	return state_remove(call->state, call->container_id, call->ifname, err);
}

const struct backend *record_backend(const cJSON *record, struct cni_error *err)
{
	const char *name = "";
	const struct backend *backend = NULL;

	if (conf_get_string(record, "", "backend", &name, err) >= 0)
		backend = backend_by_name(name);
	if (backend == NULL)
		cni_error(err, CNI_ERR_DECODE, "the record has no backend that this plugin knows");
	return backend;
}

/*
 * The first address of each family that the interface has in the container. As for the reference
 * plugin, one that points at no interface is the container's.
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
		if (on &&
		    (on->sandbox == NULL || on->name == NULL || strcmp(on->name, req->ifname) != 0))
			continue;
		*slot = prefix.address;
	}
}

void say_left_out(const struct mapping *m, const char *why)
{
	char text[MAPPING_TEXT_MAX];

	fprintf(stderr, PLUGIN_NAME ": host port %s is left out: %s\n", mapping_format(m, text),
		why);
}

static bool is_lacking(const struct call *call, const struct mapping *m)
{
	return m->host_family != AF_UNSPEC &&
	       call->address[m->host_family == AF_INET6].family == AF_UNSPEC;
}

struct narrowing {
	const struct call *call;
	bool say;
};

static int is_of_no_use(const struct mapping_group *group, size_t index, void *arg,
			struct cni_error *err)
{
	const struct narrowing *narrowing = arg;
	const struct mapping *m = group->members[index];

	(void)err;
	if (!is_lacking(narrowing->call, m))
		return 0;
	if (narrowing->say)
		say_left_out(m, m->host_family == AF_INET6 ? "the container has no IPv6 address"
							   : "the container has no IPv4 address");
	return 1;
}

/*
 * What of a request is to be published. Kubernetes asks for host addresses of both families, also
 * where the container has one: a mapping of the other is left out, as by the reference plugin, but
 * not the last one; then the backend says why it cannot.
 */
static int narrow(const struct call *call, struct config *config, const struct backend *backend,
		  bool say, struct cni_error *err)
{
	struct narrowing narrowing = {.call = call, .say = say};
	bool any = false;

	for (size_t i = 0; i < config->n_mappings && !any; i++)
		any = !is_lacking(call, &config->mappings[i]);
	if (any && mappings_leave_out(config->mappings, &config->n_mappings, is_of_no_use,
				      &narrowing, err) < 0)
		return -1;
	return backend->narrow ? backend->narrow(config, say, err) : 0;
}

static int choose(const struct cni_request *req, struct config *config, struct cni_error *err)
{
	for (size_t i = 0; backends[i] && config->backend == NULL; i++) {
		const int claimed = backends[i]->claims ? backends[i]->claims(req, config, err) : 1;

		if (claimed < 0)
			return -1;
		if (claimed)
			config->backend = backends[i];
	}
	return 0;
}

/*
 * Where the record cannot be read (a full disk, an editor, a newer version), each backend looks for
 * what is the attachment's.
 */
static int recover(struct call *call, struct cni_error *err)
{
	fprintf(stderr, "%s: looking for what is published instead\n", err->msg);
	for (size_t i = 0; backends[i]; i++)
		if (backends[i]->recover && backends[i]->recover(call, err) < 0)
			return -1;
	return state_remove(call->state, call->container_id, call->ifname, err);
}

/*
 * Withdraw what the attachment has and remove its record. The lock is ours at the beginning, and
 * need not be at the end. Return: 1, 0 there was no record, or -1.
 */
static int withdraw(struct call *call, struct cni_error *err)
{
	cleanup_json cJSON *record = NULL;
	const struct backend *backend = NULL;
	int found = state_read(call->state, call->container_id, call->ifname, &record, err);

	if (found == 0)
		return 0;
	if (found > 0)
		backend = record_backend(record, err);
	if (backend)
		found = backend->del(call, record, err);
	if ((found < 0 || backend == NULL) && err->code == CNI_ERR_DECODE)
		found = recover(call, err);
	return found < 0 ? -1 : 1;
}

/*
 * A record from before: of an ADD that was cut short, or never deleted. Its ports go first. That
 * may mean to wait for a daemon, without the lock; so it is looked for again.
 */
static int remove_former(struct call *call, struct cni_error *err)
{
	for (int attempt = 0; attempt < FORMER_ATTEMPTS; attempt++) {
		int found;

		call->lock = state_lock(call->state, LOCK_MS, err);
		if (call->lock < 0)
			return -1;
		found = withdraw(call, err);
		if (found <= 0)
			return found;
		call_unlock(call);
	}
	return cni_error(err, CNI_ERR_AGAIN,
			 "another ADD of container %.100s, interface %s, is under way",
			 call->container_id, call->ifname);
}

static int publish(struct call *call, struct cni_error *err)
{
	int published = remove_former(call, err);

	if (published == 0)
		published = call->config->backend->add(call, err);
	call_unlock(call);
	return published;
}

static int portmap_add(const struct cni_request *req, struct cni_result *result,
		       struct cni_error *err)
{
	cleanup_config struct config config = {0};
	cleanup_state struct state state = STATE_NONE;
	cleanup_call struct call call = {
		.req = req,
		.network = req->network,
		.container_id = req->container_id,
		.ifname = req->ifname,
		.config = &config,
		.state = &state,
		.lock = -1,
	};

	if (config_read(req, &config, err) < 0)
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
					   req->ifname);
	if (choose(req, &config, err) < 0 ||
	    narrow(&call, &config, config.backend, true, err) < 0 ||
	    state_open(config.state_dir, PLUGIN_NAME, req->network, true, &state, err) < 0)
		return -1;
	if (publish(&call, err) == 0)
		return 0;
	if (err->code != ERR_TAKEN || siblings_take(&call, &config) == 0)
		return -1;
	return config.n_mappings == 0 ? 0 : publish(&call, err);
}

static int delete_attachment(const struct cni_request *req, const struct config *config,
			     const struct state *state, const char *container_id,
			     const char *ifname, struct cni_error *err)
{
	cleanup_call struct call call = {
		.req = req,
		.network = req->network,
		.container_id = container_id,
		.ifname = ifname,
		.config = config,
		.state = state,
		.lock = state_lock(state, LOCK_MS, err),
	};

	return call.lock < 0 || withdraw(&call, err) < 0 ? -1 : 0;
}

static int portmap_del(const struct cni_request *req, struct cni_error *err)
{
	struct config config;
	cleanup_state struct state state = STATE_NONE;

	if (config_read_basics(req, &config, err) < 0 ||
	    state_open(config.state_dir, PLUGIN_NAME, req->network, false, &state, err) < 0)
		return -1;
	if (state.fd < 0)
		return 0;
	return delete_attachment(req, &config, &state, req->container_id, req->ifname, err);
}

/* What is recorded is looked at by the backend; is it all that is asked for? */
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
	if (missing)
		return cni_error(err, ERR_CHECK,
				 "host port %s is not published to container port %u: it was not "
				 "when the container was added",
				 mapping_format(missing, text), missing->container_port);
	return 0;
}

static int portmap_check(const struct cni_request *req, struct cni_error *err)
{
	cleanup_config struct config config = {0};
	cleanup_state struct state state = STATE_NONE;
	cleanup_json cJSON *record = NULL;
	const struct backend *backend;
	struct call call = {
		.req = req,
		.network = req->network,
		.container_id = req->container_id,
		.ifname = req->ifname,
		.config = &config,
		.state = &state,
		.lock = -1,
	};
	int found;

	if (config_read(req, &config, err) < 0)
		return -1;
	if (!req->has_prev)
		return cni_error(err, CNI_ERR_CONFIG, "no prevResult to check against");
	if (config.n_mappings == 0)
		return 0;
	if (state_open(config.state_dir, PLUGIN_NAME, req->network, false, &state, err) < 0)
		return -1;
	found = state.fd < 0 ? 0 : state_read(&state, req->container_id, req->ifname, &record, err);
	if (found < 0 || (found == 0 && choose(req, &config, err) < 0))
		return -1;
	backend = found == 0 ? config.backend : record_backend(record, err);
	find_addresses(req, call.address);
	if (backend == NULL || narrow(&call, &config, backend, false, err) < 0)
		return -1;
	if (found == 0 && siblings_take(&call, &config) > 0 && config.n_mappings == 0)
		return 0;
	if (found == 0)
		return cni_error(
			err, ERR_CHECK,
			"nothing is published for container %.100s, interface %s: there is "
			"no record of it",
			req->container_id, req->ifname);
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

/* One that cannot be removed does not keep the others. */
static int collect(const char *container_id, const char *ifname, void *arg, struct cni_error *err)
{
	struct collection *c = arg;
	struct cni_error mine;

	if (cni_is_valid(c->req, container_id, ifname))
		return 0;
	if (delete_attachment(c->req, c->config, c->state, container_id, ifname, &mine) < 0 &&
	    c->failed++ == 0)
		*err = mine;
	return 0;
}

static int portmap_gc(const struct cni_request *req, struct cni_error *err)
{
	struct config config;
	cleanup_state struct state state = STATE_NONE;
	struct collection c = {.req = req, .config = &config, .state = &state};
	struct cni_error ignored; /* the first failure is the one that is told */
	int value = 0;

	if (config_read_basics(req, &config, err) < 0 ||
	    state_open(config.state_dir, PLUGIN_NAME, req->network, false, &state, err) < 0)
		return -1;
	if (state.fd >= 0 && state_each(&state, collect, &c, err) < 0)
		return -1;
	for (size_t i = 0; backends[i]; i++) {
		struct cni_error *where = c.failed ? &ignored : err;

		if (backends[i]->sweep && backends[i]->sweep(req, &config, where) < 0)
			value = -1;
	}
	if (c.failed)
		return cni_error_wrap(err, "%d attachments could not be removed", c.failed);
	return value;
}

/*
 * Which backend an attachment will need is not known yet. nf_tables is asked for where it was
 * named, and where it could be used at all.
 */
static int portmap_status(const struct cni_request *req, struct cni_error *err)
{
	cleanup_config struct config config = {0};
	cleanup_state struct state state = STATE_NONE;

	if (config_read(req, &config, err) < 0 ||
	    state_open(config.state_dir, PLUGIN_NAME, NULL, true, &state, err) < 0) {
		err->code = CNI_ERR_UNAVAILABLE;
		return -1;
	}
	if (config.backend && config.backend->status == NULL)
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
