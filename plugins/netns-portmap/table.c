/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is the table as the layout says? A table can be there and do something else: flushed, edited,
 * switched off, or made by another release. Two designs: (a) count: a chain tells how many rules it
 * has and how many point at it. That is a dozen small requests, and does not see that somebody
 * replaced a rule by another one, or that the next release has another rule in the same place.
 * (b) Read every rule and compare it with the message that would make it. This is (b): the rules
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
#include "table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define LOOKS 16 /* while others change the ruleset */
#define RULES_MAX 64

/*
 * Comparing attributes
 */

static bool is_zero(const struct nlattr *attr)
{
	const uint8_t *data = mnl_attr_get_payload(attr);

	for (size_t i = 0; i < mnl_attr_get_payload_len(attr); i++)
		if (data[i])
			return false;
	return true;
}

/* The attribute of a type in a run of them, @len bytes from @first. */
static const struct nlattr *find_attr(const struct nlattr *first, size_t len, uint16_t type)
{
	const struct nlattr *attr = first;

	while (mnl_attr_ok(attr, (int)((const char *)first + len - (const char *)attr))) {
		if (mnl_attr_get_type(attr) == type)
			return attr;
		attr = mnl_attr_next(attr);
	}
	return NULL;
}

static bool same_nested(const struct nlattr *ours, const struct nlattr *theirs);

static bool same_attr(const struct nlattr *ours, const struct nlattr *theirs)
{
	if (ours == NULL || theirs == NULL)
		return (ours == NULL || is_zero(ours)) && (theirs == NULL || is_zero(theirs));
	if (ours->nla_type & NLA_F_NESTED)
		return same_nested(ours, theirs);
	return mnl_attr_get_payload_len(ours) == mnl_attr_get_payload_len(theirs) &&
	       memcmp(mnl_attr_get_payload(ours), mnl_attr_get_payload(theirs),
		      mnl_attr_get_payload_len(ours)) == 0;
}

/* Attributes in any order, each type once. */
static bool same_nested(const struct nlattr *ours, const struct nlattr *theirs)
{
	const struct nlattr *const mine = mnl_attr_get_payload(ours);
	const struct nlattr *const other = mnl_attr_get_payload(theirs);
	const size_t mine_len = mnl_attr_get_payload_len(ours);
	const size_t other_len = mnl_attr_get_payload_len(theirs);
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, ours)
	{
		if (!same_attr(attr, find_attr(other, other_len, mnl_attr_get_type(attr))))
			return false;
	}
	mnl_attr_for_each_nested(attr, theirs)
	{
		if (!same_attr(find_attr(mine, mine_len, mnl_attr_get_type(attr)), attr))
			return false;
	}
	return true;
}

/* A rule's expressions: a list, whose order counts. */
static bool same_expressions(const struct nlattr *ours, const struct nlattr *theirs)
{
	const struct nlattr *mine = mnl_attr_get_payload(ours);
	const char *end = (const char *)mine + mnl_attr_get_payload_len(ours);
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, theirs)
	{
		if (!mnl_attr_ok(mine, (int)(end - (const char *)mine)) || !same_nested(mine, attr))
			return false;
		mine = mnl_attr_next(mine);
	}
	return !mnl_attr_ok(mine, (int)(end - (const char *)mine));
}

static const struct nlattr *message_attr(const struct nlmsghdr *nlh, uint16_t type)
{
	const size_t header = mnl_nlmsg_size(MNL_ALIGN(sizeof(struct nfgenmsg)));

	if (nlh->nlmsg_len < header)
		return NULL;
	return find_attr((const struct nlattr *)((const char *)nlh + header),
			 nlh->nlmsg_len - header, type);
}

/* "" where it has none, or one that does not end. */
static const char *message_text(const struct nlmsghdr *nlh, uint16_t type)
{
	const struct nlattr *attr = message_attr(nlh, type);

	const char *text = attr ? mnl_attr_get_payload(attr) : "";

	return attr && memchr(text, '\0', mnl_attr_get_payload_len(attr)) ? text : "";
}

static bool same_attrs(const struct nlmsghdr *ours, const struct nlmsghdr *theirs,
		       const uint16_t *types, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!same_attr(message_attr(ours, types[i]), message_attr(theirs, types[i])))
			return false;
	return true;
}

#define SAME_ATTRS(ours, theirs, types) \
	same_attrs(ours, theirs, types, sizeof(types) / sizeof(*(types)))

