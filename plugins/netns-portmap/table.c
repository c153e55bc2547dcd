/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table, as `nft list table inet usernet_portmap` shows it, for one family (the other alike):
 *
 *   map ports4 { type inet_proto . inet_service : ipv4_addr . inet_service }
 *   map hosts4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service }
 *   set ports4_hairpin { type inet_proto . inet_service . ifname }
 *   set ports4_masq { type inet_proto . inet_service }            hosts4_hairpin, hosts4_masq alike
 *
 *   chain publish {
 *     ip daddr . meta l4proto . th dport . iifname @hosts4_hairpin jump mark_bit_13
 *     ip daddr . meta l4proto . th dport @hosts4_masq jump mark_bit_13
 *     dnat ip to ip daddr . meta l4proto . th dport map @hosts4
 *     meta l4proto . th dport . iifname @ports4_hairpin jump mark_bit_13
 *     meta l4proto . th dport @ports4_masq jump mark_bit_13
 *     dnat ip to meta l4proto . th dport map @ports4
 *   }
 *   chain mark_bit_13 { meta mark set meta mark | 0x2000 }
 *   chain prerouting, chain output { fib daddr type local jump publish }
 *   chain postrouting {
 *     meta mark & 0x2000 == 0x2000 ct status dnat meta mark set meta mark & 0xffffdfff masquerade
 *     ip saddr 127.0.0.0/8 oifname != "lo" ct status dnat masquerade
 *   }
 *   chain guard { iif != "lo" ip daddr 127.0.0.0/8 drop; the same for ip saddr }
 *
 * Why it is so:
 *
 * - A mapping of one host address goes before one of any (as the longer prefix does in a routing
 *   table). dnat ends the walk, so a connection is masqueraded by the mapping that it matched.
 * - Who needs masquerading is known before the address is rewritten, from the port and the
 *   interface, and needed after it. Two designs: (a) look it up again after routing, by container
 *   address and port; no mark is needed, but connections to the same container by way of another
 *   mapping or of kube-proxy match as well and lose their source address, the bridged hairpin of
 *   br_netfilter has no input interface there, and an element of a dead container would clash with
 *   its address's next owner. (b) One bit of the packet mark from here to there, set on the first
 *   packet of a connection only and cleared again: exact, and each key contains the mapping's, so
 *   that who owns the mapping owns them all. This is (b). The bit is `markMasqBit`, one for the
 *   whole host, and shows in a chain's name, so that looking is enough to know it.
 * - Hairpin means that a connection comes in by the interface behind which the container is:
 *   answered directly it would bypass this host. Hence the interface in the key, and not the
 *   container's subnet, which need not be on one interface.
 * - A connection from 127.0.0.1 that was redirected and leaves by another interface cannot work
 *   unless it is masqueraded, whosever it is; the rule needs no element.
 * - route_localnet, which such connections need, also lets a neighbour on that link send packets to
 *   127.0.0.1, and dnat before routing would take them even without it. The guard drops them at
 *   the door. Nothing legitimate arrives like that (RFC 1122, 3.2.1.3).
 * - ::1 can not be forwarded at all, so it is left to the host's own sockets.
 *
 * Rules are the same however many mappings there are; nat chains see a connection's first packet.
 */
#include "table.h"

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

#define COMMENT_MAX 128

/* nft(8)'s numbers of its data types (enum datatypes in its sources), six bits each in a tuple. */
enum { TYPE_IPV4 = 7, TYPE_IPV6 = 8, TYPE_PROTO = 12, TYPE_SERVICE = 13, TYPE_IFNAME = 41 };
#define THEN(tuple, type) ((tuple) << 6 | (type))

enum { PRIORITY_GUARD = NF_IP_PRI_RAW, PRIORITY_DNAT = -100, PRIORITY_SNAT = 100 };

unsigned int table_set(bool ipv6, enum table_scope scope, enum table_kind kind)
{
	return ((ipv6 ? SCOPE_COUNT : 0) + scope) * KIND_COUNT + kind;
}

const char *table_set_name(unsigned int set)
{
	static const char *const names[TABLE_SETS] = {
		"ports4",         "ports4_hairpin", "ports4_masq",    "hosts4",
		"hosts4_hairpin", "hosts4_masq",    "ports6",         "ports6_hairpin",
		"ports6_masq",    "hosts6",         "hosts6_hairpin", "hosts6_masq",
	};

	return names[set];
}

