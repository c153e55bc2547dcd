/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deleting by a filter is one request since Linux 6.8, and cheap: the kernel passes over the empty
 * buckets of its table (0.15 ms for a quarter of a million). Before that, ctnetlink deletes by
 * exact tuple, or everything; but since Linux 5.8 it dumps by filter. That walk locks each bucket
 * (10 ms), and then each match is deleted by tuple and id; the id keeps a successor of the same
 * tuple alive.
 *
 * A filter has one address, and what is to be forgotten after an ADD are entries to any address of
 * this host, and no others: a connection that passes through to somebody's port of that number
 * must not lose its NAT. So it is a walk per address and mapping, as long as those are few; where
 * they are not, one dump, and we look at each entry ourselves.
 */
#include "conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "cleanup.h"
#include "host.h"
#include "nfnl.h"

#define LIMIT_MS 2000
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

/* An entry that is to go. */
struct victim {
	uint32_t id; /* network order */
	uint16_t zone;
	uint16_t len;
	uint8_t tuple[128]; /* CTA_TUPLE_ORIG, with its header */
};

struct side {
	struct ip_address src;
	struct ip_address dst;
	uint16_t src_port;
	uint16_t dst_port;
};

struct search {
	int family;
	const struct mapping *mappings;
	size_t n;
	const struct ip_address *container; /* NULL: by host */
	struct ip_address last;             /* the last host address that was asked about */
	bool last_local;
	struct victim *victims;
	size_t n_victims;
	size_t size;
	int error;
	struct timespec start;
};

static bool too_late(const struct search *s)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - s->start.tv_sec) * 1000 + (now.tv_nsec - s->start.tv_nsec) / 1000000 >
	       LIMIT_MS;
}

static void conntrack_read_address(const struct nlattr *attr, int family, struct ip_address *out)
{
	if (mnl_attr_get_payload_len(attr) != ip_address_size(family))
		return;
	out->family = family;
	memcpy(out->bytes, mnl_attr_get_payload(attr), ip_address_size(family));
}

static void read_tuple(const struct nlattr *tuple, int family, struct side *side)
{
	const struct nlattr *part;
	const struct nlattr *attr;

	memset(side, 0, sizeof(*side));
	mnl_attr_for_each_nested(part, tuple)
	{
		mnl_attr_for_each_nested(attr, part)
		{
			const uint16_t type = mnl_attr_get_type(attr);

			if (mnl_attr_get_type(part) == CTA_TUPLE_IP) {
				if (type == CTA_IP_V4_SRC || type == CTA_IP_V6_SRC)
					conntrack_read_address(attr, family, &side->src);
				if (type == CTA_IP_V4_DST || type == CTA_IP_V6_DST)
					conntrack_read_address(attr, family, &side->dst);
			} else if (mnl_attr_get_type(part) == CTA_TUPLE_PROTO) {
				if (type == CTA_PROTO_SRC_PORT)
					side->src_port = ntohs(nfnl_get_u16(attr));
				if (type == CTA_PROTO_DST_PORT)
					side->dst_port = ntohs(nfnl_get_u16(attr));
			}
		}
	}
}

static bool is_local(struct search *s, const struct ip_address *address)
{
	struct host_route route;
	struct cni_error ignored;

	if (!ip_address_equal(address, &s->last)) {
		s->last = *address;
		s->last_local = host_route(address, &route, &ignored) == 0 && route.local;
	}
	return s->last_local;
}

/* Whether entries of the family can be the mapping's. */
static bool conntrack_is_asked(const struct search *s, const struct mapping *m)
{
	return m->protocol == IPPROTO_UDP &&
	       (m->host_family == AF_UNSPEC || m->host_family == s->family);
}

/* Whether an entry was, or would have been, redirected by one of the mappings. */
static bool concerns(struct search *s, const struct side *original, const struct side *reply)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct mapping *m = &s->mappings[i];

		if (!conntrack_is_asked(s, m) || m->host_port != original->dst_port)
			continue;
		if (m->one_host && !ip_address_equal(&m->host, &original->dst))
			continue;
		if (s->container == NULL)
			return is_local(s, &original->dst);
		if (reply->src_port == m->container_port &&
		    ip_address_equal(&reply->src, s->container))
			return true;
	}
	return false;
}

