/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CHECK compares prevResult with what there is. Only our part counts: the interface named
 * CNI_IFNAME in CNI_NETNS, addresses that point at it, and, since a later plugin of the list may
 * have changed routes, just those routes that prevResult still lists. The result of ADD was
 * readable; so if our part of prevResult is not, it is not as it was added. What other plugins put
 * there is not checked.
 */
#include "plugin.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "config.h"
#include "daemon.h"
#include "hostdns.h"
#include "link.h"
#include "netns.h"
#include "orphan.h"
#include "record.h"
#include "slirp_api.h"

#define API_LIMIT_MS 2000

/*
 * Code 3 tells the runtime that there is nothing to DEL. So it is not used where only the record is
 * lost, nor, below, where the namespace has gone and its daemon still runs.
 */
static int no_record(const struct cni_request *req, const struct slirp_attachment *a,
		     struct cni_error *err)
{
	cleanup_process struct process daemon = PROCESS_NONE;
	pid_t suspect = 0;
	const int found = orphan_find(req->netns, a, &daemon, &suspect);

	if (found > 0 || suspect != 0)
		return cni_error(err, ERR_CHECK,
				 "there is no record of %s@%s in network %s, but its slirp4netns "
				 "runs (process %d): delete and add it anew",
				 req->attachment.container_id, req->attachment.ifname,
				 req->attachment.network,
				 (int)(found > 0 ? daemon.id.pid : suspect));
	return cni_error(err, CNI_ERR_CONTAINER,
			 "there is no record of %s@%s in network %s: it was not added, or has been "
			 "deleted",
			 req->attachment.container_id, req->attachment.ifname,
			 req->attachment.network);
}

static int check_daemon(const struct cni_request *req, const struct config *config,
			struct slirp_attachment *a, struct cni_error *err)
{
	cleanup_state struct state state = STATE_NONE;
	cleanup_process struct process daemon = PROCESS_NONE;
	struct process_id id;
	int running;

	if (state_open(config->state_dir, PLUGIN_NAME, req->attachment.network, false, &state,
		       err) < 0)
		return -1;
	slirp_attachment_init(a, &state, &req->attachment);
	running = slirp_record_read(&state, a, &id, err);
	if (running < 0)
		return -1;
	if (running == 0)
		return no_record(req, a, err);
	running = process_open(&id, &daemon, err);
	if (running == 0) {
		cni_error(
			err, ERR_CHECK,
			"slirp4netns of %s@%s (process %d) has ended, on its own or killed (by the "
			"kernel out of memory?); the container has no network any more: delete and "
			"add it anew",
			req->attachment.container_id, req->attachment.ifname, (int)id.pid);
		daemon_log_details(&state, a, err);
		return -1;
	}
	if (running > 0 && config->built_in_dns)
		return hostdns_check(id.pid, err);
	return running < 0 ? -1 : 0;
}

static int check_api(const struct slirp_attachment *a, struct cni_error *err)
{
	cleanup_json cJSON *request = cJSON_CreateObject();
	cleanup_json cJSON *reply = NULL;

	if (cJSON_AddStringToObject(request, "execute", "list_hostfwd") == NULL)
		return cni_error_nomem(err);
	if (slirp_api_call(a->socket, request, API_LIMIT_MS, &reply, err) < 0) {
		err->code = ERR_CHECK;
		return -1;
	}
	if (slirp_api_error(reply) != NULL)
		return cni_error(err, ERR_CHECK, "slirp4netns refuses to list its ports: %.100s",
				 slirp_api_error(reply));
	return 0;
}

static int check_interface(const struct cni_interface *interface, const struct link *link,
			   struct cni_error *err)
{
	uint8_t mac[6];

	if (!(link->flags & IFF_UP))
		return cni_error(err, ERR_CHECK, "the interface %s is down", link->name);
	if (interface->mac != NULL &&
	    (mac_parse(interface->mac, mac) < 0 || memcmp(mac, link->hwaddr, sizeof(mac)) != 0))
		return cni_error(err, ERR_CHECK,
				 "the interface %s does not have the MAC of prevResult, %s",
				 link->name, interface->mac);
	if (interface->mtu != 0 && interface->mtu != link->mtu)
		return cni_error(err, ERR_CHECK,
				 "the interface %s has MTU %u, but prevResult says %u", link->name,
				 link->mtu, interface->mtu);
	return 0;
}

struct find_prefix {
	int index;
	struct ip_prefix want;
	bool found;
};

static int match_prefix(const struct link_address *address, void *arg)
{
	struct find_prefix *find = arg;

	if (address->index == find->index && address->prefix.length == find->want.length &&
	    ip_address_equal(&address->prefix.address, &find->want.address))
		find->found = true;
	return 0;
}

