/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is the table as the layout says? A table can be there and do something else: flushed, edited,
 * switched off, or made by another release. Two designs: (a) count: a chain tells how many rules it
 * has and how many point at it. That is a dozen small requests, and does not see that somebody
 * replaced a rule by another one, or that the next release has another rule in the same place.
 * (b) Read every rule and compare it with the message that would make it. (b) is taken: the rules
 * are two dozen however many mappings there are, and it costs each ADD and CHECK some four tenths
 * of a millisecond.
 *
 * What is compared is the netlink attributes themselves. Each that we would send has to be there,
 * with our value; of what the kernel lists besides, only zeros are let pass, for a newer kernel may
 * name a default that we do not know.
 *
 * The layout's number stands in the comment of one rule, and not in that of the table or a chain,
 * which cannot be changed in place: rules are made anew whenever the table is put right.
 */
#include "look.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "nft.h"

/*
 * Comparing attributes
 */

static bool is_zero(const struct nlattr *attr)
{
	const uint8_t *data = nla_data(attr);

	for (int i = 0; i < nla_len(attr); i++)
		if (data[i])
			return false;
	return true;
}

static bool same_nested(const struct nlattr *ours, const struct nlattr *theirs);

static bool same_attr(const struct nlattr *ours, const struct nlattr *theirs)
{
	if (ours == NULL || theirs == NULL)
		return (ours == NULL || is_zero(ours)) && (theirs == NULL || is_zero(theirs));
	if (ours->nla_type & NLA_F_NESTED)
		return same_nested(ours, theirs);
	return nla_len(ours) == nla_len(theirs) &&
	       memcmp(nla_data(ours), nla_data(theirs), (size_t)nla_len(ours)) == 0;
}

static const struct nlattr *find_nested(const struct nlattr *nest, int type)
{
	return nla_find(nla_data(nest), nla_len(nest), type);
}

/* Attributes in any order, each type once: those that both have are compared in the first walk. */
static bool same_nested(const struct nlattr *ours, const struct nlattr *theirs)
{
	const struct nlattr *attr;
	int left;

	nla_for_each_nested (attr, ours, left) {
		if (!same_attr(attr, find_nested(theirs, nla_type(attr))))
			return false;
	}
	nla_for_each_nested (attr, theirs, left) {
		if (find_nested(ours, nla_type(attr)) == NULL && !is_zero(attr))
			return false;
	}
	return true;
}

/* A rule's expressions: a list, whose order counts. */
static bool same_expressions(const struct nlattr *ours, const struct nlattr *theirs)
{
	const struct nlattr *mine = nla_data(ours);
	int mine_left = nla_len(ours);
	const struct nlattr *attr;
	int left;

	nla_for_each_nested (attr, theirs, left) {
		if (!nla_ok(mine, mine_left) || !same_nested(mine, attr))
			return false;
		mine = nla_next(mine, &mine_left);
	}
	return !nla_ok(mine, mine_left);
}

/* "" if it has none, or one that does not end. */
static const char *message_text(const struct nlmsghdr *nlh, int type)
{
	const struct nlattr *attr = nft_attr(nlh, type);
	const char *text = attr != NULL ? nla_data(attr) : "";

	return attr != NULL && memchr(text, '\0', (size_t)nla_len(attr)) != NULL ? text : "";
}

static bool same_attrs(const struct nlmsghdr *ours, const struct nlmsghdr *theirs,
		       const uint16_t *types, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!same_attr(nft_attr(ours, types[i]), nft_attr(theirs, types[i])))
			return false;
	return true;
}

#define SAME_ATTRS(ours, theirs, types) \
	same_attrs(ours, theirs, types, sizeof(types) / sizeof(*(types)))

static bool same_rule(const struct nlmsghdr *ours, const struct nlmsghdr *theirs)
{
	static const uint16_t types[] = {NFTA_RULE_CHAIN, NFTA_RULE_USERDATA};
	const struct nlattr *mine = nft_attr(ours, NFTA_RULE_EXPRESSIONS);
	const struct nlattr *other = nft_attr(theirs, NFTA_RULE_EXPRESSIONS);

	return SAME_ATTRS(ours, theirs, types) && mine != NULL && other != NULL &&
	       same_expressions(mine, other);
}