static void add_victim(struct search *s, const struct nlattr *tuple, uint32_t id, uint16_t zone)
{
	struct victim *victim;

	if (tuple->nla_len > sizeof(victim->tuple))
		return;
	if (s->n_victims == s->size) {
		const size_t size = s->size * 2 + 64;
		struct victim *more = reallocarray(s->victims, size, sizeof(*more));

		if (more == NULL) {
			s->error = ENOMEM;
			return;
		}
		s->victims = more;
		s->size = size;
	}
	victim = &s->victims[s->n_victims++];
	victim->id = id;
	victim->zone = zone;
	victim->len = tuple->nla_len;
	memcpy(victim->tuple, tuple, tuple->nla_len);
}

static int on_entry(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tuple = NULL;
	const struct nlattr *attr;
	struct search *s = arg;
	struct side original = {0};
	struct side reply = {0};
	uint32_t id = 0;
	uint16_t zone = 0;

	if (nlh->nlmsg_type == NLMSG_ERROR)
		s->error = nfnl_errno(nlh);
	if (too_late(s)) {
		errno = ETIMEDOUT;
		return -1;
	}
	if (nlh->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW))
		return 0;
	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
	{
		switch (mnl_attr_get_type(attr)) {
		case CTA_TUPLE_ORIG:
			tuple = attr;
			read_tuple(attr, s->family, &original);
			break;
		case CTA_TUPLE_REPLY:
			read_tuple(attr, s->family, &reply);
			break;
		case CTA_ID:
			id = nfnl_get_u32(attr);
			break;
		case CTA_ZONE:
			zone = nfnl_get_u16(attr);
			break;
		}
	}
	if (tuple && concerns(s, &original, &reply))
		add_victim(s, tuple, id, zone);
	return 0;
}

static struct nlmsghdr *conntrack_begin(struct nfnl *nl, struct nfnl_buffer *b, uint16_t type,
					uint16_t flags, int family)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(nfnl_put(nl, b));
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = nl->seq;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	*nfg = (struct nfgenmsg){.nfgen_family = (uint8_t)family, .version = NFNETLINK_V0};
	return nlh;
}

/*
 * The filter: UDP entries that went to a host's address and port, or whose answers come from a
 * container's. Without an address, to any; with port 0, every port.
 */
static void put_filter(struct nlmsghdr *nlh, bool reply, int family,
		       const struct ip_address *address, uint16_t port)
{
	struct nlattr *tuple = mnl_attr_nest_start(nlh, reply ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG);
	struct nlattr *part = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	const uint16_t v4 = reply ? CTA_IP_V4_SRC : CTA_IP_V4_DST;
	const uint16_t v6 = reply ? CTA_IP_V6_SRC : CTA_IP_V6_DST;
	uint32_t flags = FILTER_PROTO_NUM;

	if (address) {
		flags |= reply ? FILTER_IP_SRC : FILTER_IP_DST;
		mnl_attr_put(nlh, family == AF_INET ? v4 : v6, ip_address_size(family),
			     address->bytes);
	}
	mnl_attr_nest_end(nlh, part);
	part = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, IPPROTO_UDP);
	if (port) {
		flags |= reply ? FILTER_SRC_PORT : FILTER_DST_PORT;
		mnl_attr_put_u16(nlh, reply ? CTA_PROTO_SRC_PORT : CTA_PROTO_DST_PORT, htons(port));
	}
	mnl_attr_nest_end(nlh, part);
	mnl_attr_nest_end(nlh, tuple);
	part = mnl_attr_nest_start(nlh, CTA_FILTER);
	mnl_attr_put_u32(nlh, CTA_FILTER_ORIG_FLAGS, reply ? 0 : flags);
	mnl_attr_put_u32(nlh, CTA_FILTER_REPLY_FLAGS, reply ? flags : 0);
	mnl_attr_nest_end(nlh, part);
}

static int conntrack_dump(struct nfnl *nl, struct search *s)
{
	cleanup_nfnl_buffer struct nfnl_buffer b = {0};
	struct nlmsghdr *nlh = conntrack_begin(nl, &b, IPCTNL_MSG_CT_GET, NLM_F_DUMP, s->family);

	put_filter(nlh, s->container != NULL, s->family, s->container, 0);
	nfnl_done(&b, nlh);
	if (nfnl_send(nl, &b) < 0 || nfnl_receive(nl, on_entry, s) < 0)
		return -1;
	errno = s->error;
	return s->error ? -1 : 0;
}

static int on_reply(const struct nlmsghdr *nlh, void *arg)
{
	*(int *)arg = nfnl_errno(nlh);
	return 0;
}

