/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What generic netlink tells about a namespace: the families `ethtool` (link mode and the standard
 * statistics of IEEE 802.3 and RMON), `netdev` (queues, NAPI instances, queue statistics; Linux 6.7
 * to 6.9 brought them) and `tcp_metrics`.
 *
 * Each reply is a tree of attributes, which is printed by a table of (attribute, name): a new
 * counter is a new line in a table. What the kernel does not know (no such family, no such command,
 * a driver without the counter) leaves nothing in the output, which is the difference between
 * "none" and "zero".
 *
 * <linux/netdev.h> is newer than the headers of Debian 12, so its numbers are repeated here; they
 * are ABI.
 */
#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <linux/tcp_metrics.h>
#include <netlink/genl/genl.h>
#include <stdio.h>

#include "detail.h"
#include "netlink.h"

/* <linux/netdev.h> */
enum {
	NETDEV_CMD_QUEUE_GET = 10,
	NETDEV_CMD_NAPI_GET = 11,
	NETDEV_CMD_QSTATS_GET = 12,
	NETDEV_A_QUEUE_IFINDEX = 2,
	NETDEV_A_NAPI_IFINDEX = 1,
	NETDEV_A_QSTATS_IFINDEX = 1,
	NETDEV_A_QSTATS_SCOPE = 4,
	NETDEV_QSTATS_SCOPE_QUEUE = 1,
};

/* A member of the output: which attribute, under which name, in which form. */
enum form {
	NUMBER,    /* u8 to u64, by its length */
	DIRECTION, /* "rx", "tx" */
	DUPLEX,
	SPEED, /* Mb/s; unknown is left out */
	BOOLEAN,
};

struct member {
	const char *name;
	int type;
	enum form form;
};

static const struct member linkstate_members[] = {{"link", ETHTOOL_A_LINKSTATE_LINK, BOOLEAN},
						  {"sqi", ETHTOOL_A_LINKSTATE_SQI, NUMBER},
						  {"sqi_max", ETHTOOL_A_LINKSTATE_SQI_MAX, NUMBER},
						  {0}};

static const struct member linkmodes_members[] = {{"autoneg", ETHTOOL_A_LINKMODES_AUTONEG, BOOLEAN},
						  {"speed", ETHTOOL_A_LINKMODES_SPEED, SPEED},
						  {"duplex", ETHTOOL_A_LINKMODES_DUPLEX, DUPLEX},
						  {"lanes", ETHTOOL_A_LINKMODES_LANES, NUMBER},
						  {0}};

static const struct member queue_members[] = {
	{"id", 1, NUMBER}, {"type", 3, DIRECTION}, {"napi_id", 4, NUMBER}, {0}};

static const struct member napi_members[] = {{"id", 2, NUMBER},
					     {"irq", 3, NUMBER},
					     {"pid", 4, NUMBER},
					     {"defer_hard_irqs", 5, NUMBER},
					     {"gro_flush_timeout", 6, NUMBER},
					     {"irq_suspend_timeout", 7, NUMBER},
					     {"threaded", 8, NUMBER},
					     {0}};

static const struct member qstats_members[] = {{"queue_type", 2, DIRECTION},
					       {"queue_id", 3, NUMBER},
					       {"rx_packets", 8, NUMBER},
					       {"rx_bytes", 9, NUMBER},
					       {"tx_packets", 10, NUMBER},
					       {"tx_bytes", 11, NUMBER},
					       {"rx_alloc_fail", 12, NUMBER},
					       {"rx_hw_drops", 13, NUMBER},
					       {"rx_hw_drop_overruns", 14, NUMBER},
					       {"rx_csum_complete", 15, NUMBER},
					       {"rx_csum_unnecessary", 16, NUMBER},
					       {"rx_csum_none", 17, NUMBER},
					       {"rx_csum_bad", 18, NUMBER},
					       {"rx_hw_gro_packets", 19, NUMBER},
					       {"rx_hw_gro_bytes", 20, NUMBER},
					       {"rx_hw_gro_wire_packets", 21, NUMBER},
					       {"rx_hw_gro_wire_bytes", 22, NUMBER},
					       {"rx_hw_drop_ratelimits", 23, NUMBER},
					       {"tx_hw_drops", 24, NUMBER},
					       {"tx_hw_drop_errors", 25, NUMBER},
					       {"tx_csum_none", 26, NUMBER},
					       {"tx_needs_csum", 27, NUMBER},
					       {"tx_hw_gso_packets", 28, NUMBER},
					       {"tx_hw_gso_bytes", 29, NUMBER},
					       {"tx_hw_gso_wire_packets", 30, NUMBER},
					       {"tx_hw_gso_wire_bytes", 31, NUMBER},
					       {"tx_hw_drop_ratelimits", 32, NUMBER},
					       {"tx_stop", 33, NUMBER},
					       {"tx_wake", 34, NUMBER},
					       {0}};

