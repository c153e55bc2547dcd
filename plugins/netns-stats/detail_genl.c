// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What generic netlink tells about a namespace, through libnl-genl: the families `ethtool` (link
 * mode and the standard statistics of IEEE 802.3 and RMON), `netdev` (queues, NAPI instances,
 * queue statistics; Linux 6.7 to 6.9 brought them) and `tcp_metrics`.
 *
 * Each answer is a tree of attributes, and each is printed by a table of (attribute, name): a new
 * counter is a new line in a table. What is not answered (no such family, no such command, a driver
 * without) leaves nothing in the output, which is the difference between "none" and "zero".
 *
 * <linux/netdev.h> is newer than the headers of Debian 12, so its numbers stand here; they are ABI.
 */
#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <linux/tcp_metrics.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "detail.h"
#include "lazy.h"

/* clang-format off */
#define NETLINK_SYMBOLS(X) \
	X(nl_socket_alloc) X(nl_socket_free) X(nl_socket_get_fd) X(nl_send_auto) \
	X(nl_recvmsgs) X(nl_cb_alloc) X(nl_cb_set) X(nl_cb_err) X(nl_cb_put) \
	X(nlmsg_alloc) X(nlmsg_free) X(nlmsg_hdr) X(nlmsg_get_src) X(nla_put) \
	X(nla_nest_start) X(nla_nest_end) X(nla_ok) X(nla_next) X(nla_type) \
	X(nla_data) X(nla_len)
#define GENERIC_SYMBOLS(X) \
	X(genl_connect) X(genl_ctrl_resolve) X(genlmsg_put) X(genlmsg_attrdata) \
	X(genlmsg_attrlen)
/* clang-format on */

LAZY_LIBRARY(nl, NETLINK_SYMBOLS)
LAZY_LIBRARY(genl, GENERIC_SYMBOLS)

#define NETLINK_SYMBOL(name) LAZY_SYMBOL(nl, name)
#define GENERIC_SYMBOL(name) LAZY_SYMBOL(genl, name)

int detail_prepare(struct cni_error *err)
{
	static const struct lazy_symbol core[] = {NETLINK_SYMBOLS(NETLINK_SYMBOL)};
	static const struct lazy_symbol generic[] = {GENERIC_SYMBOLS(GENERIC_SYMBOL)};

	if (lazy_load(SONAME_NL, "libnl-3-200", "show --detail", core,
		      sizeof(core) / sizeof(core[0]), &nl, err))
		return -1;
	return lazy_load(SONAME_NL_GENL, "libnl-genl-3-200", "show --detail", generic,
			 sizeof(generic) / sizeof(generic[0]), &genl, err);
}

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

/* As nla_for_each_attr() of libnl, which calls functions by their linked names. */
#define for_each_attr(a, left, first, len) \
	for ((left) = (len), (a) = (first); nl.nla_ok((a), (left)); (a) = nl.nla_next((a), &(left)))

