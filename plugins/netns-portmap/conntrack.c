/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deleting by a filter is one request since Linux 6.8, and cheap: the kernel passes over the empty
 * buckets of its table (0.15 ms for a quarter of a million). Before that, ctnetlink deletes by
 * exact tuple, or everything; but since Linux 5.8 it dumps by filter. That walk locks each bucket
 * (10 ms), and then each match is deleted by tuple and id; because of the id, a successor of the
 * same tuple stays.
 *
 * A filter has one address. But after an ADD, the entries to any address of this host have to be
 * forgotten, and no others: a connection that is forwarded to the same port of another host must
 * not lose its NAT. So there is one walk per address and mapping, as long as those are few;
 * otherwise there is one dump, and each entry is looked at here.
 */
#include "conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "entries.h"
#include "host.h"
#include "netlink.h"

#define MANY_WALKS 48 /* deletions by filter that cost as much as a dump */
#define CHUNK 128     /* deletions in one send: their replies must fit the receive buffer */

/* Bits of CTA_FILTER_ORIG_FLAGS and _REPLY_FLAGS; the kernel has them in no public header. */
enum {
	FILTER_IP_SRC = 1 << 0,
	FILTER_IP_DST = 1 << 1,
	FILTER_PROTO_NUM = 1 << 3,
	FILTER_SRC_PORT = 1 << 4,
	FILTER_DST_PORT = 1 << 5,
};

static struct nl_msg *conntrack_begin(struct netlink_batch *b, uint16_t type, uint16_t flags,
				      int family)
{
	const struct nfgenmsg head = {.nfgen_family = (uint8_t)family, .version = NFNETLINK_V0};

	return netlink_begin(b, NFNL_SUBSYS_CTNETLINK << 8 | type, flags, &head, sizeof(head));
}

/*
 * The filter: UDP entries that went to a host's address and port, or whose replies come from a
 * container's. Without an address, to any; with port 0, every port.
 */
static void put_filter(struct nl_msg *msg, bool reply, int family, const struct ip_address *address,
		       uint16_t port)
{
	struct nlattr *tuple = nla_nest_start(msg, reply ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG);
	struct nlattr *part;
	const int v4 = reply ? CTA_IP_V4_SRC : CTA_IP_V4_DST;
	const int v6 = reply ? CTA_IP_V6_SRC : CTA_IP_V6_DST;
	uint32_t flags = FILTER_PROTO_NUM;

	if (address != NULL) {
		flags |= reply ? FILTER_IP_SRC : FILTER_IP_DST;
		part = nla_nest_start(msg, CTA_TUPLE_IP);
		nla_put(msg, family == AF_INET ? v4 : v6, (int)ip_address_size(family),
			address->bytes);
		nla_nest_end(msg, part);
	}
	part = nla_nest_start(msg, CTA_TUPLE_PROTO);
	nla_put_u8(msg, CTA_PROTO_NUM, IPPROTO_UDP);
	if (port) {
		flags |= reply ? FILTER_SRC_PORT : FILTER_DST_PORT;
		nla_put_u16(msg, reply ? CTA_PROTO_SRC_PORT : CTA_PROTO_DST_PORT, htons(port));
	}
	nla_nest_end(msg, part);
	nla_nest_end(msg, tuple);
	part = nla_nest_start(msg, CTA_FILTER);
	nla_put_u32(msg, CTA_FILTER_ORIG_FLAGS, reply ? 0 : flags);
	nla_put_u32(msg, CTA_FILTER_REPLY_FLAGS, reply ? flags : 0);
	nla_nest_end(msg, part);
}

static int conntrack_dump(struct netlink *nl, struct entries_search *s)
{
	cleanup_netlink_batch struct netlink_batch b = {0};
	struct nl_msg *msg = conntrack_begin(&b, IPCTNL_MSG_CT_GET, NLM_F_DUMP, s->family);

	if (msg != NULL)
		put_filter(msg, s->container != NULL, s->family, s->container, 0);
	netlink_end(&b);
	if (netlink_exchange(nl, &b, entries_on_reply, s) < 0)
		return -1;
	errno = s->error;
	return s->error ? -1 : 0;
}

static int on_reply(const struct nlmsghdr *nlh, void *arg)
{
	*(int *)arg = netlink_errno(nlh);
	return 0;
}

