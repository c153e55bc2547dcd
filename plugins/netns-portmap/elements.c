/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "elements.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

#define CHUNK 64 /* questions in one send: their replies must fit the receive buffer */
#define MESSAGE_FULL (NETLINK_MESSAGE_MAX - 1024)

/*
 * Requests about elements: NEWSETELEM, DELSETELEM, GETSETELEM.
 */

static void put_value(struct nl_msg *msg, int type, const void *data, size_t len)
{
	struct nlattr *nest = nla_nest_start(msg, type);

	nla_put(msg, NFTA_DATA_VALUE, (int)len, data);
	nla_nest_end(msg, nest);
}

static struct nlattr *begin_elements(struct nl_msg *msg, unsigned int set)
{
	nla_put_string(msg, NFTA_SET_ELEM_LIST_TABLE, TABLE_NAME);
	nla_put_string(msg, NFTA_SET_ELEM_LIST_SET, table_set_name(set));
	return nla_nest_start(msg, NFTA_SET_ELEM_LIST_ELEMENTS);
}

static void put_element(struct nl_msg *msg, const struct element *e, const char *owner)
{
	struct nlattr *nest = nla_nest_start(msg, NFTA_LIST_ELEM);

	put_value(msg, NFTA_SET_ELEM_KEY, e->key, e->key_len);
	if (owner != NULL) {
		uint8_t comment[2 + OWNER_MAX];
		const size_t len = strlen(owner) + 1;

		if (e->data_len)
			put_value(msg, NFTA_SET_ELEM_DATA, e->data, e->data_len);
		comment[0] = 0; /* NFTNL_UDATA_SET_ELEM_COMMENT */
		comment[1] = (uint8_t)len;
		memcpy(comment + 2, owner, len);
		nla_put(msg, NFTA_SET_ELEM_USERDATA, (int)(2 + len), comment);
	}
	nla_nest_end(msg, nest);
}

void elements_put_one(struct netlink_batch *b, uint16_t type, uint16_t flags,
		      const struct element *e, const char *owner)
{
	struct nl_msg *msg = nft_begin(b, NFPROTO_INET, type, flags);
	struct nlattr *nest;

	if (msg == NULL)
		return;
	nest = begin_elements(msg, e->set);
	put_element(msg, e, owner);
	nla_nest_end(msg, nest);
	netlink_end(b);
}

/*
 * Those of a set together, as many in a message as fit; the list is a netlink attribute, whose
 * length has sixteen bits.
 */
void elements_put(struct netlink_batch *b, uint16_t type, uint16_t flags,
		  const struct elements *list, const char *owner, bool only_ours)
{
	struct nl_msg *msg = NULL;
	struct nlattr *nest = NULL;
	unsigned int set = 0;

	for (size_t i = 0; i < list->n; i++) {
		const struct element *e = &list->elements[i];

		if (only_ours && !e->ours)
			continue;
		if (msg != NULL && (e->set != set || nlmsg_hdr(msg)->nlmsg_len > MESSAGE_FULL)) {
			nla_nest_end(msg, nest);
			netlink_end(b);
			msg = NULL;
		}
		if (msg == NULL) {
			msg = nft_begin(b, NFPROTO_INET, type, flags);
			if (msg == NULL)
				return;
			set = e->set;
			nest = begin_elements(msg, set);
		}
		put_element(msg, e, owner);
	}
	if (msg != NULL) {
		nla_nest_end(msg, nest);
		netlink_end(b);
	}
}

/*
 * Replies
 */

static void element_read_value(const struct nlattr *nest, const void **data, size_t *len)
{
	const struct nlattr *attr;
	int left;

	nla_for_each_nested (attr, nest, left) {
		if (nla_type(attr) == NFTA_DATA_VALUE) {
			*data = nla_data(attr);
			*len = (size_t)nla_len(attr);
		}
	}
}

static const char *read_comment(const struct nlattr *userdata)
{
	const uint8_t *data = nla_data(userdata);
	const size_t size = (size_t)nla_len(userdata);
	size_t len;

	for (size_t at = 0; at + 2 <= size; at += 2 + len) {
		len = data[at + 1];
		if (at + 2 + len > size)
			break;
		if (data[at] == 0 && len > 0 && data[at + 1 + len] == '\0')
			return (const char *)&data[at + 2];
	}
	return "";
}

