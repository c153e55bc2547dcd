// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * JSON, written as it comes: an array of containers, whose "links" have the names and the nesting
 * of `ip -s -s -j link`, with "addr_info" as `ip -j address` has it.
 *
 * cJSON is not used for this: it keeps numbers as doubles, which are exact up to 2^53 only, and a
 * tree of a thousand namespaces in memory.
 */
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stdio.h>

#include "show.h"

/* IFF_UP and so on under the names and in the order of ip(8). RUNNING shows as NO-CARRIER where it
 * is missing. */
static const struct {
	unsigned int flag;
	const char *name;
} flag_names[] = {
	{IFF_LOOPBACK, "LOOPBACK"},
	{IFF_BROADCAST, "BROADCAST"},
	{IFF_POINTOPOINT, "POINTOPOINT"},
	{IFF_MULTICAST, "MULTICAST"},
	{IFF_NOARP, "NOARP"},
	{IFF_ALLMULTI, "ALLMULTI"},
	{IFF_PROMISC, "PROMISC"},
	{IFF_MASTER, "MASTER"},
	{IFF_SLAVE, "SLAVE"},
	{IFF_DEBUG, "DEBUG"},
	{IFF_DYNAMIC, "DYNAMIC"},
	{IFF_AUTOMEDIA, "AUTOMEDIA"},
	{IFF_PORTSEL, "PORTSEL"},
	{IFF_NOTRAILERS, "NOTRAILERS"},
	{IFF_UP, "UP"},
	{1u << 16, "LOWER_UP"},
	{1u << 17, "DORMANT"},
	{1u << 18, "ECHO"},
};

static const char *const operstates[] = {"UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN",
					 "TESTING", "DORMANT",    "UP"};

const char *operstate_name(const struct link *l)
{
	return l->operstate < sizeof(operstates) / sizeof(operstates[0]) ? operstates[l->operstate]
									 : "UNKNOWN";
}

const char *hwaddr_format(const uint8_t *bytes, size_t len, char *buf)
{
	static const char digits[] = "0123456789abcdef";
	char *p = buf;

	for (size_t i = 0; i < len && i < HWADDR_MAX; i++) {
		if (i)
			*p++ = ':';
		*p++ = digits[bytes[i] >> 4];
		*p++ = digits[bytes[i] & 15];
	}
	*p = '\0';
	return buf;
}

static void add_string(struct text *out, const char *key, const char *value)
{
	text_printf(out, ",\"%s\":", key);
	text_add_json(out, value);
}

static void add_number(struct text *out, const char *before, uint64_t value)
{
	text_add(out, before);
	text_add_u64(out, value);
}

static void add_flags(struct text *out, unsigned int flags)
{
	const char *comma = "";

	text_add(out, ",\"flags\":[");
	if ((flags & IFF_UP) && !(flags & IFF_RUNNING)) {
		text_add(out, "\"NO-CARRIER\"");
		comma = ",";
	}
	for (size_t i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++) {
		if (!(flags & flag_names[i].flag))
			continue;
		text_add(out, comma);
		text_add(out, "\"");
		text_add(out, flag_names[i].name);
		text_add(out, "\"");
		comma = ",";
	}
	text_add(out, "]");
}

static void add_link_type(struct text *out, const struct link *l)
{
	switch (l->type) {
	case ARPHRD_ETHER:
		text_add(out, ",\"link_type\":\"ether\"");
		break;
	case ARPHRD_LOOPBACK:
		text_add(out, ",\"link_type\":\"loopback\"");
		break;
	case ARPHRD_NONE:
		text_add(out, ",\"link_type\":\"none\"");
		break;
	case ARPHRD_PPP:
		text_add(out, ",\"link_type\":\"ppp\"");
		break;
	case ARPHRD_SIT:
		text_add(out, ",\"link_type\":\"sit\"");
		break;
	case ARPHRD_IPGRE:
		text_add(out, ",\"link_type\":\"gre\"");
		break;
	case ARPHRD_TUNNEL:
		text_add(out, ",\"link_type\":\"ipip\"");
		break;
	case ARPHRD_TUNNEL6:
		text_add(out, ",\"link_type\":\"tunnel6\"");
		break;
	case ARPHRD_INFINIBAND:
		text_add(out, ",\"link_type\":\"infiniband\"");
		break;
	default:
		text_printf(out, ",\"link_type\":\"[%u]\"", l->type);
	}
}