void table_expected_free(struct table_expected *e)
{
	netlink_batch_free(&e->b);
}

int table_expect(struct table_expected *e, unsigned int mark_bit)
{
	struct nlmsghdr *nlh;
	int left;

	for (unsigned int chain = 0; chain < LAYOUT_CHAINS; chain++)
		layout_chain(&e->b, chain, mark_bit);
	for (unsigned int set = 0; set < TABLE_SETS; set++)
		layout_set(&e->b, set);
	layout_rules(&e->b, mark_bit);
	if (e->b.failed) {
		errno = ENOMEM;
		return -1;
	}
	/* Only now: a buffer that grows moves. */
	nlh = (struct nlmsghdr *)(void *)e->b.data;
	left = (int)e->b.len;
	for (unsigned int i = 0; nlmsg_ok(nlh, left); i++) {
		if (i < LAYOUT_CHAINS) {
			e->chain[i] = nlh;
			e->chain_name[i] = message_text(nlh, NFTA_CHAIN_NAME);
		} else if (i < LAYOUT_CHAINS + TABLE_SETS) {
			e->set[i - LAYOUT_CHAINS] = nlh;
		} else if (e->n_rules < RULES_MAX) {
			e->rule_chain[e->n_rules] = message_text(nlh, NFTA_RULE_CHAIN);
			e->rule[e->n_rules++] = nlh;
		}
		nlh = nlmsg_next(nlh, &left);
	}
	return 0;
}

static void on_table(const struct nlmsghdr *nlh, struct table_looking *look)
{
	const struct nlattr *flags = nft_attr(nlh, NFTA_TABLE_FLAGS);
	const struct nlattr *owner = nft_attr(nlh, NFTA_TABLE_OWNER);

	look->table = true;
	if (flags != NULL)
		look->flags = ntohl(netlink_u32(flags));
	if (owner != NULL)
		look->view->owner_port = ntohl(netlink_u32(owner));
}

static void on_chain(const struct nlmsghdr *nlh, struct table_looking *look)
{
	static const uint16_t types[] = {NFTA_CHAIN_TYPE, NFTA_CHAIN_HOOK, NFTA_CHAIN_POLICY};
	const size_t chain = netlink_position(look->questions, nlh) - look->first_chain;
	const size_t retired = netlink_position(look->questions, nlh) - look->first_retired;

	if (chain < LAYOUT_CHAINS) {
		look->view->chain[chain] = true;
		look->view->chain_differs[chain] =
			!SAME_ATTRS(look->expected->chain[chain], nlh, types);
	} else if (retired < LAYOUT_RETIRED) {
		look->view->retired[retired] = true;
	}
}

static void on_set(const struct nlmsghdr *nlh, struct table_looking *look)
{
	static const uint16_t types[] = {NFTA_SET_FLAGS, NFTA_SET_KEY_TYPE, NFTA_SET_KEY_LEN,
					 NFTA_SET_DATA_TYPE, NFTA_SET_DATA_LEN};
	const size_t set = netlink_position(look->questions, nlh) - look->first_set;

	if (set >= TABLE_SETS)
		return;
	look->view->set[set] = true;
	look->set_differs |= !SAME_ATTRS(look->expected->set[set], nlh, types);
}

/* The number behind a prefix; -1 if the text is something else. */
static long number_behind(const char *prefix, const char *text)
{
	const size_t len = strlen(prefix);
	char *end;
	long number;

	if (strncmp(text, prefix, len) != 0 || text[len] < '0' || text[len] > '9')
		return -1;
	number = strtol(text + len, &end, 10);
	return *end == '\0' && number <= INT32_MAX ? number : -1;
}

