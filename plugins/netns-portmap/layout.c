/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table is listed in table.nft beside this file, as `nft list table inet usernet_portmap`
 * prints it when the port of one container is published. A change here needs the same change there,
 * and another TABLE_LAYOUT. Both families have the same maps, sets and rules, except those for
 * 127.0.0.1, which has no counterpart in IPv6.
 *
 * Why it is so:
 *
 * - A mapping of one host address goes before one of any (as the longer prefix does in a routing
 *   table). dnat ends the walk, so a connection is masqueraded by the mapping that it matched.
 * - Whether a connection needs masquerading is known before its address is rewritten, from the port
 *   and the interface, and is needed after that. Two designs: (a) look it up again after routing,
 *   by container address and port; no mark is needed, but connections to the same container by way
 *   of another mapping or of kube-proxy match as well and lose their source address, the bridged
 *   hairpin of br_netfilter has no input interface there, and an element of a dead container would
 *   clash with its address's next owner. (b) One bit of the packet mark from here to there, set on
 *   the first packet of a connection only and cleared again: this is exact, and each key contains
 *   the mapping's, so whoever owns the mapping owns them all. (b) is taken. The bit is
 *   `markMasqBit`, one for the whole host, and shows in a chain's name, so a look at the table is
 *   enough to know it.
 * - Hairpin means that a connection comes in by the interface behind which the container is: if the
 *   container replied directly, the reply would bypass this host. So the key has the interface, and
 *   not the container's subnet, which need not be on one interface.
 * - ::1 cannot be forwarded at all, so it is left to the host's own sockets.
 *
 * 127.0.0.1 is the hard case. A packet from 127.0.0.0/8 cannot leave by another interface than lo,
 * and none to it can come in, unless net.ipv4.conf.DEVICE.route_localnet is on. Two designs:
 *
 * (a) Turn it on, as the reference plugin does and layout 1 did. It opens every service that
 *     listens on 127.0.0.1 of the host to every neighbour behind that device, so a chain has to
 *     drop what comes in by it. Then two things that do not know each other have to agree: a
 *     ruleset that `nft flush ruleset` empties, and a sysctl that stays. The sysctl has to be put
 *     back with the last mapping behind the device, of whatever network, and whether anybody else
 *     wants it on cannot be known. A chain that drops for all devices instead breaks what somebody
 *     else turned it on for (WSL2's loopback0).
 * (b) Never let such a packet be routed. What the kernel refuses is the address in the packet when
 *     it is routed; conntrack knows the true ones all the time. So the address is another one only
 *     between the hook before routing and the one after it: out, the source is 192.0.0.8 (RFC 7600,
 *     an address that belongs to nobody) from the first chain of output until postrouting
 *     masquerades it; in, the destination is the masquerading address until conntrack's entry gives
 *     back 127.0.0.1 behind routing. No sysctl is touched, so nothing is opened and nothing has to
 *     be closed, a read-only /proc/sys is not an obstacle, and a flushed ruleset publishes nothing.
 *     It costs two rewritten addresses for each packet of such a connection, and three base chains
 *     that other packets leave at the first comparison.
 *
 * (b) is taken. The first packet of a connection is rewritten in the nat chain, where it is looked
 * up (ports4_local, hosts4_local); the later ones before nat, by what conntrack says of the
 * connection. A connection of the host's own programs to a port that is not published is left
 * alone, even if the client's port is a published one. What comes in for 127.0.0.0/8 from another
 * interface is not redirected, whoever turned route_localnet on there: 127.0.0.1:8080 is for this
 * host's programs.
 *
 * Rules are the same however many mappings there are; nat chains see only a connection's first
 * packet.
 */
#include "layout.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "nft.h"

#define COMMENT_MAX 128

/* nft(8)'s numbers of its data types (enum datatypes in its sources), six bits each in a tuple. */
enum { TYPE_IPV4 = 7, TYPE_IPV6 = 8, TYPE_PROTO = 12, TYPE_SERVICE = 13, TYPE_IFNAME = 41 };
#define THEN(tuple, type) ((tuple) << 6 | (type))

/* Where nat rewrites: other chains look at a packet before that, or behind it. */
enum {
	PRIORITY_BEFORE_DNAT = NF_IP_PRI_MANGLE,
	PRIORITY_DNAT = NF_IP_PRI_NAT_DST,
	PRIORITY_BEHIND_DNAT = NF_IP_PRI_NAT_DST + 10,
	PRIORITY_SNAT = NF_IP_PRI_NAT_SRC,
	PRIORITY_BEHIND_SNAT = NF_IP_PRI_NAT_SRC + 10,
};

/* Offsets in the header of IPv4. */
enum { SADDR = 12, DADDR = 16, HEADER_CHECKSUM = 10 };

unsigned int table_set(bool ipv6, enum table_scope scope, enum table_kind kind)
{
	if (kind == KIND_LOCAL)
		return 2 * SCOPE_COUNT * KIND_LOCAL + scope;
	return ((ipv6 ? SCOPE_COUNT : 0) + scope) * KIND_LOCAL + kind;
}

const char *table_set_name(unsigned int set)
{
	static const char *const names[TABLE_SETS] = {
		"ports4",         "ports4_hairpin", "ports4_masq",    "hosts4",
		"hosts4_hairpin", "hosts4_masq",    "ports6",         "ports6_hairpin",
		"ports6_masq",    "hosts6",         "hosts6_hairpin", "hosts6_masq",
		"ports4_local",   "hosts4_local",
	};

	return names[set];
}

bool table_set_is_map(unsigned int set)
{
	return set < table_set(false, SCOPE_PORTS, KIND_LOCAL) && set % KIND_LOCAL == KIND_DNAT;
}

/*
 * Chains
 */

const char *const layout_retired[LAYOUT_RETIRED] = {"guard"};

static const struct {
	const char *name; /* NULL: mark_bit_N */
	const char *comment;
	const char *type; /* NULL: not at a hook */
	uint32_t hook;
	int32_t priority;
} chains[LAYOUT_CHAINS] = {
	[CHAIN_MARK] = {NULL, "to be masqueraded: the bit is cleared again in postrouting"},
	[CHAIN_PUBLISH] = {"publish",
			   "what came to an address of this host: is its port published?"},
	[CHAIN_LOOPBACK] = {"loopback",
			    "from 127.0.0.1: if it is published, it cannot keep that address"},
	[CHAIN_PREROUTING] = {"prerouting", "connections from outside and from containers", "nat",
			      NF_INET_PRE_ROUTING, PRIORITY_DNAT},
	[CHAIN_OUTPUT] = {"output", "connections of the host's own programs", "nat",
			  NF_INET_LOCAL_OUT, PRIORITY_DNAT},
	[CHAIN_POSTROUTING] = {"postrouting", "hairpin, masqAll, and connections from 127.0.0.1",
			       "nat", NF_INET_POST_ROUTING, PRIORITY_SNAT},
	[CHAIN_LOOPBACK_OUTPUT] = {"loopback_output",
				   "127.0.0.1 cannot be routed: later packets of a connection",
				   "filter", NF_INET_LOCAL_OUT, PRIORITY_BEFORE_DNAT},
	[CHAIN_LOOPBACK_PREROUTING] = {"loopback_prerouting",
				       "127.0.0.1 cannot be routed: replies, before it", "filter",
				       NF_INET_PRE_ROUTING, PRIORITY_BEHIND_DNAT},
	[CHAIN_LOOPBACK_INPUT] = {"loopback_input",
				  "replies, behind routing: 127.0.0.1 is put back", "filter",
				  NF_INET_LOCAL_IN, PRIORITY_BEHIND_SNAT},
};

const char *layout_chain_name(unsigned int chain, unsigned int mark_bit, char *buf)
{
	if (chains[chain].name != NULL)
		return chains[chain].name;
	snprintf(buf, LAYOUT_NAME_MAX, LAYOUT_MARK_PREFIX "%u", mark_bit);
	return buf;
}

/* A comment in the form of nft(8)'s user data: type 0 (type 7 of a set), length, text, NUL. */
static uint32_t comment_data(uint8_t buf[COMMENT_MAX + 2], uint8_t type, const char *text)
{
	const size_t len = strnlen(text, COMMENT_MAX - 1) + 1;

	buf[0] = type;
	buf[1] = (uint8_t)len;
	memcpy(buf + 2, text, len - 1);
	buf[1 + len] = '\0';
	return (uint32_t)len + 2;
}

void layout_table(struct netlink_batch *b)
{
	struct nl_msg *msg = nft_begin(b, NFPROTO_INET, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	uint8_t comment[COMMENT_MAX + 2];
	const uint32_t len = comment_data(comment, NFTNL_UDATA_TABLE_COMMENT,
					  "published ports of containers: netns-portmap(8)");

	if (msg == NULL)
		return;
	nla_put_string(msg, NFTA_TABLE_NAME, TABLE_NAME);
	nla_put(msg, NFTA_TABLE_USERDATA, (int)len, comment);
	netlink_end(b);
}

void layout_chain(struct netlink_batch *b, unsigned int chain, unsigned int mark_bit)
{
	struct nlmsghdr *nlh = nft_room(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	struct nftnl_chain *c = nftnl_chain_alloc();
	uint8_t comment[COMMENT_MAX + 2];
	char name[LAYOUT_NAME_MAX];

	if (c == NULL) {
		b->failed = true;
		return;
	}
	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, TABLE_NAME);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, layout_chain_name(chain, mark_bit, name));
	if (chains[chain].type != NULL) {
		nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, chains[chain].type);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, chains[chain].hook);
		nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, chains[chain].priority);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	}
	if (nftnl_chain_set_data(
		    c, NFTNL_CHAIN_USERDATA, comment,
		    comment_data(comment, NFTNL_UDATA_CHAIN_COMMENT, chains[chain].comment)) < 0)
		b->failed = true;
	nftnl_chain_nlmsg_build_payload(nlh, c);
	nftnl_chain_free(c);
	netlink_done(b, nlh);
}