static void add_stats(struct text *out, const struct link *l)
{
	const struct rtnl_link_stats64 *s = &l->stats;

	add_number(out, ",\"stats64\":{\"rx\":{\"bytes\":", s->rx_bytes);
	add_number(out, ",\"packets\":", s->rx_packets);
	add_number(out, ",\"errors\":", s->rx_errors);
	add_number(out, ",\"dropped\":", s->rx_dropped);
	add_number(out, ",\"over_errors\":", s->rx_over_errors);
	add_number(out, ",\"multicast\":", s->multicast);
	add_number(out, ",\"length_errors\":", s->rx_length_errors);
	add_number(out, ",\"crc_errors\":", s->rx_crc_errors);
	add_number(out, ",\"frame_errors\":", s->rx_frame_errors);
	add_number(out, ",\"fifo_errors\":", s->rx_fifo_errors);
	add_number(out, ",\"missed_errors\":", s->rx_missed_errors);
	add_number(out, "},\"tx\":{\"bytes\":", s->tx_bytes);
	add_number(out, ",\"packets\":", s->tx_packets);
	add_number(out, ",\"errors\":", s->tx_errors);
	add_number(out, ",\"dropped\":", s->tx_dropped);
	add_number(out, ",\"carrier_errors\":", s->tx_carrier_errors);
	add_number(out, ",\"collisions\":", s->collisions);
	add_number(out, ",\"aborted_errors\":", s->tx_aborted_errors);
	add_number(out, ",\"fifo_errors\":", s->tx_fifo_errors);
	add_number(out, ",\"window_errors\":", s->tx_window_errors);
	add_number(out, ",\"heartbeat_errors\":", s->tx_heartbeat_errors);
	add_number(out, ",\"carrier_changes\":", l->carrier_changes);
	text_add(out, "}}");
}

static const char *scope_name(uint8_t scope)
{
	switch (scope) {
	case RT_SCOPE_UNIVERSE:
		return "global";
	case RT_SCOPE_SITE:
		return "site";
	case RT_SCOPE_LINK:
		return "link";
	case RT_SCOPE_HOST:
		return "host";
	default:
		return "nowhere";
	}
}

static void add_addresses(struct text *out, const struct sample *s, const struct link *l)
{
	const char *comma = "";

	text_add(out, ",\"addr_info\":[");
	for (size_t i = 0; i < s->n_addresses; i++) {
		const struct link_address *a = &s->addresses[i];
		char buf[INET6_ADDRSTRLEN];

		if (a->index != l->index)
			continue;
		text_printf(
			out,
			"%s{\"family\":\"%s\",\"local\":\"%s\",\"prefixlen\":%u,\"scope\":\"%s\"",
			comma, a->prefix.address.family == AF_INET ? "inet" : "inet6",
			ip_address_format(&a->prefix.address, buf), a->prefix.length,
			scope_name(a->scope));
		if (a->flags & IFA_F_TENTATIVE)
			text_add(out, ",\"tentative\":true");
		if (a->flags & IFA_F_DADFAILED)
			text_add(out, ",\"dadfailed\":true");
		text_add(out, "}");
		comma = ",";
	}
	text_add(out, "]");
}

