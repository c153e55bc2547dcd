/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libnftnl builds rules, chains and sets, because it knows the attributes of each expression; it
 * writes into the room that a batch has for a message. All else is built and read with libnl.
 * (libnftnl brings libmnl, of which nothing is used here.)
 */
#include "nft.h"

#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>

struct nl_msg *nft_begin(struct netlink_batch *b, uint8_t family, uint16_t type, uint16_t flags)
{
	const struct nfgenmsg head = {.nfgen_family = family, .version = NFNETLINK_V0};

	return netlink_begin(b, NFNL_SUBSYS_NFTABLES << 8 | type, flags, &head, sizeof(head));
}

struct nlmsghdr *nft_room(struct netlink_batch *b, uint16_t type, uint16_t flags)
{
	return nftnl_nlmsg_build_hdr(netlink_room(b), type, NFPROTO_INET, flags, 0);
}

bool nft_is(const struct nlmsghdr *nlh, uint16_t type)
{
	return nlh->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | type);
}

const struct nlattr *nft_attr(const struct nlmsghdr *nlh, int type)
{
	const int head = sizeof(struct nfgenmsg);

	return nla_find(nlmsg_attrdata(nlh, head), nlmsg_attrlen(nlh, head), type);
}
