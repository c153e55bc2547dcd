/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Table `inet usernet_portmap` as a whole: whether it is there and as layout.h says, and how it is
 * made so. nftables.c takes care of what is in its maps and sets.
 */
#ifndef PORTMAP_TABLE_H
#define PORTMAP_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "layout.h"
#include "netlink.h"

enum table_state {
	TABLE_MISSING,
	TABLE_OWNED,     /* a program holds it with the flag `owner`: nobody else may change it */
	TABLE_NEWER,     /* of a later release, whose layout this one does not know */
	TABLE_OTHER_BIT, /* it marks with another bit */
	TABLE_FOREIGN,   /* a set of ours is of another type: no release made it so */
	TABLE_DORMANT,   /* switched off by its flag */
	TABLE_OLDER,     /* of an earlier release, in part too, or without any rule that tells */
	TABLE_BROKEN,    /* somebody flushed or edited it */
	TABLE_WHOLE,
};

/* What a look at the table found. */
struct table_view {
	enum table_state state;
	uint32_t generation; /* of the whole ruleset: a transaction with it fails if any changed */
	uint32_t owner_port; /* TABLE_OWNED: the netlink port of the program */
	unsigned int other;  /* TABLE_OTHER_BIT: the bit; TABLE_NEWER: the layout */
	bool guarded;        /* it has the chain and the rules by which layout 1 is known */
	/* For table_build() and table_remove(): which of the table's parts are there. */
	bool chain[LAYOUT_CHAINS];
	bool chain_differs[LAYOUT_CHAINS];
	bool retired[LAYOUT_RETIRED];
	bool set[TABLE_SETS];
};

/**
 * table_look() - compare the table with the layout: flags, chains, sets and every rule.
 * @mark_bit: 0 to 31
 *
 * Some thirty requests in one send, and a listing of the table's rules: what it costs does not
 * depend on how many mappings there are.
 *
 * Return: 0, or -1 with errno (EPERM without CAP_NET_ADMIN; ERESTART when the ruleset changed
 * whenever it was looked at).
 */
int table_look(struct netlink *nl, unsigned int mark_bit, struct table_view *view);

/* Begin a transaction. @generation: 0 takes any. */
void table_begin(struct netlink_batch *b, uint32_t generation);

/**
 * table_commit() - end the transaction and send it.
 *
 * Return: 0 if it was done. A positive errno is the first error, and nothing has changed: ERESTART
 * if the ruleset is of another generation, EEXIST or EBUSY if a key is taken, ENOENT if there is no
 * such table or key. A negative errno means that the reply was lost, and that it may have been
 * done; the socket cannot be used any more.
 */
int table_commit(struct netlink *nl, struct netlink_batch *b);

/* What each reply to that goes through; @arg: an int, the first error. Return: 0. */
int table_on_commit(const struct nlmsghdr *nlh, void *arg);

/*
 * Into a transaction with the generation of @view: make whatever of the table is missing or
 * differs, and its rules anew. Elements stay, and so do chains and rules of somebody's own.
 */
void table_build(struct netlink_batch *b, unsigned int mark_bit, const struct table_view *view);

/* Into a transaction of its own: make a dormant table work again. */
void table_wake(struct netlink_batch *b);

/*
 * Into a transaction with the generation of @view: remove the whole table with its elements, which
 * the caller has looked at before. It fails if somebody has put a chain of their own in.
 */
void table_remove(struct netlink_batch *b, unsigned int mark_bit, const struct table_view *view);

#endif