struct nlmsghdr *table_message(struct nfnl *nl, struct nfnl_buffer *b, uint16_t type,
			       uint16_t flags)
{
	void *at = nfnl_put(nl, b);

	return nftnl_nlmsg_build_hdr(at, type, NFPROTO_INET, flags, nl->seq);
}

/*
 * Chains
 */

enum {
	CHAIN_MARK,
	CHAIN_PUBLISH,
	CHAIN_PREROUTING,
	CHAIN_OUTPUT,
	CHAIN_POSTROUTING,
	CHAIN_GUARD,
	CHAIN_COUNT
};

static const struct {
	const char *name; /* NULL: mark_bit_N */
	const char *comment;
	const char *type; /* NULL: not at a hook */
	uint32_t hook;
	int32_t priority;
} chains[CHAIN_COUNT] = {
	[CHAIN_MARK] = {NULL, "to be masqueraded: the bit is cleared again in postrouting"},
	[CHAIN_PUBLISH] = {"publish",
			   "what came to an address of this host: is its port published?"},
	[CHAIN_PREROUTING] = {"prerouting", "connections from outside and from containers", "nat",
			      NF_INET_PRE_ROUTING, PRIORITY_DNAT},
	[CHAIN_OUTPUT] = {"output", "connections of the host's own programs", "nat",
			  NF_INET_LOCAL_OUT, PRIORITY_DNAT},
	[CHAIN_POSTROUTING] = {"postrouting", "hairpin, masqAll, and connections from 127.0.0.1",
			       "nat", NF_INET_POST_ROUTING, PRIORITY_SNAT},
	[CHAIN_GUARD] = {"guard",
			 "127.0.0.1 is not to be reached from outside, route_localnet or not",
			 "filter", NF_INET_PRE_ROUTING, PRIORITY_GUARD},
};

static const char *chain_name(unsigned int chain, unsigned int mark_bit, char buf[16])
{
	if (chains[chain].name)
		return chains[chain].name;
	snprintf(buf, 16, "mark_bit_%u", mark_bit);
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

static void build_chain(struct nfnl *nl, struct nfnl_buffer *b, unsigned int chain,
			unsigned int mark_bit)
{
	struct nlmsghdr *nlh = table_message(nl, b, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	struct nftnl_chain *c = nftnl_chain_alloc();
	uint8_t comment[COMMENT_MAX + 2];
	char name[16];

	if (c == NULL) {
		b->failed = true;
		return;
	}
	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, TABLE_NAME);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, chain_name(chain, mark_bit, name));
	if (chains[chain].type) {
		nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, chains[chain].type);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, chains[chain].hook);
		nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, chains[chain].priority);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	}
	nftnl_chain_set_data(
		c, NFTNL_CHAIN_USERDATA, comment,
		comment_data(comment, NFTNL_UDATA_CHAIN_COMMENT, chains[chain].comment));
	nftnl_chain_nlmsg_build_payload(nlh, c);
	nftnl_chain_free(c);
	nfnl_done(b, nlh);
}

/*
 * Sets and maps
 */

static void build_set(struct nfnl *nl, struct nfnl_buffer *b, unsigned int index)
{
	static const char *const comments[SCOPE_COUNT][KIND_COUNT] = {
		[SCOPE_PORTS] = {"published on every address: protocol, host port, to where",
				 "masqueraded when it comes from beside the container",
				 "masqueraded wherever it comes from (masqAll)"},
		[SCOPE_HOSTS] = {"published on one address: protocol, host port, to where",
				 "masqueraded when it comes from beside the container",
				 "masqueraded wherever it comes from (masqAll)"},
	};
	const bool ipv6 = index >= TABLE_SETS / 2;
	const unsigned int scope = index / KIND_COUNT % SCOPE_COUNT;
	const unsigned int kind = index % KIND_COUNT;
	const uint32_t address_type = ipv6 ? TYPE_IPV6 : TYPE_IPV4;
	const uint32_t address_len = ipv6 ? 16 : 4;
	uint32_t type = scope == SCOPE_HOSTS ? address_type : 0;
	uint32_t len = scope == SCOPE_HOSTS ? address_len : 0;
	struct nlmsghdr *nlh = table_message(nl, b, NFT_MSG_NEWSET, NLM_F_CREATE);
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
	nftnl_set_set_data(set, NFTNL_SET_USERDATA, comment,
			   comment_data(comment, NFTNL_UDATA_SET_COMMENT, comments[scope][kind]));
	nftnl_set_nlmsg_build_payload(nlh, set);
	nftnl_set_free(set);
	nfnl_done(b, nlh);
}