static uint64_t number_of(const struct nlattr *a)
{
	const int len = nl.nla_len(a);
	uint64_t wide = 0;
	uint32_t word = 0;
	uint16_t half = 0;

	if (len >= 8)
		return memcpy(&wide, nl.nla_data(a), 8), wide;
	if (len >= 4)
		return memcpy(&word, nl.nla_data(a), 4), word;
	if (len >= 2)
		return memcpy(&half, nl.nla_data(a), 2), half;
	return len ? *(const uint8_t *)nl.nla_data(a) : 0;
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

/* The members of an answer. */
static void add_members(struct json_write *w, const struct nlattr *first, int len,
			const struct member *members)
{
	const struct nlattr *a;
	int left;

	for_each_attr(a, left, first, len) for (const struct member *m = members; m->name;
						m++) if (m->type == nl.nla_type(a))
		add_value(w, m->name, m->form, number_of(a));
}

/* A question, and what becomes of each message of the answer. */
struct question {
	struct nl_sock *sk;
	struct json_write *w;
	const struct member *members; /* for object_answer() and members_answer() */
	void (*answer)(struct question *q, const struct nlattr *first, int len);
	bool done;
};

static int on_message(struct nl_msg *msg, void *arg)
{
	struct question *q = arg;
	const struct genlmsghdr *h;

	/* From the kernel only: see sample.c. */
	if (nl.nlmsg_get_src(msg)->nl_pid)
		return NL_SKIP;
	h = (const void *)((const char *)nl.nlmsg_hdr(msg) + NLMSG_HDRLEN);
	if (nl.nlmsg_hdr(msg)->nlmsg_len >= NLMSG_LENGTH(sizeof(*h)))
		q->answer(q, genl.genlmsg_attrdata(h, 0), genl.genlmsg_attrlen(h, 0));
	return NL_OK;
}

static int on_end(struct nl_msg *msg, void *arg)
{
	struct question *q = arg;

	if (nl.nlmsg_get_src(msg)->nl_pid)
		return NL_SKIP;
	q->done = true;
	return NL_STOP;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	struct question *q = arg;

	(void)e;
	if (from->nl_pid)
		return NL_SKIP;
	q->done = true;
	return NL_STOP;
}

/* Send, and take the answer to its end. No answer is no output. */
static void ask(struct question *q, struct nl_msg *msg)
{
	struct nl_cb *cb = nl.nl_cb_alloc(NL_CB_DEFAULT);

	q->done = false;
	if (cb && nl.nl_send_auto(q->sk, msg) >= 0) {
		nl.nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_message, q);
		nl.nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_end, q);
		nl.nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_end, q);
		nl.nl_cb_err(cb, NL_CB_CUSTOM, on_error, q);
		while (!q->done && nl.nl_recvmsgs(q->sk, cb) >= 0)
			;
	}
	if (cb)
		nl.nl_cb_put(cb);
	nl.nlmsg_free(msg);
}

static struct nl_msg *message(int family, uint8_t command, bool dump)
{
	struct nl_msg *msg = nl.nlmsg_alloc();

