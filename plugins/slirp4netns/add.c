/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plugin.h"

#include <netlink/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apart.h"
#include "binary.h"
#include "cleanup.h"
#include "config.h"
#include "daemon.h"
#include "hostdns.h"
#include "link.h"
#include "netns.h"
#include "record.h"

#define LOOPBACK_INDEX 1

/* The result of earlier plugins is passed on, but the lists that ours is added to must be readable.
 */
static int check_prev(const struct cni_request *req, struct cni_error *err)
{
	static const char *const lists[] = {"interfaces", "ips", "routes", "dns"};

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		if (result_require(&req->prev, lists[i], RESULT_WHOLE, NULL, err) < 0)
			return -1;
	return 0;
}

/* The network namespace, proved to be one, and not our own. */
static int open_namespace(const struct cni_request *req, struct netns *ns, struct cni_error *err)
{
	if (netns_open(req->netns, ns, err) < 0)
		return cni_error_wrap(err, "CNI_NETNS");
	if (netns_is_own(ns))
		return cni_error(
			err, CNI_ERR_ENVIRONMENT,
			"CNI_NETNS: %s is the network namespace of the host; the container "
			"needs one of its own",
			req->netns);
	return 0;
}

/*
 * Code 3, "no network namespace there", tells the runtime that there is nothing to clean up. There
 * is something to clean up if an earlier plugin of the list has given a result, or if we have an
 * attachment of that name: its DEL is still to come.
 */
static int something_remains(const struct cni_request *req, const struct config *config,
			     struct cni_error *err)
{
	cleanup_state struct state state = STATE_NONE;
	struct slirp_attachment a;
	struct process_id id;
	struct cni_error ignored;

	if (err->code != CNI_ERR_CONTAINER)
		return -1;
	if (req->has_prev)
		err->code = CNI_ERR_ENVIRONMENT;
	if (state_open(config->state_dir, PLUGIN_NAME, req->attachment.network, false, &state,
		       &ignored) < 0)
		return -1;
	slirp_attachment_init(&a, &state, &req->attachment);
	if (slirp_record_read(&state, &a, &id, &ignored) == 0)
		return -1;
	err->code = ERR_EXISTS;
	return cni_error_wrap(err, "%s@%s of network %s is there already; DEL it first",
			      req->attachment.container_id, req->attachment.ifname,
			      req->attachment.network);
}

static int refuse_existing(struct netlink *sk, const struct cni_request *req, struct cni_error *err)
{
	struct link link;
	const int present = link_get(sk, req->attachment.ifname, &link, err);

	if (present > 0)
		return cni_error(err, ERR_EXISTS,
				 "the interface %s exists already in %s; delete it, or choose "
				 "another CNI_IFNAME",
				 req->attachment.ifname, req->netns);
	return present;
}

/* The interface is configured as soon as it is there, while slirp4netns goes on to confine itself.
 */
struct setup {
	struct netlink *sk;
	const struct cni_request *req;
	const struct config *config;
	struct link link;
	bool done; /* configured, or tried in vain: then @err says why */
	struct cni_error err;
};

/* Addresses, routes and the rest, in one batch. */
static int configure(struct setup *s, struct cni_error *err)
{
	static const struct ip_prefix default4 = {.address.family = AF_INET};
	static const struct ip_prefix default6 = {.address.family = AF_INET6};
	cleanup_link_batch struct link_batch *batch = link_batch_new();
	const struct config *config = s->config;
	const int index = s->link.index;

	if (batch == NULL)
		return cni_error_nomem(err);
	link_batch_up(batch, LOOPBACK_INDEX);
	link_batch_configure(batch, index, config->mtu, config->has_mac ? config->mac : NULL);
	link_batch_add_address(batch, index, &config->address);
	link_batch_add_route(batch, index, &default4, &config->gateway);
	if (config->ipv6) {
		link_batch_add_address(batch, index, &config->address6);
		link_batch_add_route(batch, index, &default6, &config->gateway6);
	}
	if (link_batch_commit(batch, s->sk, err) < 0) {
		/* If the interface has gone meanwhile, its daemon has ended. */
		if (!link_is_there(s->sk, &s->link))
			err->code = ERR_DAEMON;
		return cni_error_wrap(err, "cannot configure %s in %s", s->req->attachment.ifname,
				      s->req->netns);
	}
	if (config->has_mac)
		memcpy(s->link.hwaddr, config->mac, sizeof(config->mac));
	return 0;
}

