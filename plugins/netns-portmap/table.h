/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shape of table `inet usernet_portmap`: its maps, sets, chains and rules. What is in the maps
 * and sets is nftables.c's.
 */
#ifndef PORTMAP_TABLE_H
#define PORTMAP_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "nfnl.h"

#define TABLE_NAME "usernet_portmap"

/* The reference portmap plugin's bit, which nobody else uses therefore. */
#define TABLE_DEFAULT_MARK_BIT 13

/*
 * A set of the table by what is looked up in it: for each family, for mappings of any host address
 * ("ports") and of one ("hosts"), the destination and whom to masquerade.
 */
enum table_scope { SCOPE_PORTS, SCOPE_HOSTS, SCOPE_COUNT };
enum table_kind {
	KIND_DNAT,    /* map: where to */
	KIND_HAIRPIN, /* set: connections that come in by this interface are masqueraded */
	KIND_MASQ,    /* set: all are */
	KIND_COUNT,
};

#define TABLE_SETS (2 * SCOPE_COUNT * KIND_COUNT)

/* Index of a set, 0 to TABLE_SETS - 1. */
unsigned int table_set(bool ipv6, enum table_scope scope, enum table_kind kind);
/* Its name: "ports4", "hosts6_masq"; static storage. */
const char *table_set_name(unsigned int set);

enum table_state {
	TABLE_MISSING,
	TABLE_BROKEN,    /* there, but not as it should be: somebody flushed or edited it */
	TABLE_OTHER_BIT, /* whole, with another mark bit */
	TABLE_WHOLE,
};

/**
 * table_look() - the state of the table and the generation of the whole ruleset.
 * @mark_bit:   0 to 31
 * @generation: for nfnl_batch_begin(): a transaction with it fails if anything changed since
 *
 * A handful of single requests, however many mappings there are: a chain tells how many rules it
 * has and how many point at it.
 *
 * Return: 0, or -1 with errno (EPERM without CAP_NET_ADMIN).
 */
int table_look(struct nfnl *nl, unsigned int mark_bit, enum table_state *state,
	       uint32_t *generation);

/* Where a message about nf_tables objects of family inet is to be built, its header there. */
struct nlmsghdr *table_message(struct nfnl *nl, struct nfnl_buffer *b, uint16_t type,
			       uint16_t flags);

/* Begin a transaction. @generation: 0 takes any. */
void table_begin(struct nfnl *nl, struct nfnl_buffer *b, uint32_t generation);

/**
 * table_commit() - end the transaction and send it.
 *
 * Return: 0 done, else the first error as a positive number, and nothing has changed: ERESTART the
 * ruleset is of another generation, EEXIST or EBUSY a key is taken, ENOENT no such table or key.
 * Negative: the answer was lost, and it may be done; the socket is no good any more.
 */
int table_commit(struct nfnl *nl, struct nfnl_buffer *b);

/* Into a transaction: whatever of the table is missing, and its rules anew. Elements stay. */
void table_build(struct nfnl *nl, struct nfnl_buffer *b, unsigned int mark_bit);

/*
 * Into a transaction: the whole table away, with its elements: look at them first, and take the
 * generation from before. It fails when a chain is missing, or somebody put one of their own in.
 */
void table_remove(struct nfnl *nl, struct nfnl_buffer *b, unsigned int mark_bit);

#endif
