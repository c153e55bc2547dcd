/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "cleanup.h"
#include "look.h"
#include "nft.h"

#define LOOKS 16 /* while others change the ruleset */

/* A request that names the table, and one thing in it (attribute 0: nothing). */
static void put_named(struct netlink_batch *b, uint16_t type, uint16_t flags, int attribute,
		      const char *name)
{
	struct nl_msg *msg = nft_begin(b, NFPROTO_INET, type, flags);

	if (msg == NULL)
		return;
	/* The table's name is attribute 1 of every kind of message. */
	nla_put_string(msg, NFTA_TABLE_NAME, TABLE_NAME);
	if (attribute)
		nla_put_string(msg, attribute, name);
	netlink_end(b);
}

static void put_questions(struct netlink_batch *b, struct table_looking *look)
{
	char name[LAYOUT_NAME_MAX];

	/* The generation comes first: whatever is read after it makes a newer one when it changes.
	 */
	nft_begin(b, NFPROTO_INET, NFT_MSG_GETGEN, 0);
	netlink_end(b);
	put_named(b, NFT_MSG_GETTABLE, 0, 0, NULL);
	look->first_chain = b->n;
	for (unsigned int chain = 0; chain < LAYOUT_CHAINS; chain++)
		put_named(b, NFT_MSG_GETCHAIN, 0, NFTA_CHAIN_NAME,
			  layout_chain_name(chain, look->mark_bit, name));
	look->first_retired = b->n;
	for (unsigned int chain = 0; chain < LAYOUT_RETIRED; chain++)
		put_named(b, NFT_MSG_GETCHAIN, 0, NFTA_CHAIN_NAME, layout_retired[chain]);
	look->first_set = b->n;
	for (unsigned int set = 0; set < TABLE_SETS; set++)
		put_named(b, NFT_MSG_GETSET, 0, NFTA_SET_NAME, table_set_name(set));
	put_named(b, NFT_MSG_GETRULE, NLM_F_DUMP, 0, NULL);
}

static int look_once(struct netlink *nl, struct netlink_batch *questions,
		     struct table_looking *look)
{
	put_questions(questions, look);
	if (netlink_exchange(nl, questions, table_on_look, look) < 0)
		return -1;
	if (look->error) {
		errno = look->error;
		return -1;
	}
	return 0;
}

int table_look(struct netlink *nl, unsigned int mark_bit, struct table_view *view)
{
	cleanup_table_expected struct table_expected expected = {0};
	cleanup_netlink_batch struct netlink_batch questions = {0};

	if (table_expect(&expected, mark_bit) < 0)
		return -1;
	for (int i = 0; i < LOOKS; i++) {
		struct table_looking look = {
			.expected = &expected,
			.view = view,
			.mark_bit = mark_bit,
			.questions = &questions,
			.other_bit = -1,
		};

		*view = (struct table_view){0};
		if (look_once(nl, &questions, &look) < 0)
			return -1;
		view->state = table_judge(&look);
		view->guarded =
			view->retired[0] && look.guards == LAYOUT_GUARD_RULES && look.layout == 0;
		view->other =
			(unsigned int)(view->state == TABLE_NEWER ? look.layout : look.other_bit);
		if (!look.interrupted)
			return 0;
	}
	errno = ERESTART;
	return -1;
}

/*
 * Transactions
 */

static struct nl_msg *put_border(struct netlink_batch *b, int type)
{
	const struct nfgenmsg head = {.version = NFNETLINK_V0,
				      .res_id = htons(NFNL_SUBSYS_NFTABLES)};

	return netlink_begin(b, type, 0, &head, sizeof(head));
}

void table_begin(struct netlink_batch *b, uint32_t generation)
{
	struct nl_msg *msg = put_border(b, NFNL_MSG_BATCH_BEGIN);

	if (msg != NULL && generation)
		nla_put_u32(msg, NFNL_BATCH_GENID, htonl(generation));
	netlink_end(b);
}

int table_on_commit(const struct nlmsghdr *nlh, void *arg)
{
	int *error = arg;

	if (nlh->nlmsg_type == NLMSG_ERROR && *error == 0)
		*error = netlink_errno(nlh);
	return 0;
}

int table_commit(struct netlink *nl, struct netlink_batch *b)
{
	int error = 0;

	put_border(b, NFNL_MSG_BATCH_END);
	netlink_end(b);
	/* Lost replies may be lost errors. */
	if (netlink_exchange(nl, b, table_on_commit, &error) < 0 && error == 0)
		return b->sent ? -errno : errno;
	return error;
}

/* Delete the rules of our chains, and earlier layouts' chains as a whole. */
static void clear(struct netlink_batch *b, unsigned int mark_bit, const struct table_view *view)
{
	char name[LAYOUT_NAME_MAX];

	for (unsigned int chain = 0; chain < LAYOUT_CHAINS; chain++)
		if (view->chain[chain])
			put_named(b, NFT_MSG_DELRULE, 0, NFTA_RULE_CHAIN,
				  layout_chain_name(chain, mark_bit, name));
	for (unsigned int chain = 0; chain < LAYOUT_RETIRED; chain++) {
		if (!view->retired[chain])
			continue;
		put_named(b, NFT_MSG_DELRULE, 0, NFTA_RULE_CHAIN, layout_retired[chain]);
		put_named(b, NFT_MSG_DELCHAIN, 0, NFTA_CHAIN_NAME, layout_retired[chain]);
	}
}

void table_build(struct netlink_batch *b, unsigned int mark_bit, const struct table_view *view)
{
	char name[LAYOUT_NAME_MAX];

	if (view->state == TABLE_MISSING)
		layout_table(b);
	clear(b, mark_bit, view);
	for (unsigned int chain = 0; chain < LAYOUT_CHAINS; chain++) {
		if (view->chain[chain] && !view->chain_differs[chain])
			continue;
		if (view->chain[chain])
			put_named(b, NFT_MSG_DELCHAIN, 0, NFTA_CHAIN_NAME,
				  layout_chain_name(chain, mark_bit, name));
		layout_chain(b, chain, mark_bit);
	}
	for (unsigned int set = 0; set < TABLE_SETS; set++)
		if (!view->set[set])
			layout_set(b, set);
	layout_rules(b, mark_bit);
}

void table_wake(struct netlink_batch *b)
{
	struct nl_msg *msg = nft_begin(b, NFPROTO_INET, NFT_MSG_NEWTABLE, 0);

	if (msg == NULL)
		return;
	nla_put_string(msg, NFTA_TABLE_NAME, TABLE_NAME);
	nla_put_u32(msg, NFTA_TABLE_FLAGS, 0);
	netlink_end(b);
}

void table_remove(struct netlink_batch *b, unsigned int mark_bit, const struct table_view *view)
{
	char name[LAYOUT_NAME_MAX];

	clear(b, mark_bit, view);
	for (unsigned int set = 0; set < TABLE_SETS; set++)
		if (view->set[set])
			put_named(b, NFT_MSG_DELSET, 0, NFTA_SET_NAME, table_set_name(set));
	for (unsigned int chain = 0; chain < LAYOUT_CHAINS; chain++)
		if (view->chain[chain])
			put_named(b, NFT_MSG_DELCHAIN, 0, NFTA_CHAIN_NAME,
				  layout_chain_name(chain, mark_bit, name));
	/* NLM_F_NONREC: only if nothing else is in it. */
	put_named(b, NFT_MSG_DELTABLE, NLM_F_NONREC, 0, NULL);
}