/*
 * Rules. They are written once, here, and read in two ways: to build them, and to count how many
 * rules and jumps each chain should have (then there is no message to build them into).
 */

struct writer {
	struct nfnl *nl;
	struct nfnl_buffer *b; /* NULL: only count */
	struct nftnl_rule *rule;
	unsigned int mark_bit;
	uint32_t use[CHAIN_COUNT]; /* what the kernel shows as a chain's use: rules and jumps to it
				    */
};

static void begin_rule(struct writer *w, unsigned int chain)
{
	char name[16];

	w->use[chain]++;
	w->rule = NULL;
	if (w->b == NULL)
		return;
	w->rule = nftnl_rule_alloc();
	if (w->rule == NULL) {
		w->b->failed = true;
		return;
	}
	nftnl_rule_set_u32(w->rule, NFTNL_RULE_FAMILY, NFPROTO_INET);
	nftnl_rule_set_str(w->rule, NFTNL_RULE_TABLE, TABLE_NAME);
	nftnl_rule_set_str(w->rule, NFTNL_RULE_CHAIN, chain_name(chain, w->mark_bit, name));
}

static void end_rule(struct writer *w)
{
	struct nlmsghdr *nlh;

	if (w->rule == NULL)
		return;
	nlh = table_message(w->nl, w->b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	nftnl_rule_nlmsg_build_payload(nlh, w->rule);
	nfnl_done(w->b, nlh);
	nftnl_rule_free(w->rule);
	w->rule = NULL;
}

/* An expression at the end of the rule; NULL when there is no rule to build. */
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
	if (e)
		nftnl_expr_set_u32(e, attribute, value);
}

/* Registers are counted in 32-bit words here; NFT_REG32_00 to _15 are the same memory as 1 to 4. */
#define REG(word) ((uint32_t)(NFT_REG32_00 + (word)))

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
static void compare(struct writer *w, uint32_t op, const void *data, uint32_t len)
{
	struct nftnl_expr *e = expr(w, "cmp");

	set_u32(e, NFTNL_EXPR_CMP_SREG, REG(0));
	set_u32(e, NFTNL_EXPR_CMP_OP, op);
	if (e)
		nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, len);
}

/* First register: (itself & mask) ^ flip. */
static void bitwise(struct writer *w, uint32_t mask, uint32_t flip)
{
	struct nftnl_expr *e = expr(w, "bitwise");

	set_u32(e, NFTNL_EXPR_BITWISE_SREG, REG(0));
	set_u32(e, NFTNL_EXPR_BITWISE_DREG, REG(0));
	set_u32(e, NFTNL_EXPR_BITWISE_LEN, sizeof(mask));
	if (e) {
		nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, &mask, sizeof(mask));
		nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, &flip, sizeof(flip));
	}
}

static void verdict(struct writer *w, int code, unsigned int chain)
{
	struct nftnl_expr *e = expr(w, "immediate");
	char name[16];

	if (code == NFT_JUMP)
		w->use[chain]++;
	set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t)code);
	if (e && code == NFT_JUMP)
		nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, chain_name(chain, w->mark_bit, name));
}

static void match_family(struct writer *w, bool ipv6)
{
	const uint8_t family = ipv6 ? NFPROTO_IPV6 : NFPROTO_IPV4;

	load_meta(w, NFT_META_NFPROTO, 0);
	compare(w, NFT_CMP_EQ, &family, sizeof(family));
}

/* ct status dnat */
static void match_redirected(struct writer *w)
{
	static const uint32_t zero;
	struct nftnl_expr *e = expr(w, "ct");

	set_u32(e, NFTNL_EXPR_CT_KEY, NFT_CT_STATUS);
	set_u32(e, NFTNL_EXPR_CT_DREG, REG(0));
	bitwise(w, IPS_DST_NAT, 0);
	compare(w, NFT_CMP_NEQ, &zero, sizeof(zero));
}

/* ip saddr (offset 12) or daddr (16) in 127.0.0.0/8 */
static void match_loopback(struct writer *w, uint32_t offset)
{
	static const uint8_t net = 127;

	match_family(w, false);
	load_payload(w, NFT_PAYLOAD_NETWORK_HEADER, offset, sizeof(net), 0);
	compare(w, NFT_CMP_EQ, &net, sizeof(net));
}