/* The groups of statistics, with the names that IEEE 802.3 (30.3) and RFC 2819 give the counters.
 */
static const char *const phy_names[] = {"SymbolErrorDuringCarrier"};
static const char *const mac_names[] = {"FramesTransmittedOK",
					"SingleCollisionFrames",
					"MultipleCollisionFrames",
					"FramesReceivedOK",
					"FrameCheckSequenceErrors",
					"AlignmentErrors",
					"OctetsTransmittedOK",
					"FramesWithDeferredXmissions",
					"LateCollisions",
					"FramesAbortedDueToXSColls",
					"FramesLostDueToIntMACXmitError",
					"CarrierSenseErrors",
					"OctetsReceivedOK",
					"FramesLostDueToIntMACRcvError",
					"MulticastFramesXmittedOK",
					"BroadcastFramesXmittedOK",
					"FramesWithExcessiveDeferral",
					"MulticastFramesReceivedOK",
					"BroadcastFramesReceivedOK",
					"InRangeLengthErrors",
					"OutOfRangeLengthField",
					"FrameTooLongErrors"};
static const char *const ctrl_names[] = {"MACControlFramesTransmitted", "MACControlFramesReceived",
					 "UnsupportedOpcodesReceived"};
static const char *const rmon_names[] = {"etherStatsUndersizePkts", "etherStatsOversizePkts",
					 "etherStatsFragments", "etherStatsJabbers"};

#define GROUP(name, list)                                    \
	{                                                    \
		name, list, sizeof(list) / sizeof((list)[0]) \
	}
static const struct {
	const char *name;
	const char *const *counters;
	size_t n;
} groups[] = {
	[ETHTOOL_STATS_ETH_PHY] = GROUP("eth-phy", phy_names),
	[ETHTOOL_STATS_ETH_MAC] = GROUP("eth-mac", mac_names),
	[ETHTOOL_STATS_ETH_CTRL] = GROUP("eth-ctrl", ctrl_names),
	[ETHTOOL_STATS_RMON] = GROUP("rmon", rmon_names),
};
#define N_GROUPS (sizeof(groups) / sizeof(groups[0]))

static uint64_t number_of(const struct nlattr *a)
{
	const int len = nla_len(a);
	uint64_t wide = 0;
	uint32_t word = 0;
	uint16_t half = 0;

	if (len >= 8)
		return memcpy(&wide, nla_data(a), 8), wide;
	if (len >= 4)
		return memcpy(&word, nla_data(a), 4), word;
	if (len >= 2)
		return memcpy(&half, nla_data(a), 2), half;
	return len ? *(const uint8_t *)nla_data(a) : 0;
}

static void add_value(struct json_write *w, const char *name, enum form form, uint64_t value)
{
	if (form == SPEED && (value == 0 || value == (uint32_t)SPEED_UNKNOWN))
		return;
	if (form == DUPLEX && value != DUPLEX_HALF && value != DUPLEX_FULL)
		return;
	switch (form) {
	case BOOLEAN:
		json_write_bool(w, name, value);
		break;
	case DIRECTION:
		json_write_string(w, name, value ? "tx" : "rx");
		break;
	case DUPLEX:
		json_write_string(w, name, value == DUPLEX_FULL ? "full" : "half");
		break;
	default:
		json_write_u64(w, name, value);
	}
}