/* Notifications about links have come. Return: whether to wait for more. */
static bool configure_early(void *arg)
{
	struct setup *s = arg;
	struct cni_error lost;
	const int present = link_appeared(s->sk, s->req->attachment.ifname, &s->link, &lost);

	if (present == 0)
		return true;
	link_unwatch(s->sk);
	if (present > 0) {
		s->done = true;
		configure(s, &s->err);
	}
	return false;
}

/*
 * slirp4netns is ready. The interface is configured now, unless that is done already; then it must
 * still be there.
 */
static int configure_now(struct setup *s, struct cni_error *err)
{
	int present;

	if (s->done && s->err.code != 0) {
		*err = s->err;
		return -1;
	}
	if (s->done) {
		present = link_is_there(s->sk, &s->link);
	} else {
		link_unwatch(s->sk);
		present = link_get(s->sk, s->req->attachment.ifname, &s->link, err);
	}
	if (present < 0)
		return -1;
	if (present == 0)
		return cni_error(err, ERR_DAEMON,
				 "slirp4netns said that it is ready, but there is no interface %s "
				 "in %s",
				 s->req->attachment.ifname, s->req->netns);
	return s->done ? 0 : configure(s, err);
}

static int slirp_fill_interface(const struct cni_request *req, const struct config *config,
				const struct slirp_attachment *a, const struct link *link,
				struct cni_result *result, struct cni_error *err)
{
	struct cni_interface *interface = result_add_interface(result);
	char mac[MAC_TEXT_MAX];

	if (interface == NULL)
		return cni_error_nomem(err);
	interface->name = strdup(req->attachment.ifname);
	interface->mac = strdup(mac_format(link->hwaddr, mac));
	interface->mtu = config->mtu;
	interface->sandbox = strdup(req->netns);
	interface->socket_path = strdup(a->socket);
	if (interface->name == NULL || interface->mac == NULL || interface->sandbox == NULL ||
	    interface->socket_path == NULL)
		return cni_error_nomem(err);
	return 0;
}

/* An address with its gateway, and the default route through it. */
static int slirp_fill_address(const struct ip_prefix *address, const struct ip_address *gateway,
			      struct cni_result *result, struct cni_error *err)
{
	struct cni_ip *ip = result_add_ip(result);
	struct cni_route *route = result_add_route(result);
	char text[IP_PREFIX_TEXT_MAX];

	if (ip == NULL || route == NULL)
		return cni_error_nomem(err);
	ip->family = address->address.family;
	ip->interface = (int)result->n_interfaces - 1;
	ip->address = strdup(ip_prefix_format(address, text));
	ip->gateway = strdup(ip_address_format(gateway, text));
	route->dst = strdup(ip->family == AF_INET ? "0.0.0.0/0" : "::/0");
	route->gw = strdup(text);
	if (ip->address == NULL || ip->gateway == NULL || route->dst == NULL || route->gw == NULL)
		return cni_error_nomem(err);
	return 0;
}

/* Replace @out by a copy of a list of `dns`, if there is one and it is not empty. */
static int copy_list(const cJSON *dns, const char *key, cJSON **out, struct cni_error *err)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(dns, key);

	if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) == 0)
		return 0;
	cJSON_Delete(*out);
	*out = cJSON_Duplicate(list, true);
	return *out == NULL ? cni_error_nomem(err) : 0;
}

/*
 * slirp4netns's own DNS servers, unless the configuration's `dns` names others. Each asks the
 * host's first DNS server of its family, and replies "unreachable" at once if the host has none;
 * then a resolver tries the next one. The host's servers may change while the container runs, so
 * the order is always the same: IPv4, which more hosts have, comes first. A resolver takes three
 * servers; two of them are used here.
 */