/*
 * Sets and maps
 */

void layout_set(struct netlink_batch *b, unsigned int index)
{
	static const char *const comments[SCOPE_COUNT][KIND_COUNT] = {
		[SCOPE_PORTS] = {"published on every address: protocol, host port, to where",
				 "masqueraded when it comes from beside the container",
				 "masqueraded wherever it comes from (masqAll)",
				 "to be had from 127.0.0.1 as well"},
		[SCOPE_HOSTS] = {"published on one address: protocol, host port, to where",
				 "masqueraded when it comes from beside the container",
				 "masqueraded wherever it comes from (masqAll)",
				 "to be had from 127.0.0.1 as well"},
	};
	const bool local = index >= table_set(false, SCOPE_PORTS, KIND_LOCAL);
	const bool ipv6 = !local && index >= table_set(true, SCOPE_PORTS, KIND_DNAT);
	const unsigned int scope = (local ? index : index / KIND_LOCAL) % SCOPE_COUNT;
	const unsigned int kind = local ? KIND_LOCAL : index % KIND_LOCAL;
	const uint32_t address_type = ipv6 ? TYPE_IPV6 : TYPE_IPV4;
	const uint32_t address_len = ipv6 ? 16 : 4;
	uint32_t type = scope == SCOPE_HOSTS ? address_type : 0;
	uint32_t len = scope == SCOPE_HOSTS ? address_len : 0;
	struct nlmsghdr *nlh = nft_room(b, NFT_MSG_NEWSET, NLM_F_CREATE);
	struct nftnl_set *set = nftnl_set_alloc();
	uint8_t comment[COMMENT_MAX + 2];

	if (set == NULL) {
		b->failed = true;
		return;
	}
	type = THEN(THEN(type, TYPE_PROTO), TYPE_SERVICE);
	len += 4 + 4; /* each member of a tuple takes whole 32-bit registers */
	if (kind == KIND_HAIRPIN) {
		type = THEN(type, TYPE_IFNAME);
		len += IFNAMSIZ;
	}
	nftnl_set_set_str(set, NFTNL_SET_TABLE, TABLE_NAME);
	nftnl_set_set_str(set, NFTNL_SET_NAME, table_set_name(index));
	nftnl_set_set_u32(set, NFTNL_SET_ID, index + 1);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, type);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, len);
	if (kind == KIND_DNAT) {
		nftnl_set_set_u32(set, NFTNL_SET_FLAGS, NFT_SET_MAP);
		nftnl_set_set_u32(set, NFTNL_SET_DATA_TYPE, THEN(address_type, TYPE_SERVICE));
		nftnl_set_set_u32(set, NFTNL_SET_DATA_LEN, address_len + 4);
	}
	if (nftnl_set_set_data(
		    set, NFTNL_SET_USERDATA, comment,
		    comment_data(comment, NFTNL_UDATA_SET_COMMENT, comments[scope][kind])) < 0)
		b->failed = true;
	nftnl_set_nlmsg_build_payload(nlh, set);
	nftnl_set_free(set);
	netlink_done(b, nlh);
}