/* Look the packet up in a set, by its key; a map's value replaces the key in the registers. */
static void lookup(struct writer *w, bool ipv6, unsigned int scope, unsigned int kind)
{
	unsigned int word = 0;
	struct nftnl_expr *e;

	match_family(w, ipv6);
	if (scope == SCOPE_HOSTS) {
		load_payload(w, NFT_PAYLOAD_NETWORK_HEADER, ipv6 ? 24 : 16, ipv6 ? 16 : 4, word);
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
	if (e)
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
	compare(w, NFT_CMP_EQ, &loopback6, sizeof(loopback6));
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
	compare(w, NFT_CMP_EQ, &bit, sizeof(bit));
	match_redirected(w);
	load_meta(w, NFT_META_MARK, 0);
	bitwise(w, ~bit, 0);
	set_mark(w);
	expr(w, "masq");
	end_rule(w);

	begin_rule(w, CHAIN_POSTROUTING);
	match_loopback(w, 12);
	load_meta(w, NFT_META_OIFNAME, 0);
	compare(w, NFT_CMP_NEQ, lo, sizeof(lo));
	match_redirected(w);
	expr(w, "masq");
	end_rule(w);
}

static void write_guard(struct writer *w)
{
	static const uint32_t lo = 1; /* loopback's index in every network namespace */

	for (uint32_t offset = 12; offset <= 16; offset += 4) {
		begin_rule(w, CHAIN_GUARD);
		load_meta(w, NFT_META_IIF, 0);
		compare(w, NFT_CMP_NEQ, &lo, sizeof(lo));
		match_loopback(w, offset);
		verdict(w, NF_DROP, 0);
		end_rule(w);
	}
}

static void write_rules(struct writer *w)
{
	static const uint32_t local = RTN_LOCAL;
	const uint32_t bit = UINT32_C(1) << w->mark_bit;

	begin_rule(w, CHAIN_MARK);
	load_meta(w, NFT_META_MARK, 0);
	bitwise(w, ~bit, bit);
	set_mark(w);
	end_rule(w);

	write_publish(w);
	for (unsigned int chain = CHAIN_PREROUTING; chain <= CHAIN_OUTPUT; chain++) {
		struct nftnl_expr *e;

		begin_rule(w, chain);
		e = expr(w, "fib");
		set_u32(e, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
		set_u32(e, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
		set_u32(e, NFTNL_EXPR_FIB_DREG, REG(0));
		compare(w, NFT_CMP_EQ, &local, sizeof(local));
		verdict(w, NFT_JUMP, CHAIN_PUBLISH);
		end_rule(w);
	}
	write_postrouting(w);
	write_guard(w);
}

/*
 * The table as a whole
 */

/* A request that names the table, and one thing in it (attribute 0: nothing). */
static void put_named(struct nfnl *nl, struct nfnl_buffer *b, uint16_t type, uint16_t flags,
		      uint16_t attribute, const char *name)
{
	struct nlmsghdr *nlh = table_message(nl, b, type, flags);

	/* The table's name is attribute 1 of every kind of message. */
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, TABLE_NAME);
	if (attribute)
		mnl_attr_put_strz(nlh, attribute, name);
	nfnl_done(b, nlh);
}

void table_build(struct nfnl *nl, struct nfnl_buffer *b, unsigned int mark_bit)
{
	struct writer w = {.nl = nl, .b = b, .mark_bit = mark_bit};
	struct nlmsghdr *nlh = table_message(nl, b, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	uint8_t comment[COMMENT_MAX + 2];

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, TABLE_NAME);
	mnl_attr_put(nlh, NFTA_TABLE_USERDATA,
		     comment_data(comment, NFTNL_UDATA_TABLE_COMMENT,
				  "published ports of containers: netns-portmap(8)"),
		     comment);
	nfnl_done(b, nlh);
	for (unsigned int chain = 0; chain < CHAIN_COUNT; chain++)
		build_chain(nl, b, chain, mark_bit);
	put_named(nl, b, NFT_MSG_DELRULE, 0, 0, NULL); /* every rule of the table */
	for (unsigned int set = 0; set < TABLE_SETS; set++)
		build_set(nl, b, set);
	write_rules(&w);
}

void table_remove(struct nfnl *nl, struct nfnl_buffer *b, unsigned int mark_bit)
{
	char name[16];

	put_named(nl, b, NFT_MSG_DELRULE, 0, 0, NULL);
	for (unsigned int set = 0; set < TABLE_SETS; set++)
		put_named(nl, b, NFT_MSG_DELSET, 0, NFTA_SET_NAME, table_set_name(set));
	for (unsigned int chain = 0; chain < CHAIN_COUNT; chain++)
		put_named(nl, b, NFT_MSG_DELCHAIN, 0, NFTA_CHAIN_NAME,
			  chain_name(chain, mark_bit, name));
	/* NLM_F_NONREC: only if that was all. */
	put_named(nl, b, NFT_MSG_DELTABLE, NLM_F_NONREC, 0, NULL);
}

struct look {
	uint32_t first_seq; /* of the question for chain 0 */
	uint32_t use[CHAIN_COUNT];
	bool found[CHAIN_COUNT];
	bool table;
	uint32_t generation;
	int error;
};

static int on_look(const struct nlmsghdr *nlh, void *arg)
{
	struct look *look = arg;
	const struct nlattr *attr;
	const uint32_t chain = nlh->nlmsg_seq - look->first_seq;
	const int error = nfnl_errno(nlh);
	const uint16_t type = NFNL_MSG_TYPE(nlh->nlmsg_type);

	if (nlh->nlmsg_type == NLMSG_ERROR) {
		if (error != ENOENT && look->error == 0)
			look->error = error;
		return 0;
	}
	if (type == NFT_MSG_NEWTABLE)
		look->table = true;
	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
	{
		const uint16_t kind = mnl_attr_get_type(attr);

		if (type == NFT_MSG_NEWGEN && kind == NFTA_GEN_ID)
			look->generation = ntohl(nfnl_get_u32(attr));
		if (type == NFT_MSG_NEWCHAIN && kind == NFTA_CHAIN_USE && chain < CHAIN_COUNT) {
			look->use[chain] = ntohl(nfnl_get_u32(attr));
			look->found[chain] = true;
		}
	}
	return 0;
}

int table_look(struct nfnl *nl, unsigned int mark_bit, enum table_state *state,
	       uint32_t *generation)
{
	cleanup_nfnl_buffer struct nfnl_buffer b = {0};
	struct writer expected = {.mark_bit = mark_bit};
	struct look look = {0};
	bool whole = true;
	char name[16];

	write_rules(&expected);
	/* The generation first: whatever is read after it, and changes, makes a newer one. */
	nfnl_done(&b, table_message(nl, &b, NFT_MSG_GETGEN, 0));
	put_named(nl, &b, NFT_MSG_GETTABLE, 0, 0, NULL);
	look.first_seq = nl->seq + 1;
	for (unsigned int chain = 0; chain < CHAIN_COUNT; chain++)
		put_named(nl, &b, NFT_MSG_GETCHAIN, 0, NFTA_CHAIN_NAME,
			  chain_name(chain, mark_bit, name));
	if (nfnl_send(nl, &b) < 0 || nfnl_receive(nl, on_look, &look) < 0)
		return -1;
	if (look.error) {
		errno = look.error;
		return -1;
	}
	*generation = look.generation;
	for (unsigned int chain = CHAIN_MARK + 1; chain < CHAIN_COUNT; chain++)
		whole &= look.found[chain] && look.use[chain] == expected.use[chain];
	if (!look.table)
		*state = TABLE_MISSING;
	else if (whole && !look.found[CHAIN_MARK])
		*state = TABLE_OTHER_BIT;
	else if (whole && look.use[CHAIN_MARK] == expected.use[CHAIN_MARK])
		*state = TABLE_WHOLE;
	else
		*state = TABLE_BROKEN;
	return 0;
}

void table_begin(struct nfnl *nl, struct nfnl_buffer *b, uint32_t generation)
{
	void *at = nfnl_put(nl, b);
	struct nlmsghdr *nlh = nftnl_batch_begin(at, nl->seq);

	if (generation)
		mnl_attr_put_u32(nlh, NFNL_BATCH_GENID, htonl(generation));
	nfnl_done(b, nlh);
}

static int on_commit(const struct nlmsghdr *nlh, void *arg)
{
	int *error = arg;

	if (nlh->nlmsg_type == NLMSG_ERROR && *error == 0)
		*error = nfnl_errno(nlh);
	return 0;
}

int table_commit(struct nfnl *nl, struct nfnl_buffer *b)
{
	void *at = nfnl_put(nl, b);
	int error = 0;

	nfnl_done(b, nftnl_batch_end(at, nl->seq));
	if (nfnl_send(nl, b) < 0)
		return errno;
	/* Lost replies may be lost errors. */
	if (nfnl_receive(nl, on_commit, &error) < 0 && error == 0)
		return -errno;
	return error;
}