static void add_link(struct text *out, const struct container *c, const struct sample *s,
		     const struct link *l)
{
	const struct link *peer = NULL, *master = sample_link(s, l->master);
	const char *network = container_network(c, l);
	char hwaddr[HWADDR_TEXT_MAX];

	if (l->peer && l->peer_netnsid < 0)
		peer = sample_link(s, l->peer);
	add_number(out, "{\"ifindex\":", (unsigned int)l->index);
	if (peer)
		add_string(out, "link", peer->name);
	else if (l->peer)
		add_number(out, ",\"link_index\":", (unsigned int)l->peer);
	add_string(out, "ifname", l->name);
	add_flags(out, l->flags);
	add_number(out, ",\"mtu\":", l->mtu);
	add_string(out, "qdisc", l->qdisc);
	if (master)
		add_string(out, "master", master->name);
	add_string(out, "operstate", operstate_name(l));
	add_string(out, "linkmode", l->linkmode ? "DORMANT" : "DEFAULT");
	if (l->group)
		text_printf(out, ",\"group\":\"%u\"", l->group);
	else
		add_string(out, "group", "default");
	add_number(out, ",\"txqlen\":", l->txqlen);
	add_link_type(out, l);
	if (l->hwaddr_len)
		add_string(out, "address", hwaddr_format(l->hwaddr, l->hwaddr_len, hwaddr));
	if (l->broadcast_len)
		add_string(out, "broadcast", hwaddr_format(l->broadcast, l->broadcast_len, hwaddr));
	if (l->peer_netnsid >= 0)
		add_number(out, ",\"link_netnsid\":", (unsigned int)l->peer_netnsid);
	if (l->kind[0])
		add_string(out, "kind", l->kind);
	if (network[0])
		add_string(out, "network", network);
	add_addresses(out, s, l);
	add_stats(out, l);
	text_add(out, "}");
}

static void add_attachments(struct text *out, const struct container *c)
{
	const char *comma = "";

	text_add(out, ",\"attachments\":[");
	for (size_t i = 0; i < c->n; i++) {
		const struct attachment *a = &c->attachments[i];

		/* Known from the cache too: the record came first. */
		if (i && attachment_same(a, a - 1))
			continue;
		text_printf(out, "%s{\"network\":", comma);
		text_add_json(out, a->network);
		add_string(out, "ifName", a->ifname);
		add_string(out, "source", a->source == SOURCE_RECORD ? PLUGIN_NAME : "libcni");
		if (a->begin[0])
			add_string(out, "begin", a->begin);
		text_add(out, "}");
		comma = ",";
	}
	text_add(out, "]");
}

static void add_error(struct text *out, const struct cni_error *err)
{
	text_printf(out, ",\"error\":{\"code\":%d", err->code);
	add_string(out, "msg", err->msg);
	if (err->details[0])
		add_string(out, "details", err->details);
	text_add(out, "}");
}

static int json_container(struct show *show, const struct container *c, const struct sweep_job *job,
			  struct text *out, struct cni_error *err)
{
	const struct sample *s = &job->sample;
	const char *comma = "";

	text_add(out, show->printed ? ",\n{\"netns\":" : "[{\"netns\":");
	text_add_json(out, c->netns);
	if (c->id[0])
		add_string(out, "containerId", c->id);
	if (c->pod[0])
		add_string(out, "pod", c->pod);
	if (c->pod_namespace[0])
		add_string(out, "podNamespace", c->pod_namespace);
	if (c->n)
		add_attachments(out, c);
	if (job->err.code) {
		add_error(out, &job->err);
		text_add(out, "}");
		return out->failed ? cni_error_nomem(err) : 0;
	}
	text_add(out, ",\"links\":[");
	for (size_t i = 0; i < s->n_links; i++) {
		if (!show_link(show, &s->links[i]))
			continue;
		text_add(out, comma);
		add_link(out, c, s, &s->links[i]);
		comma = ",";
	}
	text_add(out, "]");
	if (s->detail.len) {
		text_add(out, ",\"detail\":");
		text_add_bytes(out, s->detail.data, s->detail.len);
	}
	text_add(out, "}");
	return out->failed ? cni_error_nomem(err) : 0;
}

static int json_end(struct show *show, struct text *out, struct cni_error *err)
{
	text_add(out, show->printed ? "]\n" : "[]\n");
	return out->failed ? cni_error_nomem(err) : 0;
}

const struct show_form show_json = {.name = "json", .container = json_container, .end = json_end};