/* Of nft(8)'s user data: a type, a length, and the text with its NUL. */
static const char *rule_comment(const struct nlmsghdr *nlh)
{
	const struct nlattr *attr = nft_attr(nlh, NFTA_RULE_USERDATA);
	const char *data = attr != NULL ? nla_data(attr) : NULL;
	const size_t len = attr != NULL ? (size_t)nla_len(attr) : 0;

	return len > 2 && data[0] == 0 && data[len - 1] == '\0' ? data + 2 : "";
}

static bool is_our_chain(const struct table_expected *expected, const char *name)
{
	for (unsigned int chain = 0; chain < LAYOUT_CHAINS; chain++)
		if (strcmp(name, expected->chain_name[chain]) == 0)
			return true;
	return false;
}

/* Rules are listed chain by chain, each in its order; chains of somebody's own may be among them.
 */
static void on_rule(const struct nlmsghdr *nlh, struct table_looking *look)
{
	const char *chain = message_text(nlh, NFTA_RULE_CHAIN);
	const long bit = number_behind(LAYOUT_MARK_PREFIX, chain);

	if (bit >= 0) {
		const long layout = number_behind(LAYOUT_COMMENT, rule_comment(nlh));

		if (bit != look->mark_bit)
			look->other_bit = bit;
		if (layout > look->layout)
			look->layout = layout;
	}
	if (strcmp(chain, layout_retired[0]) == 0)
		look->guards++;
	if (!is_our_chain(look->expected, chain))
		return;
	for (size_t i = 0; i < look->expected->n_rules; i++) {
		if (look->rule_seen[i] || strcmp(look->expected->rule_chain[i], chain) != 0)
			continue;
		look->rule_seen[i] = true;
		look->rules_differ |= !same_rule(look->expected->rule[i], nlh);
		return;
	}
	look->rules_differ = true; /* one more than there should be */
}

int table_on_look(const struct nlmsghdr *nlh, void *arg)
{
	struct table_looking *look = arg;
	const int error = netlink_errno(nlh);
	const struct nlattr *attr;

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		look->interrupted = true;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		if (error != ENOENT && look->error == 0)
			look->error = error;
		return 0;
	}
	if (NFNL_SUBSYS_ID(nlh->nlmsg_type) != NFNL_SUBSYS_NFTABLES)
		return 0;
	switch (NFNL_MSG_TYPE(nlh->nlmsg_type)) {
	case NFT_MSG_NEWGEN:
		attr = nft_attr(nlh, NFTA_GEN_ID);
		if (attr != NULL)
			look->view->generation = ntohl(netlink_u32(attr));
		break;
	case NFT_MSG_NEWTABLE:
		on_table(nlh, look);
		break;
	case NFT_MSG_NEWCHAIN:
		on_chain(nlh, look);
		break;
	case NFT_MSG_NEWSET:
		on_set(nlh, look);
		break;
	case NFT_MSG_NEWRULE:
		on_rule(nlh, look);
		break;
	}
	return 0;
}

static bool table_is_whole(const struct table_looking *look)
{
	bool whole = !look->rules_differ;

	for (unsigned int chain = 0; chain < LAYOUT_CHAINS; chain++)
		whole &= look->view->chain[chain] && !look->view->chain_differs[chain];
	for (unsigned int set = 0; set < TABLE_SETS; set++)
		whole &= look->view->set[set];
	for (size_t i = 0; i < look->expected->n_rules; i++)
		whole &= look->rule_seen[i];
	return whole;
}

enum table_state table_judge(const struct table_looking *look)
{
	if (!look->table)
		return TABLE_MISSING;
	if (look->flags & NFT_TABLE_F_OWNER)
		return TABLE_OWNED;
	if (look->layout > TABLE_LAYOUT)
		return TABLE_NEWER;
	if (look->other_bit >= 0)
		return TABLE_OTHER_BIT;
	if (look->set_differs)
		return TABLE_FOREIGN;
	if (look->flags & NFT_TABLE_F_DORMANT)
		return TABLE_DORMANT;
	/* A retired chain is removed together with what it guards against, never by a mere repair.
	 */
	if (look->layout < TABLE_LAYOUT || look->view->retired[0])
		return TABLE_OLDER;
	return table_is_whole(look) ? TABLE_WHOLE : TABLE_BROKEN;
}