static bool same_rule(const struct nlmsghdr *ours, const struct nlmsghdr *theirs)
{
	static const uint16_t types[] = {NFTA_RULE_CHAIN, NFTA_RULE_USERDATA};
	const struct nlattr *mine = message_attr(ours, NFTA_RULE_EXPRESSIONS);
	const struct nlattr *other = message_attr(theirs, NFTA_RULE_EXPRESSIONS);

	return SAME_ATTRS(ours, theirs, types) && mine && other && same_expressions(mine, other);
}

/*
 * What the layout says, as messages, and what a look finds
 */

struct expected {
	struct nfnl_buffer b;
	const struct nlmsghdr *chain[LAYOUT_CHAINS];
	const struct nlmsghdr *set[TABLE_SETS];
	const struct nlmsghdr *rule[RULES_MAX];
	size_t n_rules;
};

static void expected_free(struct expected *e)
{
	nfnl_buffer_free(&e->b);
}
#define cleanup_expected __attribute__((cleanup(expected_free)))

/* Return: 0, or -1 with errno. */
static int expect(struct expected *e, unsigned int mark_bit)
{
	struct nfnl nowhere = NFNL_NONE;
	const struct nlmsghdr *nlh;
	int left;

	for (unsigned int chain = 0; chain < LAYOUT_CHAINS; chain++)
		layout_chain(&nowhere, &e->b, chain, mark_bit);
	for (unsigned int set = 0; set < TABLE_SETS; set++)
		layout_set(&nowhere, &e->b, set);
	layout_rules(&nowhere, &e->b, mark_bit);
	if (e->b.failed) {
		errno = ENOMEM;
		return -1;
	}
	/* Only now: a buffer that grows moves. */
	nlh = (const struct nlmsghdr *)e->b.data;
	left = (int)e->b.len;
	for (unsigned int i = 0; mnl_nlmsg_ok(nlh, left); i++) {
		if (i < LAYOUT_CHAINS)
			e->chain[i] = nlh;
		else if (i < LAYOUT_CHAINS + TABLE_SETS)
			e->set[i - LAYOUT_CHAINS] = nlh;
		else if (e->n_rules < RULES_MAX)
			e->rule[e->n_rules++] = nlh;
		nlh = mnl_nlmsg_next(nlh, &left);
	}
	return 0;
}

struct look {
	const struct expected *expected;
	struct table_view *view;
	unsigned int mark_bit;
	uint32_t first_chain; /* the number of the question for it, and so on */
	uint32_t first_retired;
	uint32_t first_set;
	bool table;
	uint32_t flags;
	bool set_differs;
	bool rule_seen[RULES_MAX];
	unsigned int guards;
	bool rules_differ;
	long layout;    /* that a rule's comment tells; 0: none does */
	long other_bit; /* by which a rule marks; -1: none, or ours */
	bool interrupted;
	int error;
};

static void on_table(const struct nlmsghdr *nlh, struct look *look)
{
	const struct nlattr *flags = message_attr(nlh, NFTA_TABLE_FLAGS);
	const struct nlattr *owner = message_attr(nlh, NFTA_TABLE_OWNER);

	look->table = true;
	if (flags)
		look->flags = ntohl(nfnl_get_u32(flags));
	if (owner)
		look->view->owner_port = ntohl(nfnl_get_u32(owner));
}

static void on_chain(const struct nlmsghdr *nlh, struct look *look)
{
	static const uint16_t types[] = {NFTA_CHAIN_TYPE, NFTA_CHAIN_HOOK, NFTA_CHAIN_POLICY};
	const uint32_t chain = nlh->nlmsg_seq - look->first_chain;
	const uint32_t retired = nlh->nlmsg_seq - look->first_retired;

	if (chain < LAYOUT_CHAINS) {
		look->view->chain[chain] = true;
		look->view->chain_differs[chain] =
			!SAME_ATTRS(look->expected->chain[chain], nlh, types);
	} else if (retired < LAYOUT_RETIRED) {
		look->view->retired[retired] = true;
	}
}

static void on_set(const struct nlmsghdr *nlh, struct look *look)
{
	static const uint16_t types[] = {NFTA_SET_FLAGS, NFTA_SET_KEY_TYPE, NFTA_SET_KEY_LEN,
					 NFTA_SET_DATA_TYPE, NFTA_SET_DATA_LEN};
	const uint32_t set = nlh->nlmsg_seq - look->first_set;

	if (set >= TABLE_SETS)
		return;
	look->view->set[set] = true;
	look->set_differs |= !SAME_ATTRS(look->expected->set[set], nlh, types);
}

