/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What table `inet usernet_portmap` consists of: its chains, maps, sets and rules, and the netlink
 * messages that make them. The listing is table.nft.
 */
#ifndef PORTMAP_LAYOUT_H
#define PORTMAP_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "nft.h"

#define TABLE_NAME "usernet_portmap"

/* To be raised with every change of the listing: older tables are then upgraded to it. */
#define TABLE_LAYOUT 2

/* The reference portmap plugin's bit, which is why nobody else uses it. */
#define TABLE_DEFAULT_MARK_BIT 13

/*
 * A set of the table by what is looked up in it: for each family, for mappings of any host address
 * ("ports") and of one ("hosts"), the destination, whom to masquerade, and whether 127.0.0.1 may
 * use it.
 */
enum table_scope { SCOPE_PORTS, SCOPE_HOSTS, SCOPE_COUNT };
enum table_kind {
	KIND_DNAT,    /* map: where to */
	KIND_HAIRPIN, /* set: connections that come in by this interface are masqueraded */
	KIND_MASQ,    /* set: all are */
	KIND_LOCAL,   /* set: connections from 127.0.0.0/8 are redirected too; IPv4 only */
	KIND_COUNT,
};

#define TABLE_SETS (2 * SCOPE_COUNT * KIND_LOCAL + SCOPE_COUNT)

/* Index of a set, 0 to TABLE_SETS - 1. */
unsigned int table_set(bool ipv6, enum table_scope scope, enum table_kind kind);
/* Its name: "ports4", "hosts6_masq"; static storage. */
const char *table_set_name(unsigned int set);
/* Whether its elements are the mappings themselves, of KIND_DNAT. */
bool table_set_is_map(unsigned int set);

enum layout_chain {
	CHAIN_MARK,
	CHAIN_PUBLISH,
	CHAIN_LOOPBACK,
	CHAIN_PREROUTING,
	CHAIN_OUTPUT,
	CHAIN_POSTROUTING,
	CHAIN_LOOPBACK_OUTPUT,
	CHAIN_LOOPBACK_PREROUTING,
	CHAIN_LOOPBACK_INPUT,
	LAYOUT_CHAINS
};

/* Chains that earlier layouts had; "guard" is layout 1's. */
#define LAYOUT_RETIRED 1
extern const char *const layout_retired[LAYOUT_RETIRED];
#define LAYOUT_GUARD_RULES 2 /* in it */

/* Room for "mark_bit_31". */
#define LAYOUT_NAME_MAX 16

/* What the name of the chain that sets the mark begins with; the number of the bit follows. */
#define LAYOUT_MARK_PREFIX "mark_bit_"

/* What the comment of the rule that sets the mark begins with; the layout's number follows. */
#define LAYOUT_COMMENT "layout "

/* The name of a chain; @buf: LAYOUT_NAME_MAX bytes, which may hold it. */
const char *layout_chain_name(unsigned int chain, unsigned int mark_bit, char *buf);

/* One message each: NEWTABLE, NEWCHAIN, NEWSET. */
void layout_table(struct netlink_batch *b);
void layout_chain(struct netlink_batch *b, unsigned int chain, unsigned int mark_bit);
void layout_set(struct netlink_batch *b, unsigned int set);

/* Every rule, chain by chain, in the order in which they stand in it: NEWRULE messages. */
void layout_rules(struct netlink_batch *b, unsigned int mark_bit);

#endif
