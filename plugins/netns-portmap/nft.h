/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of nf_tables (linux/netfilter/nf_tables.h): their headers, and their attributes. */
#ifndef PORTMAP_NFT_H
#define PORTMAP_NFT_H

#include <stdbool.h>
#include <stdint.h>

#include "netlink.h"

/**
 * nft_begin() - begin a message that is built with libnl; netlink_end() appends it.
 * @family: NFPROTO_INET and so on
 * @type:   NFT_MSG_NEWTABLE and so on
 *
 * Return: the message, or NULL out of memory, which netlink_exchange() reports.
 */
struct nl_msg *nft_begin(struct netlink_batch *b, uint8_t family, uint16_t type, uint16_t flags);

/* The same of family inet, for what libnftnl builds; netlink_done() appends it. Never NULL. */
struct nlmsghdr *nft_room(struct netlink_batch *b, uint16_t type, uint16_t flags);

/* Whether it is a message of nf_tables, of a type. */
bool nft_is(const struct nlmsghdr *nlh, uint16_t type);

/* An attribute of a message of nf_tables; NULL if it has none of the type. */
const struct nlattr *nft_attr(const struct nlmsghdr *nlh, int type);

#endif
