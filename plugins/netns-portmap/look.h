/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The replies to a look at the table, compared with the layout. */
#ifndef PORTMAP_LOOK_H
#define PORTMAP_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"
#include "netlink.h"
#include "table.h"

#define RULES_MAX 64

/* The layout, as the messages that would make it. */
struct table_expected {
	struct netlink_batch b;
	const struct nlmsghdr *chain[LAYOUT_CHAINS];
	const struct nlmsghdr *set[TABLE_SETS];
	const struct nlmsghdr *rule[RULES_MAX];
	const char *chain_name[LAYOUT_CHAINS];
	const char *rule_chain[RULES_MAX]; /* the chain's name */
	size_t n_rules;
};

/* Free the messages. */
void table_expected_free(struct table_expected *e);
#define cleanup_table_expected __attribute__((cleanup(table_expected_free)))

/* Fill it. Return: 0, or -1 with errno. */
int table_expect(struct table_expected *e, unsigned int mark_bit);

/* A look, which begins with other_bit = -1. */
struct table_looking {
	const struct table_expected *expected;
	struct table_view *view;
	unsigned int mark_bit;
	const struct netlink_batch *questions;
	size_t first_chain; /* the position of the question for it, and so on */
	size_t first_retired;
	size_t first_set;
	bool table;
	uint32_t flags;
	bool set_differs;
	bool rule_seen[RULES_MAX];
	unsigned int guards;
	bool rules_differ;
	long layout;    /* that a rule's comment tells; 0: none does */
	long other_bit; /* by which a rule marks; -1: none, or ours */
	bool interrupted;
	int error;
};

/* Each reply goes through it; @arg: the look. Return: 0. */
int table_on_look(const struct nlmsghdr *nlh, void *arg);

/* What the replies together tell. */
enum table_state table_judge(const struct table_looking *look);

#endif