/* The number behind a prefix; -1: it is not that. */
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
	const struct nlattr *attr = message_attr(nlh, NFTA_RULE_USERDATA);
	const char *data = attr ? mnl_attr_get_payload(attr) : NULL;
	const size_t len = attr ? mnl_attr_get_payload_len(attr) : 0;

	return len > 2 && data[0] == 0 && data[len - 1] == '\0' ? data + 2 : "";
}

static bool is_our_chain(const char *name, unsigned int mark_bit)
{
	char buf[LAYOUT_NAME_MAX];

	for (unsigned int chain = 0; chain < LAYOUT_CHAINS; chain++)
		if (strcmp(name, layout_chain_name(chain, mark_bit, buf)) == 0)
			return true;
	return false;
}

/* Rules are listed chain by chain, each in its order; chains of somebody's own may be among them.
 */
static void on_rule(const struct nlmsghdr *nlh, struct look *look)
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
	if (!is_our_chain(chain, look->mark_bit))
		return;
	for (size_t i = 0; i < look->expected->n_rules; i++) {
		const struct nlmsghdr *ours = look->expected->rule[i];

		if (look->rule_seen[i] || strcmp(message_text(ours, NFTA_RULE_CHAIN), chain) != 0)
			continue;
		look->rule_seen[i] = true;
		look->rules_differ |= !same_rule(ours, nlh);
		return;
	}
	look->rules_differ = true; /* one more than there should be */
}

static int on_look(const struct nlmsghdr *nlh, void *arg)
{
	struct look *look = arg;
	const int error = nfnl_errno(nlh);
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
		attr = message_attr(nlh, NFTA_GEN_ID);
		if (attr)
			look->view->generation = ntohl(nfnl_get_u32(attr));
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

/* A request that names the table, and one thing in it (attribute 0: nothing). */
static void put_named(struct nfnl *nl, struct nfnl_buffer *b, uint16_t type, uint16_t flags,
		      uint16_t attribute, const char *name)
{
	struct nlmsghdr *nlh = table_message(nl, b, type, flags);

	/* The table's name is attribute 1 of every kind of message. */
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, TABLE_NAME);
	if (attribute)
		mnl_attr_put_strz(nlh, attribute, name);
	nfnl_done(b, nlh);
}

static void put_questions(struct nfnl *nl, struct nfnl_buffer *b, struct look *look)
{
	char name[LAYOUT_NAME_MAX];

	/* The generation first: whatever is read after it, and changes, makes a newer one. */
	nfnl_done(b, table_message(nl, b, NFT_MSG_GETGEN, 0));
	put_named(nl, b, NFT_MSG_GETTABLE, 0, 0, NULL);
	look->first_chain = nl->seq + 1;
	for (unsigned int chain = 0; chain < LAYOUT_CHAINS; chain++)
		put_named(nl, b, NFT_MSG_GETCHAIN, 0, NFTA_CHAIN_NAME,
			  layout_chain_name(chain, look->mark_bit, name));
	look->first_retired = nl->seq + 1;
	for (unsigned int chain = 0; chain < LAYOUT_RETIRED; chain++)
		put_named(nl, b, NFT_MSG_GETCHAIN, 0, NFTA_CHAIN_NAME, layout_retired[chain]);
	look->first_set = nl->seq + 1;
	for (unsigned int set = 0; set < TABLE_SETS; set++)
		put_named(nl, b, NFT_MSG_GETSET, 0, NFTA_SET_NAME, table_set_name(set));
	put_named(nl, b, NFT_MSG_GETRULE, NLM_F_DUMP, 0, NULL);
}

static bool table_is_whole(const struct look *look)
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

static enum table_state table_judge(const struct look *look)
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
	/* A retired chain goes with what it made harmless, never by a mere repair. */
	if (look->layout < TABLE_LAYOUT || look->view->retired[0])
		return TABLE_OLDER;
	return table_is_whole(look) ? TABLE_WHOLE : TABLE_BROKEN;
}

static int look_once(struct nfnl *nl, struct look *look)
{
	cleanup_nfnl_buffer struct nfnl_buffer b = {0};

	put_questions(nl, &b, look);
	if (nfnl_send(nl, &b) < 0 || nfnl_receive(nl, on_look, look) < 0)
		return -1;
	if (look->error) {
		errno = look->error;
		return -1;
	}
	return 0;
}