/*
 * Rules. Their expressions are those that nft(8) makes of the listing, so that a table that was
 * listed and loaded again compares equal.
 */

struct writer {
	struct netlink_batch *b;
	struct nftnl_rule *rule;
	unsigned int mark_bit;
};

static void begin_rule(struct writer *w, unsigned int chain)
{
	char name[LAYOUT_NAME_MAX];

	w->rule = nftnl_rule_alloc();
	if (w->rule == NULL) {
		w->b->failed = true;
		return;
	}
	nftnl_rule_set_u32(w->rule, NFTNL_RULE_FAMILY, NFPROTO_INET);
	nftnl_rule_set_str(w->rule, NFTNL_RULE_TABLE, TABLE_NAME);
	nftnl_rule_set_str(w->rule, NFTNL_RULE_CHAIN, layout_chain_name(chain, w->mark_bit, name));
}

static void end_rule(struct writer *w)
{
	struct nlmsghdr *nlh;

	if (w->rule == NULL)
		return;
	nlh = nft_room(w->b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	nftnl_rule_nlmsg_build_payload(nlh, w->rule);
	netlink_done(w->b, nlh);
	nftnl_rule_free(w->rule);
	w->rule = NULL;
}

/* An expression at the end of the rule; NULL out of memory. */
static struct nftnl_expr *expr(struct writer *w, const char *name)
{
	struct nftnl_expr *e;

	if (w->rule == NULL)
		return NULL;
	e = nftnl_expr_alloc(name);
	if (e == NULL) {
		w->b->failed = true;
		return NULL;
	}
	nftnl_rule_add_expr(w->rule, e);
	return e;
}

static void set_u32(struct nftnl_expr *e, uint16_t attribute, uint32_t value)
{
	if (e != NULL)
		nftnl_expr_set_u32(e, attribute, value);
}

/*
 * Registers are counted in 32-bit words here. NFT_REG32_00 to _15 are the same memory as NFT_REG_1
 * to _4, and the kernel lists every fourth by its older name.
 */
#define REG(word) ((uint32_t)((word) % 4 ? NFT_REG32_00 + (word) : NFT_REG_1 + (word) / 4))

static void load_meta(struct writer *w, uint32_t key, unsigned int word)
{
	struct nftnl_expr *e = expr(w, "meta");

	set_u32(e, NFTNL_EXPR_META_KEY, key);
	set_u32(e, NFTNL_EXPR_META_DREG, REG(word));
}

static void load_payload(struct writer *w, uint32_t base, uint32_t offset, uint32_t len,
			 unsigned int word)
{
	struct nftnl_expr *e = expr(w, "payload");

	set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
	set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, REG(word));
}

