/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What netns-portmap makes of a look at its table. The kernel's replies are the messages of the
 * layout itself, changed as people and other releases change a table.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "plugins/netns-portmap/look.h"
#include "plugins/netns-portmap/nft.h"

#define BIT 13
#define FIRST_SEQ 7

static struct table_expected expected;
static const struct netlink_batch questions = {.first_seq = FIRST_SEQ};
static struct table_view view;
static struct table_looking look;

static void begin_look(void)
{
	view = (struct table_view){0};
	look = (struct table_looking){
		.expected = &expected,
		.view = &view,
		.mark_bit = BIT,
		.questions = &questions,
		.first_retired = LAYOUT_CHAINS,
		.first_set = LAYOUT_CHAINS + LAYOUT_RETIRED,
		.other_bit = -1,
	};
}

/* A reply to the question at a position. */
static void reply(const struct nlmsghdr *nlh, size_t position)
{
	_Alignas(NLMSG_ALIGNTO) char copy[4096];
	struct nlmsghdr *head = (void *)copy;

	assert_true(nlh->nlmsg_len <= sizeof(copy));
	memcpy(copy, nlh, nlh->nlmsg_len);
	head->nlmsg_seq = FIRST_SEQ + (uint32_t)position;
	assert_int_equal(table_on_look(head, &look), 0);
}

static void reply_table(uint32_t flags)
{
	cleanup_netlink_batch struct netlink_batch b = {0};
	struct nl_msg *msg = nft_begin(&b, NFPROTO_INET, NFT_MSG_NEWTABLE, 0);

	nla_put_string(msg, NFTA_TABLE_NAME, TABLE_NAME);
	nla_put_u32(msg, NFTA_TABLE_FLAGS, htonl(flags));
	nla_put_u32(msg, NFTA_TABLE_OWNER, htonl(4711));
	netlink_end(&b);
	reply((const void *)b.data, LAYOUT_CHAINS + LAYOUT_RETIRED + TABLE_SETS);
}

static void reply_parts(void)
{
	for (size_t i = 0; i < LAYOUT_CHAINS; i++)
		reply(expected.chain[i], i);
	for (size_t i = 0; i < TABLE_SETS; i++)
		reply(expected.set[i], look.first_set + i);
}

/* Without one of them; N_RULES: all. */
static void reply_rules(size_t without)
{
	for (size_t i = 0; i < expected.n_rules; i++)
		if (i != without)
			reply(expected.rule[i], 100);
}

static void begin_whole(void)
{
	begin_look();
	reply_table(0);
	reply_parts();
}

/* A rule of a chain: with a comment, or without one, and one expression of a name. */
static void reply_rule(const char *chain, const char *comment)
{
	cleanup_netlink_batch struct netlink_batch b = {0};
	struct nl_msg *msg = nft_begin(&b, NFPROTO_INET, NFT_MSG_NEWRULE, 0);
	char data[64] = {0, (char)(strlen(comment) + 1)};

	nla_put_string(msg, NFTA_RULE_TABLE, TABLE_NAME);
	nla_put_string(msg, NFTA_RULE_CHAIN, chain);
	snprintf(data + 2, sizeof(data) - 2, "%s", comment);
	if (*comment != '\0')
		nla_put(msg, NFTA_RULE_USERDATA, (int)strlen(comment) + 3, data);
	netlink_end(&b);
	reply((const void *)b.data, 100);
}

static void what_the_layout_says_is_whole(void **unused)
{
	(void)unused;
	begin_look();
	assert_int_equal(table_judge(&look), TABLE_MISSING);
	begin_whole();
	reply_rules(expected.n_rules);
	assert_int_equal(table_judge(&look), TABLE_WHOLE);
	/* A chain that somebody added is not compared. */
	reply_rule("mine", "");
	assert_int_equal(table_judge(&look), TABLE_WHOLE);
	assert_false(look.interrupted);
}

