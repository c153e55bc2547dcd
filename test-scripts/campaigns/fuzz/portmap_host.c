// SPDX-License-Identifier: GPL-2.0-or-later
/* The other half of portmap_conntrack: what host.c makes of an answer. */
#include "plugins/netns-portmap/host.c"

#include "fuzz.h"

void fuzz_host(const struct nlmsghdr *nlh);

void fuzz_host(const struct nlmsghdr *nlh)
{
	struct ip_address out[2];
	struct addresses list = {.out = out, .max = 2};
	struct answer answer = {0};

	host_on_route(nlh, &answer);
	host_on_address(nlh, &list);
	PROMISE(list.n <= 3);
}