	if (msg && !genl.genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0,
				     dump ? NLM_F_DUMP : 0, command, 1)) {
		nl.nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static void put_u32(struct nl_msg *msg, int type, uint32_t value)
{
	nl.nla_put(msg, type, sizeof(value), &value);
}

static void members_answer(struct question *q, const struct nlattr *first, int len)
{
	add_members(q->w, first, len, q->members);
}

static void object_answer(struct question *q, const struct nlattr *first, int len)
{
	json_write_object(q->w, NULL);
	add_members(q->w, first, len, q->members);
	json_write_object_end(q->w);
}

/* A group that the driver has no counter of is in the answer too, empty. */
static void add_group(struct json_write *w, const struct nlattr *grp)
{
	const struct json_mark before = json_write_mark(w);
	const struct nlattr *a, *stat;
	int left, inner;
	size_t id = N_GROUPS;

	for_each_attr(a, left, nl.nla_data(grp), nl.nla_len(grp))
	{
		if (nl.nla_type(a) == ETHTOOL_A_STATS_GRP_ID && id == N_GROUPS) {
			id = (size_t)number_of(a);
			if (id >= N_GROUPS)
				return;
			json_write_object(w, groups[id].name);
		} else if (nl.nla_type(a) == ETHTOOL_A_STATS_GRP_STAT && id < N_GROUPS) {
			for_each_attr(stat, inner, nl.nla_data(a), nl.nla_len(a))
			{
				const size_t which = (size_t)nl.nla_type(stat);

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

static void stats_answer(struct question *q, const struct nlattr *first, int len)
{
	const struct nlattr *a;
	int left;

	for_each_attr(a, left, first, len) if (nl.nla_type(a) == ETHTOOL_A_STATS_GRP)
		add_group(q->w, a);
}

static struct nl_msg *ethtool_message(int family, uint8_t command, int header, int ifindex)
{
	struct nl_msg *msg = message(family, command, false);
	struct nlattr *nest = msg ? nl.nla_nest_start(msg, header | NLA_F_NESTED) : NULL;

	if (!nest) {
		nl.nlmsg_free(msg);
		return NULL;
	}
	put_u32(msg, ETHTOOL_A_HEADER_DEV_INDEX, (uint32_t)ifindex);
	nl.nla_nest_end(msg, nest);
	return msg;
}

static void ask_ethtool(struct question *q, int family, int ifindex)
{
	const uint32_t every = (1u << N_GROUPS) - 1;
	struct nlattr *nest;
	struct nl_msg *msg;

	q->answer = members_answer;
	q->members = linkstate_members;
	msg = ethtool_message(family, ETHTOOL_MSG_LINKSTATE_GET, ETHTOOL_A_LINKSTATE_HEADER,
			      ifindex);
	if (msg)
		ask(q, msg);
	q->members = linkmodes_members;
	msg = ethtool_message(family, ETHTOOL_MSG_LINKMODES_GET, ETHTOOL_A_LINKMODES_HEADER,
			      ifindex);
	if (msg)
		ask(q, msg);
	q->answer = stats_answer;
	msg = ethtool_message(family, ETHTOOL_MSG_STATS_GET, ETHTOOL_A_STATS_HEADER, ifindex);
	nest = msg ? nl.nla_nest_start(msg, ETHTOOL_A_STATS_GROUPS | NLA_F_NESTED) : NULL;
	if (nest) {
		nl.nla_put(msg, ETHTOOL_A_BITSET_NOMASK, 0, NULL);
		put_u32(msg, ETHTOOL_A_BITSET_SIZE, N_GROUPS);
		put_u32(msg, ETHTOOL_A_BITSET_VALUE, every);
		nl.nla_nest_end(msg, nest);
		ask(q, msg);
	} else {
		nl.nlmsg_free(msg);
	}
}

/* "name":[...] of what a dump that is narrowed to one link answers. */
static void ask_list(struct question *q, const char *name, int family, uint8_t command, int index,
		     int ifindex, int scope, const struct member *members)
{
	struct nl_msg *msg = message(family, command, true);
	const struct json_mark before = json_write_mark(q->w);

	if (!msg)
		return;
	put_u32(msg, index, (uint32_t)ifindex);
	if (scope)
		put_u32(msg, NETDEV_A_QSTATS_SCOPE, (uint32_t)scope);
	json_write_array(q->w, name);
	q->answer = object_answer;
	q->members = members;
	ask(q, msg);
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

/* "family":{"eth0":{...},...}, of the links that have something to say. */
static void add_by_link(struct question *q, const struct sample *s, const char *name,
			void (*ask_link)(struct question *q, int family, int ifindex))
{
	const int family = genl.genl_ctrl_resolve(q->sk, name);
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

	if (nl.nla_len(a) < (family == AF_INET ? 4 : 16) ||
	    !inet_ntop(family, nl.nla_data(a), buf, sizeof(buf)))
		return;
	json_write_string(w, name, buf);
}

/* Times are kept in fractions, as the kernel's TCP does: an eighth and a fourth of a microsecond.
 */
static void add_metrics(struct json_write *w, const struct nlattr *values)
{
	const struct nlattr *a;
	int left;

	for_each_attr(a, left, nl.nla_data(values), nl.nla_len(values))
	{
		switch (nl.nla_type(a) - 1) {
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

static void metrics_answer(struct question *q, const struct nlattr *first, int len)
{
	const struct nlattr *a;
	int left;

	json_write_object(q->w, NULL);
	for_each_attr(a, left, first, len)
	{
		switch (nl.nla_type(a)) {
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
	const int family = genl.genl_ctrl_resolve(q->sk, TCP_METRICS_GENL_NAME);
	struct nl_msg *msg = family < 0 ? NULL : message(family, TCP_METRICS_CMD_GET, true);

	if (!msg)
		return;
	json_write_array(q->w, "tcp_metrics");
	q->answer = metrics_answer;
	ask(q, msg);
	json_write_array_end(q->w);
}

void detail_genl(const struct sample *s, struct json_write *w)
{
	static const struct timeval limit = {.tv_sec = 2};
	struct question q = {.sk = nl.nl_socket_alloc(), .w = w};

	if (q.sk && genl.genl_connect(q.sk) >= 0) {
		setsockopt(nl.nl_socket_get_fd(q.sk), SOL_SOCKET, SO_RCVTIMEO, &limit,
			   sizeof(limit));
		add_by_link(&q, s, ETHTOOL_GENL_NAME, ask_ethtool);
		add_by_link(&q, s, "netdev", ask_netdev);
		add_tcp_metrics(&q);
	}
	if (q.sk)
		nl.nl_socket_free(q.sk);
}
