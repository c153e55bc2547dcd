// SPDX-License-Identifier: GPL-2.0-or-later
/* The other half of portmap_nftables: what table.c makes of an answer. */
#include "plugins/netns-portmap/table.c"

void fuzz_table(const struct nlmsghdr *nlh);

void fuzz_table(const struct nlmsghdr *nlh)
{
	struct look look = {.first_seq = 1};
	int error = 0;

	on_look(nlh, &look);
	on_commit(nlh, &error);
}