/* Compare the first register. */
static void write_compare(struct writer *w, uint32_t op, const void *data, uint32_t len)
{
	struct nftnl_expr *e = expr(w, "cmp");

	set_u32(e, NFTNL_EXPR_CMP_SREG, REG(0));
	set_u32(e, NFTNL_EXPR_CMP_OP, op);
	if (e != NULL)
		nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, len);
}

/* First register: (itself & mask) ^ flip. */
static void bitwise(struct writer *w, uint32_t mask, uint32_t flip)
{
	struct nftnl_expr *e = expr(w, "bitwise");

	set_u32(e, NFTNL_EXPR_BITWISE_SREG, REG(0));
	set_u32(e, NFTNL_EXPR_BITWISE_DREG, REG(0));
	set_u32(e, NFTNL_EXPR_BITWISE_LEN, sizeof(mask));
	if (e != NULL) {
		nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, &mask, sizeof(mask));
		nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, &flip, sizeof(flip));
	}
}

static void verdict(struct writer *w, int code, unsigned int chain)
{
	struct nftnl_expr *e = expr(w, "immediate");
	char name[LAYOUT_NAME_MAX];

	set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t)code);
	if (e != NULL && (code == NFT_JUMP || code == NFT_GOTO))
		nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN,
				   layout_chain_name(chain, w->mark_bit, name));
}