static int slirp_fill_dns(const struct config *config, struct cni_result *result,
			  struct cni_error *err)
{
	struct cni_dns *dns = &result->dns;
	const cJSON *domain = cJSON_GetObjectItemCaseSensitive(config->dns, "domain");
	char text4[INET6_ADDRSTRLEN], text6[INET6_ADDRSTRLEN];
	const char *const nameservers[] = {ip_address_format(&config->nameserver, text4),
					   ip_address_format(&config->nameserver6, text6)};

	if (!config->disable_dns) {
		cJSON_Delete(dns->nameservers);
		dns->nameservers = cJSON_CreateStringArray(nameservers, config->ipv6 ? 2 : 1);
		if (dns->nameservers == NULL)
			return cni_error_nomem(err);
	}
	if (copy_list(config->dns, "nameservers", &dns->nameservers, err) < 0 ||
	    copy_list(config->dns, "search", &dns->search, err) < 0 ||
	    copy_list(config->dns, "options", &dns->options, err) < 0)
		return -1;
	if (cJSON_IsString(domain)) {
		free(dns->domain);
		dns->domain = strdup(domain->valuestring);
		if (dns->domain == NULL)
			return cni_error_nomem(err);
	}
	return 0;
}

static int slirp_fill_result(const struct cni_request *req, const struct config *config,
			     const struct slirp_attachment *a, const struct link *link,
			     struct cni_result *result, struct cni_error *err)
{
	/* The result of earlier plugins of the list is passed on, and ours is appended to it. */
	if (cni_pass_on(req, result, err) < 0 ||
	    slirp_fill_interface(req, config, a, link, result, err) < 0 ||
	    slirp_fill_address(&config->address, &config->gateway, result, err) < 0)
		return -1;
	if (config->ipv6 &&
	    slirp_fill_address(&config->address6, &config->gateway6, result, err) < 0)
		return -1;
	return slirp_fill_dns(config, result, err);
}

/* A daemon that has ended by now makes ADD fail. If it ends later, CHECK reports it. */
static int still_runs(const struct process *daemon, struct cni_error *err)
{
	const int ended = process_wait(daemon, 0, err);

	if (ended > 0)
		return cni_error(err, ERR_DAEMON, "slirp4netns ended after it was ready");
	return ended;
}

int plugin_add(const struct cni_request *req, struct cni_result *result, struct cni_error *err)
{
	cleanup_netns struct netns ns = NETNS_NONE;
	cleanup_state struct state state = STATE_NONE;
	cleanup_apart struct apart apart = APART_NONE;
	cleanup_netlink struct netlink *sk = NULL;
	cleanup_process struct process daemon = PROCESS_NONE;
	struct slirp_attachment attachment;
	struct config config;
	struct binary binary;
	struct setup setup = {.req = req, .config = &config};
	struct meanwhile meanwhile = {.fn = configure_early, .arg = &setup};

	if (slirp_config_read(req, &config, err) < 0 || check_prev(req, err) < 0)
		return -1;
	if (open_namespace(req, &ns, err) < 0)
		return something_remains(req, &config, err);
	if (state_open(config.state_dir, PLUGIN_NAME, req->attachment.network, true, &state, err) <
		    0 ||
	    binary_find(config.daemon_path, &state, &binary, err) < 0)
		return -1;
	sk = netlink_open(&ns, NETLINK_ROUTE, err);
	if (sk == NULL || refuse_existing(sk, req, err) < 0 || link_watch(sk, err) < 0)
		return -1;
	if ((ns.userns_fd >= 0 || geteuid() != 0) &&
	    apart_make(&ns, req->attachment.ifname, &apart, err) < 0)
		return -1;
	setup.sk = sk;
	meanwhile.fd = sk->fd;
	slirp_attachment_init(&attachment, &state, &req->attachment);
	if (config.built_in_dns)
		hostdns_warn(&config);
	if (daemon_start(&state, &attachment, &config, &binary, req->netns, &meanwhile, &apart,
			 &daemon, err) < 0)
		return -1;
	if (configure_now(&setup, err) < 0 ||
	    slirp_fill_result(req, &config, &attachment, &setup.link, result, err) < 0 ||
	    still_runs(&daemon, err) < 0) {
		daemon_abort(&state, &attachment, &daemon, err);
		return -1;
	}
	return 0;
}