static void read_element(const struct nlattr *element, struct found *found)
{
	const struct nlattr *attr;
	int left;

	*found = (struct found){.owner = ""};
	nla_for_each_nested (attr, element, left) {
		switch (nla_type(attr)) {
		case NFTA_SET_ELEM_KEY:
			element_read_value(attr, &found->key, &found->key_len);
			break;
		case NFTA_SET_ELEM_DATA:
			element_read_value(attr, &found->data, &found->data_len);
			break;
		case NFTA_SET_ELEM_USERDATA:
			found->owner = read_comment(attr);
			break;
		}
	}
}

int elements_each(const struct nlmsghdr *nlh, int (*fn)(const struct found *found, void *arg),
		  void *arg)
{
	const struct nlattr *list = nft_attr(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	const struct nlattr *element;
	struct found found;
	int left;

	if (!nft_is(nlh, NFT_MSG_NEWSETELEM) || list == NULL)
		return 0;
	nla_for_each_nested (element, list, left) {
		read_element(element, &found);
		if (fn(&found, arg) < 0)
			return -1;
	}
	return 0;
}

static int on_element(const struct found *found, void *arg)
{
	struct elements_reading *r = arg;
	struct element *e = &r->list->elements[r->at];

	e->found = true;
	e->ours = strcmp(found->owner, r->owner) == 0;
	e->as_planned = found->data_len == e->data_len;
	if (found->data != NULL && e->as_planned)
		e->as_planned = memcmp(found->data, e->data, e->data_len) == 0;
	snprintf(e->owner, sizeof(e->owner), "%s", found->owner);
	return 0;
}

int elements_on_reply(const struct nlmsghdr *nlh, void *arg)
{
	struct elements_reading *r = arg;
	const size_t offset = netlink_position(r->questions, nlh);
	const int error = netlink_errno(nlh);

	if (error && error != ENOENT && r->error == 0)
		r->error = error;
	r->at = r->first + offset;
	if (offset >= CHUNK || r->at >= r->list->n)
		return 0;
	return elements_each(nlh, on_element, r);
}

int elements_look_up(struct netlink *nl, struct elements *list, const char *owner)
{
	cleanup_netlink_batch struct netlink_batch b = {0};
	struct elements_reading r = {.list = list, .owner = owner, .questions = &b};

	for (size_t i = 0; i < list->n; i++) {
		struct element *e = &list->elements[i];

		e->found = e->ours = e->as_planned = false;
		elements_put_one(&b, NFT_MSG_GETSETELEM, 0, e, NULL);
		if (i % CHUNK != CHUNK - 1 && i + 1 < list->n)
			continue;
		r.first = i - i % CHUNK;
		if (netlink_exchange(nl, &b, elements_on_reply, &r) < 0)
			return errno;
	}
	return r.error;
}

bool elements_any_ours(const struct elements *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->elements[i].ours)
			return true;
	return false;
}

const struct element *elements_taken(const struct elements *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->elements[i].found && !list->elements[i].ours &&
		    table_set_is_map(list->elements[i].set))
			return &list->elements[i];
	return NULL;
}

void elements_adopt(struct elements *list)
{
	for (size_t i = 0; i < list->n; i++)
		list->elements[i].ours |= list->elements[i].found;
}

void elements_put_dump(struct netlink_batch *b, unsigned int set)
{
	struct nl_msg *msg = nft_begin(b, NFPROTO_INET, NFT_MSG_GETSETELEM, NLM_F_DUMP);

	if (msg == NULL)
		return;
	nla_put_string(msg, NFTA_SET_ELEM_LIST_TABLE, TABLE_NAME);
	nla_put_string(msg, NFTA_SET_ELEM_LIST_SET, table_set_name(set));
	netlink_end(b);
}

static int on_other(const struct found *found, void *arg)
{
	if (arg != NULL && strcmp(found->owner, arg) == 0)
		return 0;
	errno = EEXIST;
	return -1;
}

int elements_on_others(const struct nlmsghdr *nlh, void *arg)
{
	return elements_each(nlh, on_other, arg);
}
