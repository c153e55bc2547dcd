/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "elements.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

#define CHUNK 64 /* questions in one send: their answers must fit the receive buffer */

/*
 * Requests about elements: NEWSETELEM, DELSETELEM, GETSETELEM.
 */

static void put_value(struct nlmsghdr *nlh, uint16_t type, const void *data, size_t len)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	mnl_attr_put(nlh, NFTA_DATA_VALUE, len, data);
	mnl_attr_nest_end(nlh, nest);
}

static struct nlattr *begin_elements(struct nlmsghdr *nlh, unsigned int set)
{
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, TABLE_NAME);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, table_set_name(set));
	return mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
}

static void put_element(struct nlmsghdr *nlh, const struct element *e, const char *owner)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);

	put_value(nlh, NFTA_SET_ELEM_KEY, e->key, e->key_len);
	if (owner) {
		uint8_t comment[2 + OWNER_MAX];
		const size_t len = strlen(owner) + 1;

		if (e->data_len)
			put_value(nlh, NFTA_SET_ELEM_DATA, e->data, e->data_len);
		comment[0] = 0; /* NFTNL_UDATA_SET_ELEM_COMMENT */
		comment[1] = (uint8_t)len;
		memcpy(comment + 2, owner, len);
		mnl_attr_put(nlh, NFTA_SET_ELEM_USERDATA, 2 + len, comment);
	}
	mnl_attr_nest_end(nlh, nest);
}

void elements_put_one(struct nfnl *nl, struct nfnl_buffer *b, uint16_t type, uint16_t flags,
		      const struct element *e, const char *owner)
{
	struct nlmsghdr *nlh = table_message(nl, b, type, flags);
	struct nlattr *nest = begin_elements(nlh, e->set);

	put_element(nlh, e, owner);
	mnl_attr_nest_end(nlh, nest);
	nfnl_done(b, nlh);
}

/*
 * Those of a set together, as many in a message as fit; the list is a netlink attribute, whose
 * length has sixteen bits.
 */
void elements_put(struct nfnl *nl, struct nfnl_buffer *b, uint16_t type, uint16_t flags,
		  const struct elements *list, const char *owner, bool only_ours)
{
	struct nlmsghdr *nlh = NULL;
	struct nlattr *nest = NULL;

	for (unsigned int set = 0; set < TABLE_SETS; set++) {
		for (size_t i = list->first[set]; i < list->first[set + 1]; i++) {
			const struct element *e = &list->elements[i];

			if (only_ours && !e->ours)
				continue;
			if (nlh && nlh->nlmsg_len > NFNL_MESSAGE_MAX - 1024) {
				mnl_attr_nest_end(nlh, nest);
				nfnl_done(b, nlh);
				nlh = NULL;
			}
			if (nlh == NULL) {
				nlh = table_message(nl, b, type, flags);
				nest = begin_elements(nlh, set);
			}
			put_element(nlh, e, owner);
		}
		if (nlh) {
			mnl_attr_nest_end(nlh, nest);
			nfnl_done(b, nlh);
			nlh = NULL;
		}
	}
}

/*
 * Answers
 */

static void element_read_value(const struct nlattr *nest, const void **data, size_t *len)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest)
	{
		if (mnl_attr_get_type(attr) == NFTA_DATA_VALUE) {
			*data = mnl_attr_get_payload(attr);
			*len = mnl_attr_get_payload_len(attr);
		}
	}
}

static const char *read_comment(const struct nlattr *userdata)
{
	const uint8_t *data = mnl_attr_get_payload(userdata);
	const size_t size = mnl_attr_get_payload_len(userdata);
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

	*found = (struct found){.owner = ""};
	mnl_attr_for_each_nested(attr, element)
	{
		switch (mnl_attr_get_type(attr)) {
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
	const struct nlattr *attr;
	const struct nlattr *element;
	struct found found;

	if (nlh->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM))
		return 0;
	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		mnl_attr_for_each_nested(element, attr)
		{
			read_element(element, &found);
			if (fn(&found, arg) < 0)
				return -1;
		}
	}
	return 0;
}

struct reading {
	struct elements *list;
	const char *owner;
	uint32_t first_seq;
	size_t first; /* the element that first_seq asked for */
	size_t at;
	int error;
};

static int on_element(const struct found *found, void *arg)
{
	struct reading *r = arg;
	struct element *e = &r->list->elements[r->at];

	e->found = true;
	e->ours = strcmp(found->owner, r->owner) == 0;
	e->as_planned = found->data_len == e->data_len;
	if (found->data && e->as_planned)
		e->as_planned = memcmp(found->data, e->data, e->data_len) == 0;
	snprintf(e->owner, sizeof(e->owner), "%s", found->owner);
	return 0;
}

static int on_answer(const struct nlmsghdr *nlh, void *arg)
{
	struct reading *r = arg;
	const uint32_t offset = nlh->nlmsg_seq - r->first_seq;
	const int error = nfnl_errno(nlh);

	if (error && error != ENOENT && r->error == 0)
		r->error = error;
	r->at = r->first + offset;
	if (offset >= CHUNK || r->at >= r->list->n)
		return 0;
	return elements_each(nlh, on_element, r);
}

int elements_look_up(struct nfnl *nl, struct elements *list, const char *owner)
{
	cleanup_nfnl_buffer struct nfnl_buffer b = {0};
	struct reading r = {.list = list, .owner = owner};

	for (size_t i = 0; i < list->n; i++) {
		struct element *e = &list->elements[i];

		e->found = e->ours = e->as_planned = false;
		elements_put_one(nl, &b, NFT_MSG_GETSETELEM, 0, e, NULL);
		if (i % CHUNK == 0) {
			r.first = i;
			r.first_seq = nl->seq;
		}
		if (i % CHUNK != CHUNK - 1 && i + 1 < list->n)
			continue;
		if (nfnl_send(nl, &b) < 0 || nfnl_receive(nl, on_answer, &r) < 0)
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

void elements_put_dump(struct nfnl *nl, struct nfnl_buffer *b, unsigned int set)
{
	struct nlmsghdr *nlh = table_message(nl, b, NFT_MSG_GETSETELEM, NLM_F_DUMP);

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, TABLE_NAME);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, table_set_name(set));
	nfnl_done(b, nlh);
}
