/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Links, addresses, routes and counters over rtnetlink(7).
 *
 * libnl-3's core (sockets, messages, attributes) does the talking; libnl-route-3 is left out,
 * because its caches dump a whole namespace to find one link, and loading it costs a plugin a third
 * of a millisecond.
 */
#ifndef USERNET_LINK_H
#define USERNET_LINK_H

#include <linux/if_link.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include <netlink/netlink.h>

#include "address.h"
#include "error.h"
#include "netns.h"

struct link {
	int index;
	char name[IFNAMSIZ];
	char kind[16];      /* "tun", "veth", ...; "" for a physical one */
	unsigned int flags; /* IFF_UP and so on: netdevice(7) */
	uint32_t mtu;       /* bytes */
	bool has_mac;
	uint8_t mac[6];
	struct rtnl_link_stats64 stats;
};

/**
 * link_open() - a route netlink socket.
 * @ns: the namespace that it lives in; NULL: this process's own
 *
 * Receiving has a limit of five seconds. Return: a socket (nl_socket_free(3)), or NULL with @err
 * filled.
 */
struct nl_sock *link_open(const struct netns *ns, struct cni_error *err);

static inline void cleanup_nl_sock_(struct nl_sock **sk)
{
	nl_socket_free(*sk);
}
#define cleanup_nl_sock __attribute__((cleanup(cleanup_nl_sock_)))

/* One link by name. Return: 1 with @link filled, 0 there is none, -1 CNI_ERR_IO. */
int link_get(struct nl_sock *sk, const char *name, struct link *link, struct cni_error *err);

/**
 * link_watch() - from now on the kernel tells on this socket about links that come and change.
 *
 * Until link_unwatch() the socket is for link_appeared() alone, and readable when there is news.
 * Return: 0, or -1 CNI_ERR_IO.
 */
int link_watch(struct nl_sock *sk, struct cni_error *err);

/**
 * link_appeared() - read the news, without waiting, until link @name has come.
 *
 * Return: 1 with @link filled, 0 not yet, -1 CNI_ERR_IO (news were lost: it may have come).
 */
int link_appeared(struct nl_sock *sk, const char *name, struct link *link, struct cni_error *err);

/* Whether a link that was got is there still, under its name. Waits for nobody. */
bool link_is_there(struct nl_sock *sk, const struct link *link);

/* No more news, and none left unread: the socket is as link_open() made it. */
void link_unwatch(struct nl_sock *sk);

/* Every link. A negative value of @fn stops. Return: 0, @fn's negative value, or -1 CNI_ERR_IO. */
int link_each(struct nl_sock *sk, int (*fn)(const struct link *link, void *arg), void *arg,
	      struct cni_error *err);

struct link_address {
	int index; /* of the link */
	struct ip_prefix prefix;
	unsigned int flags; /* IFA_F_TENTATIVE and so on */
};
int link_each_address(struct nl_sock *sk, int (*fn)(const struct link_address *address, void *arg),
		      void *arg, struct cni_error *err);

struct link_route {
	int index;            /* of the outgoing link; 0: none */
	struct ip_prefix dst; /* length 0: default */
	bool has_gateway;
	struct ip_address gateway;
	uint32_t table;
	uint32_t priority;
};
/* Unicast routes of the main table and the others, not the local table's. */
int link_each_route(struct nl_sock *sk, int (*fn)(const struct link_route *route, void *arg),
		    void *arg, struct cni_error *err);

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
int link_batch_commit(struct link_batch *batch, struct nl_sock *sk, struct cni_error *err);

static inline void cleanup_link_batch_(struct link_batch **batch)
{
	link_batch_free(*batch);
}
#define cleanup_link_batch __attribute__((cleanup(cleanup_link_batch_)))

#endif