/* Write the members of a reply. */
static void add_members(struct json_write *w, const struct nlattr *first, int len,
			const struct member *members)
{
	const struct nlattr *a;
	int left;

	nla_for_each_attr(a, first, len, left) for (const struct member *m = members;
						    m->name != NULL;
						    m++) if (m->type == nla_type(a))
		add_value(w, m->name, m->form, number_of(a));
}

/* A question, and what is done with each message of the reply. */
struct question {
	struct netlink *nl;
	struct json_write *w;
	const struct member *members; /* for object_reply() and members_reply() */
	void (*on_reply)(struct question *q, const struct nlattr *first, int len);
	struct json_mark start; /* of what this question brings */
};

static int on_detail(const struct nlmsghdr *nlh, void *arg)
{
	struct question *q = arg;
	/* libnl does not take a pointer to const. */
	struct nlmsghdr *reply = (struct nlmsghdr *)(uintptr_t)nlh;
	const struct genlmsghdr *head = genlmsg_hdr(reply);

	if (genlmsg_valid_hdr(reply, 0))
		q->on_reply(q, genlmsg_attrdata(head, 0), genlmsg_attrlen(head, 0));
	return 0;
}

static void restart_detail(void *arg)
{
	struct question *q = arg;

	json_write_undo(q->w, q->start);
}

/* Send, and take the reply to its end. Without a reply, nothing is written. */
static void genl_ask(struct question *q, struct nl_msg *msg)
{
	struct cni_error ignored;

	q->start = json_write_mark(q->w);
	if (nlmsg_hdr(msg)->nlmsg_flags & NLM_F_DUMP)
		netlink_dump(q->nl, msg, on_detail, restart_detail, q, "list details", &ignored);
	else
		netlink_request(q->nl, msg, on_detail, q, "tell details", &ignored);
	nlmsg_free(msg);
}

static struct nl_msg *message(int family, uint8_t command, bool dump)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (msg != NULL &&
	    genlmsg_put(msg, 0, 0, family, 0, dump ? NLM_F_DUMP : 0, command, 1) == NULL) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static void members_reply(struct question *q, const struct nlattr *first, int len)
{
	add_members(q->w, first, len, q->members);
}

static void object_reply(struct question *q, const struct nlattr *first, int len)
{
	json_write_object(q->w, NULL);
	add_members(q->w, first, len, q->members);
	json_write_object_end(q->w);
}

/* A group of which the driver has no counter is in the reply too, empty. */
static void add_group(struct json_write *w, const struct nlattr *grp)
{
	const struct json_mark before = json_write_mark(w);
	const struct nlattr *a, *stat;
	int left, inner;
	size_t id = N_GROUPS;

	nla_for_each_nested (a, grp, left) {
		if (nla_type(a) == ETHTOOL_A_STATS_GRP_ID && id == N_GROUPS) {
			id = (size_t)number_of(a);
			if (id >= N_GROUPS)
				return;
			json_write_object(w, groups[id].name);
		} else if (nla_type(a) == ETHTOOL_A_STATS_GRP_STAT && id < N_GROUPS) {
			nla_for_each_nested (stat, a, inner) {
				const size_t which = (size_t)nla_type(stat);

				if (which < groups[id].n)
					add_value(w, groups[id].counters[which], NUMBER,
						  number_of(stat));
			}
		}
	}
	if (id == N_GROUPS)
		return;
	if (json_write_is_empty(w))
		json_write_undo(w, before);
	else
		json_write_object_end(w);
}

static void stats_reply(struct question *q, const struct nlattr *first, int len)
{
	const struct nlattr *a;
	int left;

	nla_for_each_attr(a, first, len, left) if (nla_type(a) == ETHTOOL_A_STATS_GRP)
		add_group(q->w, a);
}

static struct nl_msg *ethtool_message(int family, uint8_t command, int header, int ifindex)
{
	struct nl_msg *msg = message(family, command, false);
	struct nlattr *nest = msg != NULL ? nla_nest_start(msg, header | NLA_F_NESTED) : NULL;

