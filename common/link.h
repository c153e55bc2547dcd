/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Links, addresses, routes and counters: rtnetlink(7) over netlink.h. Sockets are those of
 * netlink_open() with NETLINK_ROUTE.
 *
 * libnl-route-3 is left out, because its caches dump a whole namespace to find one link, and
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

/* Flat, so that a child process can hand one on through a pipe. */
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
	int32_t master;       /* index; 0: none */
	int32_t peer;         /* IFLA_LINK: the index that a veth or vlan leads to; 0: none */
	int32_t peer_netnsid; /* of that peer; -1: this namespace */
	uint32_t carrier_changes;
	struct rtnl_link_stats64 stats;
};

/* One link by name. Return: 1 with @link filled, 0 there is none, -1 CNI_ERR_IO. */
int link_get(struct netlink *nl, const char *name, struct link *link, struct cni_error *err);

/**
 * link_watch() - from now on the kernel tells on this socket about links that come and change.
 *
 * Until link_unwatch() the socket is for link_appeared() alone, and readable when there is news.
 * Return: 0, or -1 CNI_ERR_IO.
 */
int link_watch(struct netlink *nl, struct cni_error *err);

/**
 * link_appeared() - read the news, without waiting, until link @name has come.
 *
 * Return: 1 with @link filled, 0 not yet, -1 CNI_ERR_IO (news were lost: it may have come).
 */
int link_appeared(struct netlink *nl, const char *name, struct link *link, struct cni_error *err);

/* Whether a link that was got is there still, under its name. Waits for nobody. */
bool link_is_there(struct netlink *nl, const struct link *link);

/* No more news, and none left unread: the socket is as netlink_open() made it. */
void link_unwatch(struct netlink *nl);

/**
 * link_each() - every link.
 * @fn:      0, or a negative value that stops
 * @restart: as netlink_dump()'s: the list was disturbed, and comes again from its beginning
 *
 * Return: 0, @fn's negative value, or -1 CNI_ERR_IO. The same for addresses and routes.
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
	struct ip_prefix dst; /* length 0: default */
	bool has_gateway;
	struct ip_address gateway;
	uint32_t table;
	uint32_t priority;
};
/* Unicast routes of the main table and the others, not the local table's. */
int link_each_route(struct netlink *nl, int (*fn)(const struct link_route *route, void *arg),
		    void (*restart)(void *arg), void *arg, struct cni_error *err);

/*
 * A batch: requests that are sent to the kernel in one message, executed in order, each
 * acknowledged. Not atomic (rtnetlink is not): at the first refusal the rest has been executed too,
 * and link_batch_commit() names the first that failed.
 */
struct link_batch;
struct link_batch *link_batch_new(void);
void link_batch_free(struct link_batch *batch);

/* Each adds a request; a failure (out of memory) is kept and reported by link_batch_commit(). */
void link_batch_up(struct link_batch *batch, int index);
/* mtu 0, mac NULL: left as they are. Brings the link up. */
void link_batch_configure(struct link_batch *batch, int index, uint32_t mtu, const uint8_t *mac);
/* IPv6 without duplicate address detection (IFA_F_NODAD): usable at once. */
void link_batch_add_address(struct link_batch *batch, int index, const struct ip_prefix *prefix);
/* dst of length 0 is the default route. An IPv4 route that is there already stays the first. */
void link_batch_add_route(struct link_batch *batch, int index, const struct ip_prefix *dst,
			  const struct ip_address *gateway);

/* Send, collect every acknowledgement. Return: 0, or -1 CNI_ERR_IO naming what was refused. */
int link_batch_commit(struct link_batch *batch, struct netlink *nl, struct cni_error *err);

static inline void cleanup_link_batch_(struct link_batch **batch)
{
	link_batch_free(*batch);
}
#define cleanup_link_batch __attribute__((cleanup(cleanup_link_batch_)))

#endif
