/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's side of the path to a container: routes, and a sysctl. */
#ifndef PORTMAP_HOST_H
#define PORTMAP_HOST_H

#include <net/if.h>
#include <stdbool.h>

#include "address.h"
#include "error.h"
#include "netlink.h"

struct host_route {
	bool local;            /* an address of this host */
	char device[IFNAMSIZ]; /* by which it is reached; "": not at all */
};

/**
 * host_route() - how this host would send to an address (rtnetlink(7), RTM_GETROUTE).
 *
 * Return: 0, or -1 CNI_ERR_IO. Having no route is not an error.
 */
int host_route(const struct ip_address *address, struct host_route *route, struct cni_error *err);

/**
 * host_addresses() - the addresses of this host, of a family.
 * @max: how many @out holds
 *
 * Return: 0, or -1 if there are more, or if the kernel did not reply.
 */
int host_addresses(int family, struct ip_address *out, size_t max, size_t *n);

/**
 * host_close_localnet() - put net.ipv4.conf.<device>.route_localnet back to 0.
 *
 * Layout 1 of the table turned it on, and left it on (Documentation/networking/ip-sysctl). Return:
 * 1 if it was on, 0 if it was off or there is no such device, or -1 CNI_ERR_IO.
 */
int host_close_localnet(const char *device, struct cni_error *err);

/* Take a message of a reply: a route (@arg: a struct host_reply), or one more address (@arg: a
 * struct host_addresses). Return: 0. */
struct host_reply {
	int error;    /* errno */
	uint8_t type; /* RTN_UNICAST and so on */
	uint32_t oif; /* index of the interface */
};
int host_on_route(const struct nlmsghdr *nlh, void *arg);

struct host_addresses {
	struct ip_address *out;
	size_t max;
	size_t n; /* max + 1: more */
};
int host_on_address(const struct nlmsghdr *nlh, void *arg);

#endif