	if (nest == NULL) {
		nlmsg_free(msg);
		return NULL;
	}
	nla_put_u32(msg, ETHTOOL_A_HEADER_DEV_INDEX, (uint32_t)ifindex);
	nla_nest_end(msg, nest);
	return msg;
}

static void ask_ethtool(struct question *q, int family, int ifindex)
{
	const uint32_t every = (1u << N_GROUPS) - 1;
	struct nlattr *nest;
	struct nl_msg *msg;

	q->on_reply = members_reply;
	q->members = linkstate_members;
	msg = ethtool_message(family, ETHTOOL_MSG_LINKSTATE_GET, ETHTOOL_A_LINKSTATE_HEADER,
			      ifindex);
	if (msg != NULL)
		genl_ask(q, msg);
	q->members = linkmodes_members;
	msg = ethtool_message(family, ETHTOOL_MSG_LINKMODES_GET, ETHTOOL_A_LINKMODES_HEADER,
			      ifindex);
	if (msg != NULL)
		genl_ask(q, msg);
	q->on_reply = stats_reply;
	msg = ethtool_message(family, ETHTOOL_MSG_STATS_GET, ETHTOOL_A_STATS_HEADER, ifindex);
	nest = msg != NULL ? nla_nest_start(msg, ETHTOOL_A_STATS_GROUPS | NLA_F_NESTED) : NULL;
	if (nest != NULL) {
		nla_put(msg, ETHTOOL_A_BITSET_NOMASK, 0, NULL);
		nla_put_u32(msg, ETHTOOL_A_BITSET_SIZE, N_GROUPS);
		nla_put_u32(msg, ETHTOOL_A_BITSET_VALUE, every);
		nla_nest_end(msg, nest);
		genl_ask(q, msg);
	} else {
		nlmsg_free(msg);
	}
}

/* Write "name":[...], of the reply to a dump that is limited to one link. */
static void ask_list(struct question *q, const char *name, int family, uint8_t command, int index,
		     int ifindex, int scope, const struct member *members)
{
	struct nl_msg *msg = message(family, command, true);
	const struct json_mark before = json_write_mark(q->w);

	if (msg == NULL)
		return;
	nla_put_u32(msg, index, (uint32_t)ifindex);
	if (scope)
		nla_put_u32(msg, NETDEV_A_QSTATS_SCOPE, (uint32_t)scope);
	json_write_array(q->w, name);
	q->on_reply = object_reply;
	q->members = members;
	genl_ask(q, msg);
	if (json_write_is_empty(q->w))
		json_write_undo(q->w, before);
	else
		json_write_array_end(q->w);
}

static void ask_netdev(struct question *q, int family, int ifindex)
{
	ask_list(q, "queues", family, NETDEV_CMD_QUEUE_GET, NETDEV_A_QUEUE_IFINDEX, ifindex, 0,
		 queue_members);
	ask_list(q, "napi", family, NETDEV_CMD_NAPI_GET, NETDEV_A_NAPI_IFINDEX, ifindex, 0,
		 napi_members);
	ask_list(q, "stats", family, NETDEV_CMD_QSTATS_GET, NETDEV_A_QSTATS_IFINDEX, ifindex,
		 NETDEV_QSTATS_SCOPE_QUEUE, qstats_members);
}

/* Write "family":{"eth0":{...},...}, of the links of which the family knows something. */
static void add_by_link(struct question *q, const struct sample *s, const char *name,
			void (*ask_link)(struct question *q, int family, int ifindex))
{
	struct cni_error ignored;
	const int family = netlink_family(q->nl, name, &ignored);
	const struct json_mark before = json_write_mark(q->w);

	if (family < 0)
		return;
	json_write_object(q->w, name);
	for (size_t i = 0; i < s->n_links; i++) {
		const struct json_mark start = json_write_mark(q->w);

		if (s->links[i].flags & IFF_LOOPBACK)
			continue;
		json_write_object(q->w, s->links[i].name);
		ask_link(q, family, s->links[i].index);
		if (json_write_is_empty(q->w))
			json_write_undo(q->w, start);
		else
			json_write_object_end(q->w);
	}
	if (json_write_is_empty(q->w))
		json_write_undo(q->w, before);
	else
		json_write_object_end(q->w);
}

