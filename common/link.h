/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Links, addresses, routes and counters: rtnetlink(7) over netlink.h. All functions take a socket
 * that netlink_open() made with NETLINK_ROUTE.
 *
 * libnl-route-3 is not used, because its caches dump a whole namespace to find one link, and
 * loading it costs a plugin a third of a millisecond.
 */
#ifndef USERNET_LINK_H
#define USERNET_LINK_H

#include <linux/if_link.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "error.h"
#include "netlink.h"

#define HWADDR_MAX 32 /* MAX_ADDR_LEN of the kernel */

/* A link. It has no pointers, so that a child process can hand one on as bytes. */
struct link {
	int index;
	char name[IFNAMSIZ];
	char qdisc[IFNAMSIZ];
	char kind[16];      /* "tun", "veth", ...; "" for a physical one */
	unsigned int flags; /* IFF_UP and so on: netdevice(7) */
	uint16_t type;      /* ARPHRD_ETHER and so on */
	uint8_t operstate;  /* RFC 2863 */
	uint8_t linkmode;
	uint8_t hwaddr_len, broadcast_len; /* 0: none */
	uint8_t hwaddr[HWADDR_MAX], broadcast[HWADDR_MAX];
	uint32_t mtu; /* bytes */
	uint32_t txqlen;
	uint32_t group;
	int32_t master; /* index; 0: none */
	int32_t peer;   /* IFLA_LINK: the index of the link that a veth or vlan leads to; 0: none */
	int32_t peer_netnsid; /* the id of the namespace of that peer; -1: this namespace */
	uint32_t carrier_changes;
	struct rtnl_link_stats64 stats;
};

/* Read a link by its name. Return: 1 with @link filled, 0 when there is none, -1 CNI_ERR_IO. */
int link_get(struct netlink *nl, const char *name, struct link *link, struct cni_error *err);

/**
 * link_watch() - get notifications of links that appear and change on this socket from now on.
 *
 * Until link_unwatch() the socket is only for link_appeared(), and it is readable when there are
 * notifications. Return: 0, or -1 CNI_ERR_IO.
 */
int link_watch(struct netlink *nl, struct cni_error *err);

/**
 * link_appeared() - read notifications, without waiting, until link @name has appeared.
 *
 * Return: 1 with @link filled; 0 when it has not appeared yet; -1 CNI_ERR_IO when notifications
 * were lost, and it may have appeared.
 */
int link_appeared(struct netlink *nl, const char *name, struct link *link, struct cni_error *err);

/* Whether a link that link_get() or link_appeared() has filled still exists under its name. Does
 * not wait for locks. */
bool link_is_there(struct netlink *nl, const struct link *link);

/* End the notifications and drop those that are unread. The socket is then as netlink_open() made
 * it. */
void link_unwatch(struct netlink *nl);

/**
 * link_each() - call @fn for every link.
 * @fn:      returns 0, or a negative value that ends the listing
 * @restart: as in netlink_dump(): the list was disturbed, and comes again from its beginning
 *
 * Return: 0, @fn's negative value, or -1 CNI_ERR_IO. link_each_address() and link_each_route() do
 * the same for addresses and routes.
 */
int link_each(struct netlink *nl, int (*fn)(const struct link *link, void *arg),
	      void (*restart)(void *arg), void *arg, struct cni_error *err);

struct link_address {
	int index; /* of the link */
	uint8_t scope;
	uint32_t flags; /* IFA_F_TENTATIVE and so on */
	struct ip_prefix prefix;
};
int link_each_address(struct netlink *nl, int (*fn)(const struct link_address *address, void *arg),
		      void (*restart)(void *arg), void *arg, struct cni_error *err);

struct link_route {
	int index;            /* of the outgoing link; 0: none */
	struct ip_prefix dst; /* a length of 0: the default route */
	bool has_gateway;
	struct ip_address gateway;
	uint32_t table;
	uint32_t priority;
};
/* Unicast routes of all tables except the local one. */
int link_each_route(struct netlink *nl, int (*fn)(const struct link_route *route, void *arg),
		    void (*restart)(void *arg), void *arg, struct cni_error *err);

/*
 * A batch of requests. They are sent to the kernel in one message, executed in order, and each is
 * acknowledged. A batch is not atomic, because rtnetlink is not: after a refusal the rest is
 * executed too, and link_batch_commit() names the first request that was refused.
 */
struct link_batch;
struct link_batch *link_batch_new(void);
void link_batch_free(struct link_batch *batch);

/* Each function adds a request. A failure (out of memory) is kept, and link_batch_commit() reports
 * it. */
void link_batch_up(struct link_batch *batch, int index);
/* Set MTU (0: leave it as it is) and MAC address (NULL: leave it), and bring the link up. */
void link_batch_configure(struct link_batch *batch, int index, uint32_t mtu, const uint8_t *mac);
/* An IPv6 address skips duplicate address detection (IFA_F_NODAD), so it is usable at once. */
void link_batch_add_address(struct link_batch *batch, int index, const struct ip_prefix *prefix);
/* A dst of length 0 means the default route. An IPv4 route that exists already stays the first. */
void link_batch_add_route(struct link_batch *batch, int index, const struct ip_prefix *dst,
			  const struct ip_address *gateway);

/* Send the requests and read all acknowledgements. Return: 0, or -1 CNI_ERR_IO with a message that
 * names a refused request. */
int link_batch_commit(struct link_batch *batch, struct netlink *nl, struct cni_error *err);

static inline void cleanup_link_batch_(struct link_batch **batch)
{
	link_batch_free(*batch);
}
#define cleanup_link_batch __attribute__((cleanup(cleanup_link_batch_)))

#endif