/* Delete by filter. Return: 0, or an errno: EINVAL from a kernel that cannot do this. */
static int delete_matching(struct netlink *nl, struct entries_search *s,
			   const struct ip_address *address, uint16_t port)
{
	cleanup_netlink_batch struct netlink_batch b = {0};
	struct nl_msg *msg;
	int error = 0;

	if (entries_too_late(s))
		return ETIMEDOUT;
	msg = conntrack_begin(&b, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, s->family);
	if (msg != NULL)
		put_filter(msg, s->container != NULL, s->family, address, port);
	netlink_end(&b);
	return netlink_exchange(nl, &b, on_reply, &error) < 0 ? errno : error;
}

static int forget_victims(struct netlink *nl, struct entries_search *s)
{
	cleanup_netlink_batch struct netlink_batch b = {0};

	for (size_t i = 0; i < s->n_victims; i++) {
		const struct entries_victim *victim = &s->victims[i];
		struct nl_msg *msg = conntrack_begin(&b, IPCTNL_MSG_CT_DELETE, 0, s->family);

		if (msg != NULL) {
			nlmsg_append(msg, (void *)(uintptr_t)victim->tuple, victim->len,
				     NLA_ALIGNTO);
			nla_put_u32(msg, CTA_ID, victim->id);
			if (victim->zone)
				nla_put_u16(msg, CTA_ZONE, victim->zone);
		}
		netlink_end(&b);
		if (i % CHUNK != CHUNK - 1 && i + 1 < s->n_victims)
			continue;
		/* An entry that has gone meanwhile (ENOENT) is what we want. */
		if (netlink_exchange(nl, &b, NULL, NULL) < 0)
			return -1;
		if (entries_too_late(s)) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
	return 0;
}

/* Return: 0, or an errno: E2BIG if it would take too many walks. */
static int delete_each(struct netlink *nl, struct entries_search *s)
{
	struct ip_address addresses[MANY_WALKS];
	size_t n_addresses = 1;
	size_t walks = 0;
	int error = 0;

	if (s->container != NULL)
		addresses[0] = *s->container;
	else if (host_addresses(s->family, addresses, MANY_WALKS, &n_addresses) < 0)
		return E2BIG;
	for (size_t i = 0; i < s->n; i++)
		walks += !entries_may_be_of(s, &s->mappings[i]) ? 0
			 : s->mappings[i].one_host              ? 1
								: n_addresses;
	if (walks > MANY_WALKS)
		return E2BIG;
	for (size_t i = 0; i < s->n && error == 0; i++) {
		const struct mapping *m = &s->mappings[i];

		if (!entries_may_be_of(s, m))
			continue;
		if (s->container != NULL)
			error = delete_matching(nl, s, s->container, m->container_port);
		else if (m->one_host)
			error = delete_matching(nl, s, &m->host, m->host_port);
		else
			for (size_t k = 0; k < n_addresses && error == 0; k++)
				error = delete_matching(nl, s, &addresses[k], m->host_port);
	}
	return error;
}

static void conntrack_run(struct netlink *nl, struct entries_search *s)
{
	bool any = false;
	int error;

	for (size_t i = 0; i < s->n; i++)
		any |= entries_may_be_of(s, &s->mappings[i]);
	if (!any)
		return;
	clock_gettime(CLOCK_MONOTONIC, &s->start);
	error = delete_each(nl, s);
	if (error == E2BIG || error == EINVAL || error == EOPNOTSUPP)
		error = conntrack_dump(nl, s) < 0 || forget_victims(nl, s) < 0 ? errno : 0;
	if (error)
		fprintf(stderr, "stale UDP entries of connection tracking are left: %s\n",
			strerrordesc_np(error));
	free(s->victims);
}

void conntrack_forget_host(struct netlink *nl, int family, const struct mapping *mappings, size_t n)
{
	struct entries_search s = {.family = family, .mappings = mappings, .n = n};

	conntrack_run(nl, &s);
}

void conntrack_forget_container(struct netlink *nl, const struct ip_address *container,
				const struct mapping *mappings, size_t n)
{
	struct entries_search s = {
		.family = container->family,
		.mappings = mappings,
		.n = n,
		.container = container,
	};

	conntrack_run(nl, &s);
}