static void add_address(struct json_write *w, const char *name, int family, const struct nlattr *a)
{
	char buf[INET6_ADDRSTRLEN];

	if (nla_len(a) < (family == AF_INET ? 4 : 16) ||
	    inet_ntop(family, nla_data(a), buf, sizeof(buf)) == NULL)
		return;
	json_write_string(w, name, buf);
}

/* The kernel's TCP keeps times in fractions of a microsecond: eighths and fourths. */
static void add_metrics(struct json_write *w, const struct nlattr *values)
{
	const struct nlattr *a;
	int left;

	nla_for_each_nested (a, values, left) {
		switch (nla_type(a) - 1) {
		case TCP_METRIC_RTT_US:
			add_value(w, "rtt_us", NUMBER, number_of(a) >> 3);
			break;
		case TCP_METRIC_RTTVAR_US:
			add_value(w, "rttvar_us", NUMBER, number_of(a) >> 2);
			break;
		case TCP_METRIC_SSTHRESH:
			add_value(w, "ssthresh", NUMBER, number_of(a));
			break;
		case TCP_METRIC_CWND:
			add_value(w, "cwnd", NUMBER, number_of(a));
			break;
		case TCP_METRIC_REORDERING:
			add_value(w, "reordering", NUMBER, number_of(a));
			break;
		}
	}
}

static void metrics_reply(struct question *q, const struct nlattr *first, int len)
{
	const struct nlattr *a;
	int left;

	json_write_object(q->w, NULL);
	nla_for_each_attr(a, first, len, left)
	{
		switch (nla_type(a)) {
		case TCP_METRICS_ATTR_ADDR_IPV4:
			add_address(q->w, "destination", AF_INET, a);
			break;
		case TCP_METRICS_ATTR_ADDR_IPV6:
			add_address(q->w, "destination", AF_INET6, a);
			break;
		case TCP_METRICS_ATTR_SADDR_IPV4:
			add_address(q->w, "source", AF_INET, a);
			break;
		case TCP_METRICS_ATTR_SADDR_IPV6:
			add_address(q->w, "source", AF_INET6, a);
			break;
		case TCP_METRICS_ATTR_AGE:
			add_value(q->w, "age_ms", NUMBER, number_of(a));
			break;
		case TCP_METRICS_ATTR_FOPEN_MSS:
			add_value(q->w, "fopen_mss", NUMBER, number_of(a));
			break;
		case TCP_METRICS_ATTR_FOPEN_SYN_DROPS:
			add_value(q->w, "fopen_syn_drops", NUMBER, number_of(a));
			break;
		case TCP_METRICS_ATTR_VALS:
			add_metrics(q->w, a);
			break;
		}
	}
	json_write_object_end(q->w);
}

static void add_tcp_metrics(struct question *q)
{
	struct cni_error ignored;
	const int family = netlink_family(q->nl, TCP_METRICS_GENL_NAME, &ignored);
	struct nl_msg *msg = family < 0 ? NULL : message(family, TCP_METRICS_CMD_GET, true);

	if (msg == NULL)
		return;
	json_write_array(q->w, "tcp_metrics");
	q->on_reply = metrics_reply;
	genl_ask(q, msg);
	json_write_array_end(q->w);
}

void detail_genl(const struct sample *s, struct json_write *w)
{
	struct cni_error ignored;
	cleanup_netlink struct netlink *nl = netlink_open(NULL, NETLINK_GENERIC, &ignored);
	struct question q = {.nl = nl, .w = w};

	if (nl == NULL)
		return;
	add_by_link(&q, s, ETHTOOL_GENL_NAME, ask_ethtool);
	add_by_link(&q, s, "netdev", ask_netdev);
	add_tcp_metrics(&q);
}