int table_look(struct nfnl *nl, unsigned int mark_bit, struct table_view *view)
{
	cleanup_expected struct expected expected = {0};

	if (expect(&expected, mark_bit) < 0)
		return -1;
	for (int i = 0; i < LOOKS; i++) {
		struct look look = {
			.expected = &expected,
			.view = view,
			.mark_bit = mark_bit,
			.other_bit = -1,
		};

		*view = (struct table_view){0};
		if (look_once(nl, &look) < 0)
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

void table_begin(struct nfnl *nl, struct nfnl_buffer *b, uint32_t generation)
{
	void *at = nfnl_put(nl, b);
	struct nlmsghdr *nlh = nftnl_batch_begin(at, nl->seq);

	if (generation)
		mnl_attr_put_u32(nlh, NFNL_BATCH_GENID, htonl(generation));
	nfnl_done(b, nlh);
}

static int on_commit(const struct nlmsghdr *nlh, void *arg)
{
	int *error = arg;

	if (nlh->nlmsg_type == NLMSG_ERROR && *error == 0)
		*error = nfnl_errno(nlh);
	return 0;
}

int table_commit(struct nfnl *nl, struct nfnl_buffer *b)
{
	void *at = nfnl_put(nl, b);
	int error = 0;

	nfnl_done(b, nftnl_batch_end(at, nl->seq));
	if (nfnl_send(nl, b) < 0)
		return errno;
	/* Lost replies may be lost errors. */
	if (nfnl_receive(nl, on_commit, &error) < 0 && error == 0)
		return -errno;
	return error;
}

/* The rules of our chains go, and of earlier layouts' the chains too. */
static void clear(struct nfnl *nl, struct nfnl_buffer *b, unsigned int mark_bit,
		  const struct table_view *view)
{
	char name[LAYOUT_NAME_MAX];

	for (unsigned int chain = 0; chain < LAYOUT_CHAINS; chain++)
		if (view->chain[chain])
			put_named(nl, b, NFT_MSG_DELRULE, 0, NFTA_RULE_CHAIN,
				  layout_chain_name(chain, mark_bit, name));
	for (unsigned int chain = 0; chain < LAYOUT_RETIRED; chain++) {
		if (!view->retired[chain])
			continue;
		put_named(nl, b, NFT_MSG_DELRULE, 0, NFTA_RULE_CHAIN, layout_retired[chain]);
		put_named(nl, b, NFT_MSG_DELCHAIN, 0, NFTA_CHAIN_NAME, layout_retired[chain]);
	}
}

void table_build(struct nfnl *nl, struct nfnl_buffer *b, unsigned int mark_bit,
		 const struct table_view *view)
{
	char name[LAYOUT_NAME_MAX];

	if (view->state == TABLE_MISSING)
		layout_table(nl, b);
	clear(nl, b, mark_bit, view);
	for (unsigned int chain = 0; chain < LAYOUT_CHAINS; chain++) {
		if (view->chain[chain] && !view->chain_differs[chain])
			continue;
		if (view->chain[chain])
			put_named(nl, b, NFT_MSG_DELCHAIN, 0, NFTA_CHAIN_NAME,
				  layout_chain_name(chain, mark_bit, name));
		layout_chain(nl, b, chain, mark_bit);
	}
	for (unsigned int set = 0; set < TABLE_SETS; set++)
		if (!view->set[set])
			layout_set(nl, b, set);
	layout_rules(nl, b, mark_bit);
}

void table_wake(struct nfnl *nl, struct nfnl_buffer *b)
{
	struct nlmsghdr *nlh = table_message(nl, b, NFT_MSG_NEWTABLE, 0);

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, TABLE_NAME);
	mnl_attr_put_u32(nlh, NFTA_TABLE_FLAGS, 0);
	nfnl_done(b, nlh);
}

void table_remove(struct nfnl *nl, struct nfnl_buffer *b, unsigned int mark_bit,
		  const struct table_view *view)
{
	char name[LAYOUT_NAME_MAX];

	clear(nl, b, mark_bit, view);
	for (unsigned int set = 0; set < TABLE_SETS; set++)
		if (view->set[set])
			put_named(nl, b, NFT_MSG_DELSET, 0, NFTA_SET_NAME, table_set_name(set));
	for (unsigned int chain = 0; chain < LAYOUT_CHAINS; chain++)
		if (view->chain[chain])
			put_named(nl, b, NFT_MSG_DELCHAIN, 0, NFTA_CHAIN_NAME,
				  layout_chain_name(chain, mark_bit, name));
	/* NLM_F_NONREC: only if that was all. */
	put_named(nl, b, NFT_MSG_DELTABLE, NLM_F_NONREC, 0, NULL);
}