/* Delete by filter. Return: 0, or an errno: EINVAL from a kernel that cannot. */
static int delete_matching(struct nfnl *nl, struct search *s, const struct ip_address *address,
			   uint16_t port)
{
	cleanup_nfnl_buffer struct nfnl_buffer b = {0};
	struct nlmsghdr *nlh = conntrack_begin(nl, &b, IPCTNL_MSG_CT_DELETE, 0, s->family);
	int error = 0;

	if (too_late(s))
		return ETIMEDOUT;
	put_filter(nlh, s->container != NULL, s->family, address, port);
	nfnl_done(&b, nlh);
	if (nfnl_send(nl, &b) < 0 || nfnl_receive(nl, on_reply, &error) < 0)
		return errno;
	return error;
}

/* An entry that has gone meanwhile (ENOENT) is what we want. */
static int on_deleted(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	(void)arg;
	return 0;
}

static int conntrack_forget_each(struct nfnl *nl, struct search *s)
{
	cleanup_nfnl_buffer struct nfnl_buffer b = {0};

	for (size_t i = 0; i < s->n_victims; i++) {
		const struct victim *victim = &s->victims[i];
		struct nlmsghdr *nlh = conntrack_begin(nl, &b, IPCTNL_MSG_CT_DELETE, 0, s->family);

		memcpy(mnl_nlmsg_get_payload_tail(nlh), victim->tuple, victim->len);
		nlh->nlmsg_len += MNL_ALIGN(victim->len);
		mnl_attr_put_u32(nlh, CTA_ID, victim->id);
		if (victim->zone)
			mnl_attr_put_u16(nlh, CTA_ZONE, victim->zone);
		nfnl_done(&b, nlh);
		if (i % CHUNK != CHUNK - 1 && i + 1 < s->n_victims)
			continue;
		if (nfnl_send(nl, &b) < 0 || nfnl_receive(nl, on_deleted, NULL) < 0)
			return -1;
		if (too_late(s)) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
	return 0;
}

/* Return: 0, or an errno: E2BIG it would take too many walks. */
static int delete_each(struct nfnl *nl, struct search *s)
{
	struct ip_address addresses[MANY_WALKS];
	size_t n_addresses = 1;
	size_t walks = 0;
	int error = 0;

	if (s->container)
		addresses[0] = *s->container;
	else if (host_addresses(s->family, addresses, MANY_WALKS, &n_addresses) < 0)
		return E2BIG;
	for (size_t i = 0; i < s->n; i++)
		walks += !conntrack_is_asked(s, &s->mappings[i]) ? 0
			 : s->mappings[i].one_host               ? 1
								 : n_addresses;
	if (walks > MANY_WALKS)
		return E2BIG;
	for (size_t i = 0; i < s->n && error == 0; i++) {
		const struct mapping *m = &s->mappings[i];

		if (!conntrack_is_asked(s, m))
			continue;
		if (s->container)
			error = delete_matching(nl, s, s->container, m->container_port);
		else if (m->one_host)
			error = delete_matching(nl, s, &m->host, m->host_port);
		else
			for (size_t k = 0; k < n_addresses && error == 0; k++)
				error = delete_matching(nl, s, &addresses[k], m->host_port);
	}
	return error;
}

static void conntrack_run(struct nfnl *nl, struct search *s)
{
	bool any = false;
	int error;

	for (size_t i = 0; i < s->n; i++)
		any |= conntrack_is_asked(s, &s->mappings[i]);
	if (!any)
		return;
	clock_gettime(CLOCK_MONOTONIC, &s->start);
	error = delete_each(nl, s);
	if (error == E2BIG || error == EINVAL || error == EOPNOTSUPP)
		error = conntrack_dump(nl, s) < 0 || conntrack_forget_each(nl, s) < 0 ? errno : 0;
	if (error)
		fprintf(stderr, "stale UDP entries of connection tracking are left: %s\n",
			strerrordesc_np(error));
	free(s->victims);
}

void conntrack_forget_host(struct nfnl *nl, int family, const struct mapping *mappings, size_t n)
{
	struct search s = {.family = family, .mappings = mappings, .n = n};

	conntrack_run(nl, &s);
}

void conntrack_forget_container(struct nfnl *nl, const struct ip_address *container,
				const struct mapping *mappings, size_t n)
{
	struct search s = {
		.family = container->family,
		.mappings = mappings,
		.n = n,
		.container = container,
	};

	conntrack_run(nl, &s);
}
