/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "entries.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "array.h"
#include "host.h"

#define LIMIT_MS 2000

struct side {
	struct ip_address src;
	struct ip_address dst;
	uint16_t src_port;
	uint16_t dst_port;
};

bool entries_too_late(const struct entries_search *s)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - s->start.tv_sec) * 1000 + (now.tv_nsec - s->start.tv_nsec) / 1000000 >
	       LIMIT_MS;
}

static void read_entry_address(const struct nlattr *attr, int family, struct ip_address *out)
{
	if ((size_t)nla_len(attr) != ip_address_size(family))
		return;
	out->family = family;
	memcpy(out->bytes, nla_data(attr), ip_address_size(family));
}

static void read_tuple(const struct nlattr *tuple, int family, struct side *side)
{
	const struct nlattr *part;
	const struct nlattr *attr;
	int parts;
	int attrs;

	memset(side, 0, sizeof(*side));
	nla_for_each_nested (part, tuple, parts) {
		nla_for_each_nested (attr, part, attrs) {
			const int type = nla_type(attr);

			if (nla_type(part) == CTA_TUPLE_IP) {
				if (type == CTA_IP_V4_SRC || type == CTA_IP_V6_SRC)
					read_entry_address(attr, family, &side->src);
				if (type == CTA_IP_V4_DST || type == CTA_IP_V6_DST)
					read_entry_address(attr, family, &side->dst);
			} else if (nla_type(part) == CTA_TUPLE_PROTO) {
				if (type == CTA_PROTO_SRC_PORT)
					side->src_port = ntohs(netlink_u16(attr));
				if (type == CTA_PROTO_DST_PORT)
					side->dst_port = ntohs(netlink_u16(attr));
			}
		}
	}
}

static bool is_local(struct entries_search *s, const struct ip_address *address)
{
	struct host_route route;
	struct cni_error ignored;

	if (!ip_address_equal(address, &s->last)) {
		s->last = *address;
		s->last_local = host_route(address, &route, &ignored) == 0 && route.local;
	}
	return s->last_local;
}

bool entries_may_be_of(const struct entries_search *s, const struct mapping *m)
{
	return m->protocol == IPPROTO_UDP &&
	       (m->host_family == AF_UNSPEC || m->host_family == s->family);
}

/* Whether one of the mappings redirected the entry, or would have. */
static bool concerns(struct entries_search *s, const struct side *original,
		     const struct side *reply)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct mapping *m = &s->mappings[i];

		if (!entries_may_be_of(s, m) || m->host_port != original->dst_port)
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

static void add_victim(struct entries_search *s, const struct nlattr *tuple, uint32_t id,
		       uint16_t zone)
{
	struct entries_victim *victim;

	if (tuple->nla_len > sizeof(victim->tuple))
		return;
	if (!array_reserve(s->victims, s->size, s->n_victims, 1)) {
		s->error = ENOMEM;
		return;
	}
	victim = &s->victims[s->n_victims++];
	victim->id = id;
	victim->zone = zone;
	victim->len = tuple->nla_len;
	memcpy(victim->tuple, tuple, tuple->nla_len);
}

int entries_on_reply(const struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *attrs[CTA_MAX + 1];
	struct entries_search *s = arg;
	struct side original;
	struct side reply = {0};

	if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE)
		s->error = netlink_errno(nlh);
	if (entries_too_late(s)) {
		errno = ETIMEDOUT;
		return -1;
	}
	if (nlh->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW) ||
	    !netlink_parse(nlh, sizeof(struct nfgenmsg), attrs, CTA_MAX) ||
	    attrs[CTA_TUPLE_ORIG] == NULL)
		return 0;
	read_tuple(attrs[CTA_TUPLE_ORIG], s->family, &original);
	if (attrs[CTA_TUPLE_REPLY] != NULL)
		read_tuple(attrs[CTA_TUPLE_REPLY], s->family, &reply);
	if (concerns(s, &original, &reply))
		add_victim(s, attrs[CTA_TUPLE_ORIG], netlink_u32(attrs[CTA_ID]),
			   netlink_u16(attrs[CTA_ZONE]));
	return 0;
}
