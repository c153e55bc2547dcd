/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Elements of the table's maps and sets: requests for them to nf_tables, and its replies. */
#ifndef PORTMAP_ELEMENTS_H
#define PORTMAP_ELEMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nft.h"
#include "publication.h"

/*
 * Into a transaction: add (NFT_MSG_NEWSETELEM, with an owner) or delete (NFT_MSG_DELSETELEM,
 * without) the elements of a list, or only those of them that a look found to be ours.
 */
void elements_put(struct netlink_batch *b, uint16_t type, uint16_t flags,
		  const struct elements *list, const char *owner, bool only_ours);
/* The same for one, in a message of its own. */
void elements_put_one(struct netlink_batch *b, uint16_t type, uint16_t flags,
		      const struct element *e, const char *owner);
/* The request for all elements of a set. */
void elements_put_dump(struct netlink_batch *b, unsigned int set);

/* What an element of a reply says. Pointers go into the message. */
struct found {
	const void *key;
	size_t key_len;
	const void *data;
	size_t data_len;
	const char *owner; /* "" where there is no comment that could be one */
};

/* Call @fn for each element of a reply; a negative value stops. Return: 0, or -1 if @fn stopped it.
 */
int elements_each(const struct nlmsghdr *nlh, int (*fn)(const struct found *found, void *arg),
		  void *arg);

/* Look each element of the list up by its key, and note in it what was found. Return: 0, or an
 * errno. */
int elements_look_up(struct netlink *nl, struct elements *list, const char *owner);

/* What elements_look_up() hands to elements_on_reply(). */
struct elements_reading {
	struct elements *list;
	const char *owner;
	const struct netlink_batch *questions;
	size_t first; /* the element that the first of them asked for */
	size_t at;
	int error;
};
/* Take a message of the reply; @arg: a struct elements_reading. Return: 0. */
int elements_on_reply(const struct nlmsghdr *nlh, void *arg);

/*
 * For each message of the reply to elements_put_dump(): -1 with errno EEXIST at the first element
 * whose owner is not @arg or, if @arg is NULL, at any element.
 */
int elements_on_others(const struct nlmsghdr *nlh, void *arg);

/* Whether elements_look_up() found one that is ours. */
bool elements_any_ours(const struct elements *list);
/* The first mapping that belongs to another attachment; NULL if there is none. */
const struct element *elements_taken(const struct elements *list);
/*
 * After elements_taken() has found none: every element that is there counts as ours and is
 * replaced. What another owner has in a set is left over from a mapping that somebody removed by
 * hand.
 */
void elements_adopt(struct elements *list);

#endif
