/* SPDX-License-Identifier: GPL-2.0-or-later */
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

#include "json_write.h"
#include "show.h"

/* IFF_UP and so on under the names and in the order of ip(8). A missing IFF_RUNNING shows as
 * NO-CARRIER. */
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

static const struct {
	unsigned int type;
	const char *name;
} link_types[] = {
	{ARPHRD_ETHER, "ether"}, {ARPHRD_LOOPBACK, "loopback"}, {ARPHRD_NONE, "none"},
	{ARPHRD_PPP, "ppp"},     {ARPHRD_SIT, "sit"},           {ARPHRD_IPGRE, "gre"},
	{ARPHRD_TUNNEL, "ipip"}, {ARPHRD_TUNNEL6, "tunnel6"},   {ARPHRD_INFINIBAND, "infiniband"},
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

static void write_flags(struct json_write *w, unsigned int flags)
{
	json_write_array(w, "flags");
	if ((flags & IFF_UP) && !(flags & IFF_RUNNING))
		json_write_string(w, NULL, "NO-CARRIER");
	for (size_t i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++)
		if (flags & flag_names[i].flag)
			json_write_string(w, NULL, flag_names[i].name);
	json_write_array_end(w);
}

static void write_link_type(struct json_write *w, const struct link *l)
{
	char number[16];

	for (size_t i = 0; i < sizeof(link_types) / sizeof(link_types[0]); i++)
		if (link_types[i].type == l->type) {
			json_write_string(w, "link_type", link_types[i].name);
			return;
		}
	snprintf(number, sizeof(number), "[%u]", l->type);
	json_write_string(w, "link_type", number);
}

static void write_stats(struct json_write *w, const struct link *l)
{
	const struct rtnl_link_stats64 *s = &l->stats;

	json_write_object(w, "stats64");
	json_write_object(w, "rx");
	json_write_u64(w, "bytes", s->rx_bytes);
	json_write_u64(w, "packets", s->rx_packets);
	json_write_u64(w, "errors", s->rx_errors);
	json_write_u64(w, "dropped", s->rx_dropped);
	json_write_u64(w, "over_errors", s->rx_over_errors);
	json_write_u64(w, "multicast", s->multicast);
	json_write_u64(w, "length_errors", s->rx_length_errors);
	json_write_u64(w, "crc_errors", s->rx_crc_errors);
	json_write_u64(w, "frame_errors", s->rx_frame_errors);
	json_write_u64(w, "fifo_errors", s->rx_fifo_errors);
	json_write_u64(w, "missed_errors", s->rx_missed_errors);
	json_write_object_end(w);
	json_write_object(w, "tx");
	json_write_u64(w, "bytes", s->tx_bytes);
	json_write_u64(w, "packets", s->tx_packets);
	json_write_u64(w, "errors", s->tx_errors);
	json_write_u64(w, "dropped", s->tx_dropped);
	json_write_u64(w, "carrier_errors", s->tx_carrier_errors);
	json_write_u64(w, "collisions", s->collisions);
	json_write_u64(w, "aborted_errors", s->tx_aborted_errors);
	json_write_u64(w, "fifo_errors", s->tx_fifo_errors);
	json_write_u64(w, "window_errors", s->tx_window_errors);
	json_write_u64(w, "heartbeat_errors", s->tx_heartbeat_errors);
	json_write_u64(w, "carrier_changes", l->carrier_changes);
	json_write_object_end(w);
	json_write_object_end(w);
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

static void write_addresses(struct json_write *w, const struct sample *s, const struct link *l)
{
	json_write_array(w, "addr_info");
	for (size_t i = 0; i < s->n_addresses; i++) {
		const struct link_address *a = &s->addresses[i];
		char buf[INET6_ADDRSTRLEN];

		if (a->index != l->index)
			continue;
		json_write_object(w, NULL);
		json_write_string(w, "family",
				  a->prefix.address.family == AF_INET ? "inet" : "inet6");
		json_write_string(w, "local", ip_address_format(&a->prefix.address, buf));
		json_write_u64(w, "prefixlen", a->prefix.length);
		json_write_string(w, "scope", scope_name(a->scope));
		if (a->flags & IFA_F_TENTATIVE)
			json_write_bool(w, "tentative", true);
		if (a->flags & IFA_F_DADFAILED)
			json_write_bool(w, "dadfailed", true);
		json_write_object_end(w);
	}
	json_write_array_end(w);
}

/* The link that it is connected to: by its name in this namespace, or its index in another. */
static void write_peer(struct json_write *w, const struct sample *s, const struct link *l)
{
	const struct link *peer = NULL;

	if (l->peer && l->peer_netnsid < 0)
		peer = sample_link(s, l->peer);
	if (peer != NULL)
		json_write_string(w, "link", peer->name);
	else if (l->peer)
		json_write_u64(w, "link_index", (unsigned int)l->peer);
}

static void write_group(struct json_write *w, unsigned int group)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", group);
	json_write_string(w, "group", group ? number : "default");
}

static void write_link(struct json_write *w, const struct container *c, const struct sample *s,
		       const struct link *l)
{
	const struct link *master = sample_link(s, l->master);
	const char *network = container_network(c, l);
	char hwaddr[HWADDR_TEXT_MAX];

	json_write_object(w, NULL);
	json_write_u64(w, "ifindex", (unsigned int)l->index);
	write_peer(w, s, l);
	json_write_string(w, "ifname", l->name);
	write_flags(w, l->flags);
	json_write_u64(w, "mtu", l->mtu);
	json_write_string(w, "qdisc", l->qdisc);
	if (master != NULL)
		json_write_string(w, "master", master->name);
	json_write_string(w, "operstate", operstate_name(l));
	json_write_string(w, "linkmode", l->linkmode ? "DORMANT" : "DEFAULT");
	write_group(w, l->group);
	json_write_u64(w, "txqlen", l->txqlen);
	write_link_type(w, l);
	if (l->hwaddr_len)
		json_write_string(w, "address", hwaddr_format(l->hwaddr, l->hwaddr_len, hwaddr));
	if (l->broadcast_len)
		json_write_string(w, "broadcast",
				  hwaddr_format(l->broadcast, l->broadcast_len, hwaddr));
	if (l->peer_netnsid >= 0)
		json_write_u64(w, "link_netnsid", (unsigned int)l->peer_netnsid);
	if (l->kind[0])
		json_write_string(w, "kind", l->kind);
	if (network[0])
		json_write_string(w, "network", network);
	write_addresses(w, s, l);
	write_stats(w, l);
	json_write_object_end(w);
}

static void write_attachments(struct json_write *w, const struct container *c)
{
	json_write_array(w, "attachments");
	for (size_t i = 0; i < c->n; i++) {
		const struct registry_entry *a = &c->attachments[i];

		/* Known from the cache too; the record came first. */
		if (i && registry_same_attachment(a, a - 1))
			continue;
		json_write_object(w, NULL);
		json_write_string(w, "network", a->key.network);
		json_write_string(w, "ifName", a->key.ifname);
		json_write_string(w, "source", a->source == SOURCE_RECORD ? PLUGIN_NAME : "libcni");
		if (a->begin[0])
			json_write_string(w, "begin", a->begin);
		json_write_object_end(w);
	}
	json_write_array_end(w);
}

static void write_error(struct json_write *w, const struct cni_error *err)
{
	json_write_object(w, "error");
	json_write_u64(w, "code", (unsigned int)err->code);
	json_write_string(w, "msg", err->msg);
	if (err->details[0])
		json_write_string(w, "details", err->details);
	json_write_object_end(w);
}

static void write_links(struct json_write *w, struct show *show, const struct container *c,
			const struct sample *s)
{
	json_write_array(w, "links");
	for (size_t i = 0; i < s->n_links; i++)
		if (show_link(show, &s->links[i]))
			write_link(w, c, s, &s->links[i]);
	json_write_array_end(w);
	if (s->detail.len)
		json_write_printed(w, "detail", s->detail.data, s->detail.len);
}

static int json_container(struct show *show, const struct container *c, const struct sweep_job *job,
			  struct text *out, struct cni_error *err)
{
	struct json_write w = {.out = out};

	/* The array of all is begun, continued and ended between the calls; a line for each
	 * element. */
	text_add(out, show->printed ? ",\n" : "[");
	json_write_object(&w, NULL);
	json_write_string(&w, "netns", c->netns);
	if (c->id[0])
		json_write_string(&w, "containerId", c->id);
	if (c->pod[0])
		json_write_string(&w, "pod", c->pod);
	if (c->pod_namespace[0])
		json_write_string(&w, "podNamespace", c->pod_namespace);
	if (c->n)
		write_attachments(&w, c);
	if (job->err.code)
		write_error(&w, &job->err);
	else
		write_links(&w, show, c, &job->sample);
	json_write_object_end(&w);
	return out->failed ? cni_error_nomem(err) : 0;
}

static int json_end(struct show *show, struct text *out, struct cni_error *err)
{
	text_add(out, show->printed ? "]\n" : "[]\n");
	return out->failed ? cni_error_nomem(err) : 0;
}

const struct show_form show_json = {.name = "json", .container = json_container, .end = json_end};