static void each_part_that_is_missing_breaks_it(void **unused)
{
	(void)unused;
	for (size_t rule = 1; rule < expected.n_rules; rule++) {
		begin_whole();
		reply_rules(rule);
		assert_int_equal(table_judge(&look), TABLE_BROKEN);
	}
	/* The first one tells the layout. */
	begin_whole();
	reply_rules(0);
	assert_int_equal(table_judge(&look), TABLE_OLDER);
	for (size_t part = 0; part < LAYOUT_CHAINS + TABLE_SETS; part++) {
		begin_look();
		reply_table(0);
		for (size_t i = 0; i < LAYOUT_CHAINS; i++)
			if (i != part)
				reply(expected.chain[i], i);
		for (size_t i = 0; i < TABLE_SETS; i++)
			if (LAYOUT_CHAINS + i != part)
				reply(expected.set[i], look.first_set + i);
		reply_rules(expected.n_rules);
		assert_int_equal(table_judge(&look), TABLE_BROKEN);
	}
	/* One too many, and two in each other's place. */
	begin_whole();
	reply_rules(expected.n_rules);
	reply(expected.rule[5], 100);
	assert_int_equal(table_judge(&look), TABLE_BROKEN);
	begin_whole();
	reply(expected.rule[0], 100);
	reply(expected.rule[2], 100);
	reply(expected.rule[1], 100);
	for (size_t i = 3; i < expected.n_rules; i++)
		reply(expected.rule[i], 100);
	assert_int_equal(table_judge(&look), TABLE_BROKEN);
}

/* Where the bytes of an attribute's value are: of the expressions of a rule, the deepest. */
static size_t each_value(const struct nlattr *attr, const char *base, size_t *at, size_t max)
{
	const struct nlattr *inner;
	size_t n = 0;
	int left;

	if (!(attr->nla_type & NLA_F_NESTED)) {
		for (int i = 0; i < nla_len(attr) && n < max; i++)
			at[n++] = (size_t)((const char *)nla_data(attr) + i - base);
		return n;
	}
	nla_for_each_nested (inner, attr, left)
		n += each_value(inner, base, at + n, max - n);
	return n;
}

static void every_byte_of_every_rule_counts(void **unused)
{
	size_t tried = 0;

	(void)unused;
	for (size_t rule = 0; rule < expected.n_rules; rule++) {
		const struct nlmsghdr *ours = expected.rule[rule];
		const struct nlattr *expressions = nft_attr(ours, NFTA_RULE_EXPRESSIONS);
		static size_t at[2048];
		const size_t n = each_value(expressions, (const char *)ours, at, 2048);

		for (size_t i = 0; i < n; i++, tried++) {
			_Alignas(NLMSG_ALIGNTO) char changed[4096];

			memcpy(changed, ours, ours->nlmsg_len);
			changed[at[i]] ^= 0x40;
			begin_whole();
			for (size_t k = 0; k < expected.n_rules; k++)
				reply(k == rule ? (const void *)changed : expected.rule[k], 100);
			assert_int_equal(table_judge(&look), TABLE_BROKEN);
		}
	}
	assert_true(tried > 1000);
}

/* A newer kernel may name a default that we do not know; anything else that it lists is a change.
 */
static void what_is_listed_besides_has_to_be_zero(void **unused)
{
	static const uint32_t values[] = {0, 1};

	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		cleanup_netlink_batch struct netlink_batch b = {0};
		struct nl_msg *msg = nft_begin(&b, NFPROTO_INET, NFT_MSG_NEWCHAIN, 0);
		const struct nlattr *hook = nft_attr(expected.chain[CHAIN_OUTPUT], NFTA_CHAIN_HOOK);
		struct nlattr *nest;

		begin_whole();
		reply_rules(expected.n_rules);
		nla_put_string(msg, NFTA_CHAIN_TYPE, "nat");
		nla_put_u32(msg, NFTA_CHAIN_POLICY, htonl(NF_ACCEPT));
		nest = nla_nest_start(msg, NFTA_CHAIN_HOOK);
		nlmsg_append(msg, nla_data(hook), (size_t)nla_len(hook), NLA_ALIGNTO);
		nla_put_u32(msg, NFTA_HOOK_MAX + 5, values[i]);
		nla_nest_end(msg, nest);
		netlink_end(&b);
		reply((const void *)b.data, CHAIN_OUTPUT);
		assert_int_equal(table_judge(&look), i == 0 ? TABLE_WHOLE : TABLE_BROKEN);
		assert_int_equal(view.chain_differs[CHAIN_OUTPUT], i != 0);
	}
}

