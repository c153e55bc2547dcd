/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connection tracking entries as ctnetlink lists them, and which of them belong to mappings
 * (linux/netfilter/nfnetlink_conntrack.h).
 */
#ifndef PORTMAP_ENTRIES_H
#define PORTMAP_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "address.h"
#include "mapping.h"
#include "netlink.h"

/* An entry that is to be deleted. */
struct entries_victim {
	uint32_t id; /* network order */
	uint16_t zone;
	uint16_t len;
	uint8_t tuple[128]; /* CTA_TUPLE_ORIG, with its header */
};

/* A search for those that a list of mappings concerns. */
struct entries_search {
	int family;
	const struct mapping *mappings;
	size_t n;
	const struct ip_address *container; /* NULL: search by host address */
	struct ip_address last;             /* the last host address that was asked about */
	bool last_local;
	struct entries_victim *victims;
	size_t n_victims;
	size_t size;
	int error;
	struct timespec start;
};

/* Whether the two seconds since the start of the search are over. */
bool entries_too_late(const struct entries_search *s);

/* Whether entries of the family can be the mapping's. */
bool entries_may_be_of(const struct entries_search *s, const struct mapping *m);

/**
 * entries_on_reply() - note an entry for deletion if one of the mappings redirected it, or would
 * have.
 * @arg: a struct entries_search, whose victims the caller frees
 *
 * Return: 0, or -1 ETIMEDOUT.
 */
int entries_on_reply(const struct nlmsghdr *nlh, void *arg);

#endif