static int check_addresses(struct netlink *sk, const struct cni_result *prev, int interface,
			   const struct link *link, struct cni_error *err)
{
	for (size_t i = 0; i < prev->n_ips; i++) {
		const struct cni_ip *ip = &prev->ips[i];
		struct find_prefix find = {.index = link->index};

		if (ip->interface != interface)
			continue;
		if (result_require(prev, "ips", (int)i, "address", err) < 0)
			return -1;
		if (ip_prefix_parse(ip->address, &find.want) == 0 &&
		    link_each_address(sk, match_prefix, NULL, &find, err) < 0)
			return -1;
		if (!find.found)
			return cni_error(err, ERR_CHECK,
					 "the interface %s does not have the address %s of "
					 "prevResult",
					 link->name, ip->address);
	}
	return 0;
}

struct find_route {
	int index;
	struct ip_prefix dst;
	bool has_gateway;
	struct ip_address gateway;
	int64_t table; /* -1: any */
	bool found;
};

static int match_route(const struct link_route *route, void *arg)
{
	struct find_route *find = arg;

	if (route->index == find->index && route->dst.length == find->dst.length &&
	    ip_address_equal(&route->dst.address, &find->dst.address) &&
	    (find->table < 0 || find->table == route->table) &&
	    (!find->has_gateway ||
	     (route->has_gateway && ip_address_equal(&route->gateway, &find->gateway))))
		find->found = true;
	return 0;
}

/* Whether a route of prevResult goes through this interface: its gateway is in one of our networks.
 */
static bool check_is_ours(const struct cni_result *prev, int interface,
			  const struct ip_address *gateway)
{
	for (size_t i = 0; i < prev->n_ips; i++) {
		struct ip_prefix ours;

		if (prev->ips[i].interface == interface && prev->ips[i].address != NULL &&
		    ip_prefix_parse(prev->ips[i].address, &ours) == 0 &&
		    ip_prefix_contains(&ours, gateway))
			return true;
	}
	return false;
}

static int check_routes(struct netlink *sk, const struct cni_result *prev, int interface,
			const struct link *link, struct cni_error *err)
{
	for (size_t i = 0; i < prev->n_routes; i++) {
		const struct cni_route *route = &prev->routes[i];
		struct find_route find = {.index = link->index, .table = route->table};

		if (route->dst == NULL || route->gw == NULL ||
		    ip_prefix_parse(route->dst, &find.dst) < 0 ||
		    ip_address_parse(route->gw, &find.gateway) < 0 ||
		    !check_is_ours(prev, interface, &find.gateway))
			continue;
		find.has_gateway = true;
		if (link_each_route(sk, match_route, NULL, &find, err) < 0)
			return -1;
		if (!find.found)
			return cni_error(
				err, ERR_CHECK,
				"the route to %s through %s of prevResult is missing on %s",
				route->dst, route->gw, link->name);
	}
	return 0;
}

/* Up to 0.2.0 a result has no interfaces; CHECK came with 0.4.0, so ours must be listed. */
static int check_network(const struct cni_request *req, struct cni_error *err)
{
	cleanup_netns struct netns ns = NETNS_NONE;
	cleanup_netlink struct netlink *sk = NULL;
	const int interface = result_find_interface(&req->prev, req->attachment.ifname, req->netns);
	struct link link;
	int present;

	if (interface < 0 && result_require(&req->prev, "interfaces", RESULT_ANY, "name", err) < 0)
		return -1;
	if (interface < 0)
		return cni_error(err, CNI_ERR_CONFIG,
				 "prevResult has no interface %s in the sandbox %s",
				 req->attachment.ifname, req->netns);
	if (netns_open(req->netns, &ns, err) < 0) {
		if (err->code == CNI_ERR_CONTAINER)
			err->code = ERR_CHECK;
		return cni_error_wrap(err, "CNI_NETNS");
	}
	sk = netlink_open(&ns, NETLINK_ROUTE, err);
	if (sk == NULL)
		return -1;
	present = link_get(sk, req->attachment.ifname, &link, err);
	if (present < 0)
		return -1;
	if (present == 0)
		return cni_error(err, ERR_CHECK, "the interface %s is not in %s any more",
				 req->attachment.ifname, req->netns);
	if (result_require(&req->prev, "interfaces", interface, NULL, err) < 0 ||
	    result_require(&req->prev, "ips", RESULT_WHOLE, NULL, err) < 0 ||
	    result_require(&req->prev, "routes", RESULT_WHOLE, NULL, err) < 0 ||
	    check_interface(&req->prev.interfaces[interface], &link, err) < 0 ||
	    check_addresses(sk, &req->prev, interface, &link, err) < 0)
		return -1;
	return check_routes(sk, &req->prev, interface, &link, err);
}

int plugin_check(const struct cni_request *req, struct cni_error *err)
{
	struct slirp_attachment attachment;
	struct config config;

	if (slirp_config_read(req, &config, err) < 0 ||
	    check_daemon(req, &config, &attachment, err) < 0)
		return -1;
	if (check_api(&attachment, err) < 0)
		return -1;
	return check_network(req, err);
}
