// SPDX-License-Identifier: GPL-2.0-or-later
/* The other half of portmap_nftables: what table.c makes of an answer. */
#include "plugins/netns-portmap/table.c"

void fuzz_table(const struct nlmsghdr *nlh);

void fuzz_table(const struct nlmsghdr *nlh)
{
	static struct expected expected;
	struct table_view view = {0};
	struct look look = {
		.expected = &expected,
		.view = &view,
		.mark_bit = TABLE_DEFAULT_MARK_BIT,
		.first_chain = 1,
		.first_retired = 1 + LAYOUT_CHAINS,
		.first_set = 1 + LAYOUT_CHAINS + LAYOUT_RETIRED,
		.other_bit = -1,
	};
	int error = 0;

	if (expected.n_rules == 0 && expect(&expected, TABLE_DEFAULT_MARK_BIT) < 0)
		return;
	on_look(nlh, &look);
	table_judge(&look);
	on_commit(nlh, &error);
}