static void match_family(struct writer *w, bool ipv6)
{
	const uint8_t family = ipv6 ? NFPROTO_IPV6 : NFPROTO_IPV4;

	load_meta(w, NFT_META_NFPROTO, 0);
	write_compare(w, NFT_CMP_EQ, &family, sizeof(family));
}

static struct nftnl_expr *load_ct(struct writer *w, uint32_t key)
{
	struct nftnl_expr *e = expr(w, "ct");

	set_u32(e, NFTNL_EXPR_CT_KEY, key);
	set_u32(e, NFTNL_EXPR_CT_DREG, REG(0));
	return e;
}

/* An address of the connection, as its first packet (IP_CT_DIR_ORIGINAL) or a reply has it. */
static void load_ct_address(struct writer *w, uint32_t key, uint8_t direction)
{
	struct nftnl_expr *e = load_ct(w, key);

	if (e != NULL)
		nftnl_expr_set_u8(e, NFTNL_EXPR_CT_DIR, direction);
}

/* ct status dnat */
static void match_redirected(struct writer *w)
{
	static const uint32_t zero;

	load_ct(w, NFT_CT_STATUS);
	bitwise(w, IPS_DST_NAT, 0);
	write_compare(w, NFT_CMP_NEQ, &zero, sizeof(zero));
}

/* ct direction DIRECTION ct status snat,dnat / snat,dnat */
static void match_masqueraded(struct writer *w, uint8_t direction)
{
	static const uint32_t both = IPS_SRC_NAT | IPS_DST_NAT;

	load_ct(w, NFT_CT_DIRECTION);
	write_compare(w, NFT_CMP_EQ, &direction, sizeof(direction));
	load_ct(w, NFT_CT_STATUS);
	bitwise(w, both, 0);
	write_compare(w, NFT_CMP_EQ, &both, sizeof(both));
}

/* Compare the first byte of the first register. */
static void match_loopback_network(struct writer *w)
{
	static const uint8_t net = 127;

	write_compare(w, NFT_CMP_EQ, &net, sizeof(net));
}

/* ip saddr or daddr in 127.0.0.0/8 */
static void match_loopback(struct writer *w, uint32_t offset)
{
	match_family(w, false);
	load_payload(w, NFT_PAYLOAD_NETWORK_HEADER, offset, 1, 0);
	match_loopback_network(w);
}

/* iif != "lo"; the index is loopback's in every network namespace. */
static void match_outside(struct writer *w)
{
	static const uint32_t lo = 1;

	load_meta(w, NFT_META_IIF, 0);
	write_compare(w, NFT_CMP_NEQ, &lo, sizeof(lo));
}

/* The first register becomes ip saddr or daddr; both checksums are kept right. */
static void write_address(struct writer *w, uint32_t offset)
{
	struct nftnl_expr *e = expr(w, "payload");

	set_u32(e, NFTNL_EXPR_PAYLOAD_SREG, REG(0));
	set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
	set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, 4);
	set_u32(e, NFTNL_EXPR_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_INET);
	set_u32(e, NFTNL_EXPR_PAYLOAD_CSUM_OFFSET, HEADER_CHECKSUM);
	set_u32(e, NFTNL_EXPR_PAYLOAD_FLAGS, NFT_PAYLOAD_L4CSUM_PSEUDOHDR);
}

/* 192.0.0.8: RFC 7600, "IPv4 dummy address". */
static const uint8_t nobody[4] = {192, 0, 0, 8};

/* ip saddr set 192.0.0.8 */
static void hide_source(struct writer *w)
{
	struct nftnl_expr *e = expr(w, "immediate");

	set_u32(e, NFTNL_EXPR_IMM_DREG, REG(0));
	if (e != NULL)
		nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, nobody, sizeof(nobody));
	write_address(w, SADDR);
}