static void tables_of_others_are_told_apart(void **unused)
{
	(void)unused;
	begin_whole();
	reply_rules(expected.n_rules);
	reply_table(NFT_TABLE_F_DORMANT);
	assert_int_equal(table_judge(&look), TABLE_DORMANT);
	reply_table(NFT_TABLE_F_OWNER);
	assert_int_equal(table_judge(&look), TABLE_OWNED);
	assert_int_equal(view.owner_port, 4711);
	begin_whole();
	reply_rules(expected.n_rules);
	reply_rule("mark_bit_13", "layout 3");
	assert_int_equal(table_judge(&look), TABLE_NEWER);
	assert_int_equal(look.layout, 3);
	begin_whole();
	reply_rules(expected.n_rules);
	reply_rule("mark_bit_5", "layout 2");
	assert_int_equal(table_judge(&look), TABLE_OTHER_BIT);
	assert_int_equal(look.other_bit, 5);
	/* Layout 1's rule that marks has no comment, and its chain is there. */
	begin_whole();
	reply_rule("mark_bit_13", "");
	reply(expected.chain[0], look.first_retired);
	reply_rule("guard", "");
	assert_int_equal(table_judge(&look), TABLE_OLDER);
	assert_true(view.retired[0]);
	assert_int_equal(look.guards, 1);
	/* A set in another one's place. */
	begin_whole();
	reply_rules(expected.n_rules);
	reply(expected.set[1], look.first_set);
	assert_int_equal(table_judge(&look), TABLE_FOREIGN);
}

static void names_that_are_nearly_ours_are_not(void **unused)
{
	static const char *const rows[] = {"mark_bit_", "mark_bit_x", "mark_bit_13x", "mark_bit_-1",
					   "mark_bit_99999999999"};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		begin_whole();
		reply_rules(expected.n_rules);
		reply_rule(rows[i], "layout 3");
		assert_int_equal(table_judge(&look), TABLE_WHOLE);
	}
	begin_whole();
	reply_rules(expected.n_rules);
	reply_rule("mark_bit_13", "layout 3 ");
	assert_int_equal(table_judge(&look), TABLE_BROKEN);
}

static void refusals_and_disturbances_are_kept(void **unused)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
	} m = {.head = {.nlmsg_len = sizeof(m), .nlmsg_type = NLMSG_ERROR}};

	(void)unused;
	begin_look();
	m.error.error = -ENOENT; /* there is no such thing */
	reply(&m.head, 0);
	assert_int_equal(look.error, 0);
	m.error.error = -EPERM;
	reply(&m.head, 0);
	m.error.error = -EIO;
	reply(&m.head, 0);
	assert_int_equal(look.error, EPERM);
	assert_false(look.interrupted);
	m.head.nlmsg_flags = NLM_F_DUMP_INTR;
	reply(&m.head, 0);
	assert_true(look.interrupted);
}

static int make_expected(void **unused)
{
	(void)unused;
	return table_expect(&expected, BIT);
}

static int free_expected(void **unused)
{
	(void)unused;
	table_expected_free(&expected);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_layout_says_is_whole),
		cmocka_unit_test(each_part_that_is_missing_breaks_it),
		cmocka_unit_test(every_byte_of_every_rule_counts),
		cmocka_unit_test(what_is_listed_besides_has_to_be_zero),
		cmocka_unit_test(tables_of_others_are_told_apart),
		cmocka_unit_test(names_that_are_nearly_ours_are_not),
		cmocka_unit_test(refusals_and_disturbances_are_kept),
	};

	return cmocka_run_group_tests(tests, make_expected, free_expected);
}