/* Look the packet up in a set, by its key; a map's value replaces the key in the registers. */
static void lookup(struct writer *w, bool ipv6, unsigned int scope, unsigned int kind)
{
	unsigned int word = 0;
	struct nftnl_expr *e;

	/* nft(8) tests the family of these behind the lookup, where the address is written. */
	if (scope != SCOPE_PORTS || kind != KIND_LOCAL)
		match_family(w, ipv6);
	if (scope == SCOPE_HOSTS) {
		load_payload(w, NFT_PAYLOAD_NETWORK_HEADER, ipv6 ? 24 : DADDR, ipv6 ? 16 : 4, word);
		word += ipv6 ? 4 : 1;
	}
	load_meta(w, NFT_META_L4PROTO, word++);
	load_payload(w, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, word++);
	if (kind == KIND_HAIRPIN)
		load_meta(w, NFT_META_IIFNAME, word);
	e = expr(w, "lookup");
	set_u32(e, NFTNL_EXPR_LOOKUP_SREG, REG(0));
	if (kind == KIND_DNAT)
		set_u32(e, NFTNL_EXPR_LOOKUP_DREG, REG(0));
	if (e != NULL)
		nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET,
				   table_set_name(table_set(ipv6, scope, kind)));
}

static void redirect(struct writer *w, bool ipv6)
{
	const uint32_t port = REG(ipv6 ? 4 : 1);
	struct nftnl_expr *e = expr(w, "nat");

	set_u32(e, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
	set_u32(e, NFTNL_EXPR_NAT_FAMILY, ipv6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
	set_u32(e, NFTNL_EXPR_NAT_REG_ADDR_MIN, REG(0));
	set_u32(e, NFTNL_EXPR_NAT_REG_ADDR_MAX, REG(0));
	set_u32(e, NFTNL_EXPR_NAT_REG_PROTO_MIN, port);
	set_u32(e, NFTNL_EXPR_NAT_REG_PROTO_MAX, port);
	set_u32(e, NFTNL_EXPR_NAT_FLAGS, NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED);
}

static void write_publish(struct writer *w)
{
	static const struct in6_addr loopback6 = IN6ADDR_LOOPBACK_INIT;

	begin_rule(w, CHAIN_PUBLISH);
	match_family(w, true);
	load_payload(w, NFT_PAYLOAD_NETWORK_HEADER, 24, 16, 0);
	write_compare(w, NFT_CMP_EQ, &loopback6, sizeof(loopback6));
	verdict(w, NFT_RETURN, 0);
	end_rule(w);

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		for (int scope = SCOPE_HOSTS; scope >= SCOPE_PORTS; scope--) {
			for (int kind = KIND_HAIRPIN; kind <= KIND_MASQ; kind++) {
				begin_rule(w, CHAIN_PUBLISH);
				lookup(w, ipv6, scope, kind);
				verdict(w, NFT_JUMP, CHAIN_MARK);
				end_rule(w);
			}
			begin_rule(w, CHAIN_PUBLISH);
			lookup(w, ipv6, scope, KIND_DNAT);
			redirect(w, ipv6);
			end_rule(w);
		}
	}
}

static void set_mark(struct writer *w)
{
	struct nftnl_expr *e = expr(w, "meta");

	set_u32(e, NFTNL_EXPR_META_KEY, NFT_META_MARK);
	set_u32(e, NFTNL_EXPR_META_SREG, REG(0));
}

static void write_postrouting(struct writer *w)
{
	static const char lo[IFNAMSIZ] = "lo";
	const uint32_t bit = UINT32_C(1) << w->mark_bit;

	begin_rule(w, CHAIN_POSTROUTING);
	load_meta(w, NFT_META_MARK, 0);
	bitwise(w, bit, 0);
	write_compare(w, NFT_CMP_EQ, &bit, sizeof(bit));
	match_redirected(w);
	load_meta(w, NFT_META_MARK, 0);
	bitwise(w, ~bit, 0);
	set_mark(w);
	expr(w, "masq");
	end_rule(w);

	begin_rule(w, CHAIN_POSTROUTING);
	load_meta(w, NFT_META_OIFNAME, 0);
	write_compare(w, NFT_CMP_NEQ, lo, sizeof(lo));
	match_redirected(w);
	load_ct_address(w, NFT_CT_SRC_IP, IP_CT_DIR_ORIGINAL);
	match_loopback_network(w);
	expr(w, "masq");
	end_rule(w);
}

/* The first packet of a connection from 127.0.0.0/8. */
static void write_loopback(struct writer *w)
{
	for (int scope = SCOPE_HOSTS; scope >= SCOPE_PORTS; scope--) {
		begin_rule(w, CHAIN_LOOPBACK);
		lookup(w, false, scope, KIND_LOCAL);
		if (scope == SCOPE_PORTS)
			match_family(w, false);
		hide_source(w);
		end_rule(w);
	}
	begin_rule(w, CHAIN_LOOPBACK);
	match_family(w, false);
	load_payload(w, NFT_PAYLOAD_NETWORK_HEADER, SADDR, sizeof(nobody), 0);
	write_compare(w, NFT_CMP_EQ, nobody, sizeof(nobody));
	verdict(w, NFT_JUMP, CHAIN_PUBLISH);
	end_rule(w);
}

/* The packets behind it, and the replies. */
static void write_loopback_hooks(struct writer *w)
{
	begin_rule(w, CHAIN_LOOPBACK_OUTPUT);
	match_loopback(w, SADDR);
	match_masqueraded(w, IP_CT_DIR_ORIGINAL);
	hide_source(w);
	end_rule(w);

	begin_rule(w, CHAIN_LOOPBACK_PREROUTING);
	match_outside(w);
	match_loopback(w, DADDR);
	match_masqueraded(w, IP_CT_DIR_REPLY);
	load_ct_address(w, NFT_CT_DST_IP, IP_CT_DIR_REPLY);
	write_address(w, DADDR);
	end_rule(w);

	begin_rule(w, CHAIN_LOOPBACK_INPUT);
	match_outside(w);
	match_masqueraded(w, IP_CT_DIR_REPLY);
	load_ct_address(w, NFT_CT_SRC_IP, IP_CT_DIR_ORIGINAL);
	match_loopback_network(w);
	match_family(w, false);
	load_ct_address(w, NFT_CT_SRC_IP, IP_CT_DIR_ORIGINAL);
	write_address(w, DADDR);
	end_rule(w);
}

/* fib daddr type local VERDICT CHAIN */
static void if_local(struct writer *w, int code, unsigned int chain)
{
	static const uint32_t local = RTN_LOCAL;
	struct nftnl_expr *e = expr(w, "fib");

	set_u32(e, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	set_u32(e, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
	set_u32(e, NFTNL_EXPR_FIB_DREG, REG(0));
	write_compare(w, NFT_CMP_EQ, &local, sizeof(local));
	verdict(w, code, chain);
}

static void write_nat_hooks(struct writer *w)
{
	begin_rule(w, CHAIN_PREROUTING);
	match_loopback(w, DADDR);
	verdict(w, NFT_RETURN, 0);
	end_rule(w);

	begin_rule(w, CHAIN_OUTPUT);
	match_loopback(w, SADDR);
	if_local(w, NFT_GOTO, CHAIN_LOOPBACK);
	end_rule(w);

	for (unsigned int chain = CHAIN_PREROUTING; chain <= CHAIN_OUTPUT; chain++) {
		begin_rule(w, chain);
		if_local(w, NFT_JUMP, CHAIN_PUBLISH);
		end_rule(w);
	}
}

static void write_mark(struct writer *w)
{
	const uint32_t bit = UINT32_C(1) << w->mark_bit;
	uint8_t comment[COMMENT_MAX + 2];
	char layout[COMMENT_MAX];

	begin_rule(w, CHAIN_MARK);
	load_meta(w, NFT_META_MARK, 0);
	bitwise(w, ~bit, bit);
	set_mark(w);
	snprintf(layout, sizeof(layout), LAYOUT_COMMENT "%d", TABLE_LAYOUT);
	if (w->rule != NULL &&
	    nftnl_rule_set_data(w->rule, NFTNL_RULE_USERDATA, comment,
				comment_data(comment, NFTNL_UDATA_RULE_COMMENT, layout)) < 0)
		w->b->failed = true;
	end_rule(w);
}

void layout_rules(struct netlink_batch *b, unsigned int mark_bit)
{
	struct writer w = {.b = b, .mark_bit = mark_bit};

	write_mark(&w);
	write_publish(&w);
	write_loopback(&w);
	write_nat_hooks(&w);
	write_postrouting(&w);
	write_loopback_hooks(&w);
}
