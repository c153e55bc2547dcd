/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Publishing through nf_tables: the elements of the table (table.c), and whose they are.
 *
 * An element's comment is its owner, `network/container id@interface`, the name of our record. The
 * record is written before the transaction and removed after it, so it names every key that may be
 * there. All elements of an attachment come and go in one transaction.
 *
 * Two things must not happen, whoever runs at the same time (other attachments, a second DEL of the
 * same one, GC, a person with nft): an ADD must not take a key that is another's, and a DEL must
 * not remove one that has become another's since.
 *
 * ADD: elements are created with NLM_F_EXCL. The kernel holds its commit mutex over a transaction,
 * so that of two ADDs for a key one gets EEXIST and changes nothing at all. Only then is the
 * element read, one request by key, to say who has it.
 *
 * DEL: "delete the element if its comment is ours" is not a thing one can ask of the kernel. Two
 * designs. (a) Assert the value: in one transaction "add key : value" without EXCL, which fails
 * (EBUSY) when the key has another value, then "delete key". No retry and nothing read, but the
 * value must then identify the attachment: its address and port do not (a late DEL may meet its
 * address's next owner on the same port), and a value with more in it makes the table's own listing
 * unloadable (`nft list ruleset > /etc/nftables.conf`). (b) Read first, and let the transaction
 * carry the ruleset's generation as it was before reading: the kernel compares it under the commit
 * mutex and answers ERESTART if anything was committed since. What we delete is then exactly what
 * we read. This is (b). Others' commits make us read again; between reading and committing are some
 * thirty microseconds, so a ruleset that changes a thousand times a second costs a retry in thirty.
 * Sixty-four attempts failing in a row is not a race any more, and answered with "try again" (11),
 * with the record in place.
 *
 * The network's lock keeps our own calls for one attachment apart and is held over reading and
 * committing; correctness does not rest on it. It is released before the socket is closed: after a
 * deletion the kernel lets that close wait for an RCU grace period (8 to 24 ms), which is the floor
 * under DEL. There is one socket in a process, so that floor is paid once.
 *
 * Whether a transaction was done is known from its answer alone. Where that is lost (no memory for
 * receiving it), ADD and DEL read and try again, on a new socket. An ADD that fails after that
 * takes back what is its own; if not even that is possible, its record stays, for DEL and GC.
 *
 * The table goes with the last element. That nothing else is in it is read from the table itself
 * and bound to the generation, so no mapping is lost, and records only say when it is worth
 * reading: when none of another attachment through nf_tables is found. Two last DELs at once, of
 * networks whose locks are two, see each other's record and leave the table. So a DEL that left it
 * looks for records again after having removed its own: the later of the two finds none. An ADD
 * that fails does the same; of one that was killed the record is there, and its DEL comes.
 *
 * ADD and DEL never read through a set: what they cost does not depend on what others have in it.
 * (The DEL that finds no other record looks whether its own elements are the last ones.) GC does
 * read, for elements whose record has been lost, and so does whoever meets a record that cannot be
 * read.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backend.h"
#include "cleanup.h"
#include "conf.h"
#include "conntrack.h"
#include "host.h"
#include "nfnl.h"
#include "publication.h"
#include "table.h"

#define ATTEMPTS 64
#define CHUNK 64 /* questions in one send: their answers must fit the receive buffer */

/* The one socket; its close is the process's end. */
static struct nfnl nl = NFNL_NONE;

static int session(struct cni_error *err)
{
	return nl.fd >= 0 ? 0 : nfnl_open(NETLINK_NETFILTER, &nl, err);
}

/* After a lost answer: what is still to come on the old one is not ours to read any more. */
static int session_anew(struct cni_error *err)
{
	nfnl_close(&nl);
	return session(err);
}

static int refused(int error, const char *what, struct cni_error *err)
{
	errno = error;
	switch (error) {
	case EPERM:
		return cni_error_errno(err, CNI_ERR_IO,
				       "not allowed to %s: backend nftables needs CAP_NET_ADMIN in "
				       "the user namespace that owns this network namespace",
				       what);
	case ERESTART:
		return cni_error(err, CNI_ERR_AGAIN,
				 "cannot %s: another program changes the nf_tables ruleset without "
				 "a pause, gave up after %d attempts",
				 what, ATTEMPTS);
	case EMSGSIZE:
	case ENOBUFS:
		return cni_error_errno(
			err, CNI_ERR_IO,
			"cannot %s: too many mappings for one netlink message; raise "
			"net.core.wmem_max, or publish fewer",
			what);
	case EPROTONOSUPPORT:
	case EOPNOTSUPP:
		return cni_error_errno(err, CNI_ERR_IO,
				       "cannot %s: this kernel lacks nf_tables (CONFIG_NF_TABLES, "
				       "_INET, _NAT, _MASQ, _FIB_INET)",
				       what);
	default:
		return cni_error_errno(err, CNI_ERR_IO,
				       "cannot %s in table inet " TABLE_NAME
				       "; if somebody changed its sets or chains, delete the table "
				       "and add again",
				       what);
	}
}

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

/*
 * Add (with an owner) or delete (without) elements: those of a set together, as many in a message
 * as fit; the list is a netlink attribute, whose length has sixteen bits.
 */
static void put_elements(struct nfnl_buffer *b, uint16_t type, uint16_t flags,
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
				nlh = table_message(&nl, b, type, flags);
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

/* What an element of a reply says. Pointers go into the message. */
struct found {
	const void *key;
	size_t key_len;
	const void *data;
	size_t data_len;
	const char *owner; /* "" where there is no comment that could be one */
};

static void read_value(const struct nlattr *nest, const void **data, size_t *len)
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
			read_value(attr, &found->key, &found->key_len);
			break;
		case NFTA_SET_ELEM_DATA:
			read_value(attr, &found->data, &found->data_len);
			break;
		case NFTA_SET_ELEM_USERDATA:
			found->owner = read_comment(attr);
			break;
		}
	}
}

/* Call @fn for each element of a reply. */
static int each_element(const struct nlmsghdr *nlh, int (*fn)(const struct found *found, void *arg),
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
	e->as_planned = found->data_len == e->data_len &&
			(e->data_len == 0 || memcmp(found->data, e->data, e->data_len) == 0);
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
	return each_element(nlh, on_element, r);
}

/* Look each element up by its key. Return: 0, or an errno. */
static int look_up(struct elements *list, const char *owner)
{
	cleanup_nfnl_buffer struct nfnl_buffer b = {0};
	struct reading r = {.list = list, .owner = owner};

	for (size_t i = 0; i < list->n; i++) {
		struct element *e = &list->elements[i];
		struct nlmsghdr *nlh = table_message(&nl, &b, NFT_MSG_GETSETELEM, 0);
		struct nlattr *nest = begin_elements(nlh, e->set);

		e->found = e->ours = e->as_planned = false;
		put_element(nlh, e, NULL);
		mnl_attr_nest_end(nlh, nest);
		nfnl_done(&b, nlh);
		if (i % CHUNK == 0) {
			r.first = i;
			r.first_seq = nl.seq;
		}
		if (i % CHUNK != CHUNK - 1 && i + 1 < list->n)
			continue;
		if (nfnl_send(&nl, &b) < 0 || nfnl_receive(&nl, on_answer, &r) < 0)
			return errno;
	}
	return r.error;
}

static bool any_ours(const struct elements *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->elements[i].ours)
			return true;
	return false;
}

static const struct element *taken(const struct elements *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->elements[i].found && !list->elements[i].ours)
			return &list->elements[i];
	return NULL;
}

/*
 * ADD and DEL
 */

static int say_taken(const struct publication *p, const struct element *e, struct cni_error *err)
{
	char text[MAPPING_TEXT_MAX];

	mapping_format(&p->mappings[e->mapping], text);
	if (e->owner[0] == '\0')
		return cni_error(
			err, ERR_TAKEN,
			"host port %s is taken by an element without an owner in set %s of "
			"table inet " TABLE_NAME ", which somebody put there by hand",
			text, table_set_name(e->set));
	return cni_error(err, ERR_TAKEN,
			 "host port %s is taken by %s (network/container@interface): publish "
			 "another port, or delete that attachment (GC does, if its container is "
			 "gone)",
			 text, e->owner);
}

/* @unsure: set when an answer was lost. Then a failure need not mean that nothing is published. */
static int publish(const struct publication *p, struct elements *list, bool *unsure,
		   struct cni_error *err)
{
	cleanup_nfnl_buffer struct nfnl_buffer b = {0};
	enum table_state state;
	uint32_t generation;
	int error = 0;

	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		const struct element *other;
		bool rebuild;

		if (table_look(&nl, p->mark_bit, &state, &generation) < 0)
			return refused(errno, "read nf_tables", err);
		if (state == TABLE_OTHER_BIT)
			return cni_error(err, CNI_ERR_CONFIG,
					 "markMasqBit %u: table inet " TABLE_NAME
					 " uses another bit; one for the whole host, so give every "
					 "network the same markMasqBit",
					 p->mark_bit);
		/* A key was taken, or there was no such set: now it is worth reading. */
		if (attempt > 0) {
			const int unread = look_up(list, p->owner);

			if (unread)
				return refused(unread, "read the mappings", err);
			other = taken(list);
			if (other)
				return say_taken(p, other, err);
		}
		/*
		 * Rules would be there twice if somebody else built them meanwhile, so building
		 * goes with the generation. So does replacing what is ours but has no record.
		 */
		rebuild = state != TABLE_WHOLE;
		table_begin(&nl, &b, rebuild || any_ours(list) ? generation : 0);
		if (rebuild)
			table_build(&nl, &b, p->mark_bit);
		put_elements(&b, NFT_MSG_DELSETELEM, 0, list, NULL, true);
		put_elements(&b, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, list, p->owner,
			     false);
		error = table_commit(&nl, &b);
		if (error == 0)
			return 0;
		if (error < 0) {
			*unsure = true;
			error = -error;
			if (session_anew(err) < 0)
				return -1;
			continue;
		}
		if (error != ERESTART && error != EEXIST && error != EBUSY && error != ENOENT)
			break;
	}
	return refused(error, "publish", err);
}

/* Stops at the first element of another owner; without an owner, at any. */
static int on_other(const struct found *found, void *arg)
{
	if (arg && strcmp(found->owner, arg) == 0)
		return 0;
	errno = EEXIST;
	return -1;
}

static int on_part_of_others(const struct nlmsghdr *nlh, void *arg)
{
	return each_element(nlh, on_other, arg);
}

static void put_dump(struct nfnl_buffer *b, unsigned int set)
{
	struct nlmsghdr *nlh = table_message(&nl, b, NFT_MSG_GETSETELEM, NLM_F_DUMP);

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, TABLE_NAME);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, table_set_name(set));
	nfnl_done(b, nlh);
}

/*
 * Whether all elements are the owner's; NULL: whether there are none. Asked when no other record is
 * left, so the answer is yes but for another state directory's; of a set of theirs one part is read
 * and the rest left, by giving up the socket.
 */
static bool nobody_else(char *owner)
{
	cleanup_nfnl_buffer struct nfnl_buffer b = {0};
	struct cni_error ignored;

	for (unsigned int set = 0; set < TABLE_SETS; set++) {
		put_dump(&b, set);
		if (nfnl_send(&nl, &b) < 0 || nfnl_receive(&nl, on_part_of_others, owner) < 0) {
			nfnl_close(&nl);
			session(&ignored);
			return false;
		}
	}
	return true;
}

/* The table goes, if nothing is in it. Somebody's own chain in it, and it stays. */
static void remove_empty_table(unsigned int mark_bit)
{
	cleanup_nfnl_buffer struct nfnl_buffer b = {0};
	enum table_state state;
	uint32_t generation;

	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		if (table_look(&nl, mark_bit, &state, &generation) < 0 || state == TABLE_MISSING ||
		    !nobody_else(NULL))
			return;
		table_begin(&nl, &b, generation);
		table_remove(&nl, &b, mark_bit);
		if (table_commit(&nl, &b) != ERESTART)
			return;
	}
}

/*
 * Remove the publication's elements that are ours. Where they are the last of all, the table goes
 * instead, in the same single transaction: a second one would wait for a second grace period.
 * Return: 1 there is no table any more, 0 it is left, or -1.
 */
static int withdraw(struct publication *p, struct elements *list, bool last, struct cni_error *err)
{
	cleanup_nfnl_buffer struct nfnl_buffer b = {0};
	enum table_state state;
	uint32_t generation;
	int error = 0;

	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		bool whole;

		if (table_look(&nl, p->mark_bit, &state, &generation) < 0)
			return refused(errno, "read nf_tables", err);
		if (state == TABLE_MISSING)
			return 1;
		error = look_up(list, p->owner);
		if (error)
			return refused(error, "read the mappings", err);
		whole = last && nobody_else(p->owner);
		if (!whole && !any_ours(list))
			return 0;
		table_begin(&nl, &b, generation);
		if (whole)
			table_remove(&nl, &b, p->mark_bit);
		else
			put_elements(&b, NFT_MSG_DELSETELEM, 0, list, NULL, true);
		error = table_commit(&nl, &b);
		if (error == 0)
			return whole;
		if (error < 0) {
			error = -error;
			if (session_anew(err) < 0)
				return -1;
			continue;
		}
		/* Somebody's own chain is in the table, or one of ours is not: it stays. */
		if (whole && error != ERESTART)
			last = false;
		else if (error != ERESTART)
			break;
	}
	return refused(error, "withdraw the mappings", err);
}

/* The interface behind which the container is, for each family. */
static int find_devices(struct publication *p, struct cni_error *err)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct host_route route;

		if (p->address[ipv6].family == AF_UNSPEC)
			continue;
		if (host_route(&p->address[ipv6], &route, err) < 0)
			return -1;
		memcpy(p->device[ipv6], route.device, sizeof(route.device));
	}
	return 0;
}

/* What nf_tables cannot do, and what the container cannot. */
static int check_mappings(const struct publication *p, struct cni_error *err)
{
	static const struct in6_addr loopback6 = IN6ADDR_LOOPBACK_INIT;
	char text[MAPPING_TEXT_MAX];

	for (size_t i = 0; i < p->n; i++) {
		const struct mapping *m = &p->mappings[i];

		if (m->host_family != AF_UNSPEC &&
		    p->address[m->host_family == AF_INET6].family == AF_UNSPEC)
			return cni_error(err, CNI_ERR_CONFIG,
					 "cannot publish %s: the container has no %s address",
					 mapping_format(m, text),
					 m->host_family == AF_INET6 ? "IPv6" : "IPv4");
		if (m->one_host && m->host_family == AF_INET6 &&
		    IN6_ARE_ADDR_EQUAL(&m->host.v6, &loopback6))
			return cni_error(err, CNI_ERR_FIELD,
					 "cannot publish %s: the kernel does not forward ::1; use "
					 "hostIP 127.0.0.1",
					 mapping_format(m, text));
	}
	return 0;
}

/*
 * Where 127.0.0.1 is to reach an IPv4 container. A read-only /proc/sys (a container host inside a
 * container) takes that one way in away, so it is an error only for who asked for just that one.
 */
static int allow_loopback(const struct publication *p, struct cni_error *err)
{
	bool wanted = false;
	bool needed = false;

	for (size_t i = 0; i < p->n; i++) {
		const struct mapping *m = &p->mappings[i];
		const bool loopback =
			m->one_host && m->host_family == AF_INET && m->host.bytes[0] == 127;

		wanted |= loopback || (!m->one_host && m->host_family != AF_INET6);
		needed |= loopback;
	}
	if (!wanted || !p->snat || p->device[0][0] == '\0' ||
	    host_route_localnet(p->device[0], err) == 0)
		return 0;
	if (needed)
		return -1;
	fprintf(stderr, "%s: %s\n", err->msg, err->details);
	return 0;
}

/* After a failed ADD: nothing of it is left, or its record. */
static void undo(const struct call *call, struct publication *p, struct elements *list, bool unsure)
{
	struct cni_error ignored;

	if (session_anew(&ignored) < 0 && unsure)
		return;
	if (unsure && withdraw(p, list, publication_is_last(call), &ignored) < 0)
		return;
	state_remove(call->state, call->container_id, call->ifname, &ignored);
	if (publication_is_last(call))
		remove_empty_table(p->mark_bit);
}

static int nftables_add(struct call *call, struct cni_error *err)
{
	bool unsure = false;
	cleanup_publication struct publication p = {0};
	cleanup_elements struct elements list = {0};
	cleanup_json cJSON *record = NULL;

	publication_init(&p, call);
	if (check_mappings(&p, err) < 0 || find_devices(&p, err) < 0 ||
	    allow_loopback(&p, err) < 0 || elements_plan(&p, &list, err) < 0 || session(err) < 0)
		return -1;
	record = publication_print(&p);
	if (record == NULL)
		return cni_error_nomem(err);
	if (record_write(call, record, err) < 0)
		return -1;
	if (publish(&p, &list, &unsure, err) < 0) {
		undo(call, &p, &list, unsure);
		return -1;
	}
	call_unlock(call);
	for (int ipv6 = 0; ipv6 < 2; ipv6++)
		if (p.address[ipv6].family != AF_UNSPEC)
			conntrack_forget_host(&nl, p.address[ipv6].family, p.mappings, p.n);
	return 0;
}

static int nftables_del(struct call *call, const cJSON *record, struct cni_error *err)
{
	cleanup_publication struct publication p = {0};
	cleanup_elements struct elements list = {0};
	int gone;

	if (publication_read(call, record, &p, err) < 0 || elements_plan(&p, &list, err) < 0 ||
	    session(err) < 0)
		return -1;
	gone = withdraw(&p, &list, publication_is_last(call), err);
	if (gone < 0 || state_remove(call->state, call->container_id, call->ifname, err) < 0)
		return -1;
	call_unlock(call);
	if (!gone && publication_is_last(call))
		remove_empty_table(p.mark_bit);
	for (int ipv6 = 0; ipv6 < 2; ipv6++)
		if (p.address[ipv6].family != AF_UNSPEC)
			conntrack_forget_container(&nl, &p.address[ipv6], p.mappings, p.n);
	return 0;
}

static int nftables_check(const struct call *call, const cJSON *record, struct cni_error *err)
{
	cleanup_publication struct publication p = {0};
	cleanup_elements struct elements list = {0};
	char text[MAPPING_TEXT_MAX];
	enum table_state state;
	uint32_t generation;
	int error;

	if (publication_read(call, record, &p, err) < 0 || elements_plan(&p, &list, err) < 0 ||
	    session(err) < 0)
		return -1;
	if (table_look(&nl, p.mark_bit, &state, &generation) < 0)
		return refused(errno, "read nf_tables", err);
	if (state != TABLE_WHOLE)
		return cni_error(err, ERR_CHECK,
				 "table inet " TABLE_NAME
				 " is %s: somebody flushed, deleted or edited it; the next ADD of "
				 "any container repairs its rules, this container is to be added "
				 "again",
				 state == TABLE_MISSING ? "not there" : "not as it should be");
	error = look_up(&list, p.owner);
	if (error)
		return refused(error, "read the mappings", err);
	for (size_t i = 0; i < list.n; i++) {
		const struct element *e = &list.elements[i];

		if (e->found && e->ours && e->as_planned)
			continue;
		mapping_format(&p.mappings[e->mapping], text);
		if (!e->found)
			return cni_error(err, ERR_CHECK,
					 "host port %s is not published: its element is missing in "
					 "set %s of table inet " TABLE_NAME,
					 text, table_set_name(e->set));
		return cni_error(err, ERR_CHECK,
				 "host port %s is %s: set %s of table inet " TABLE_NAME, text,
				 e->ours ? "published to another address or port"
					 : "another attachment's now",
				 table_set_name(e->set));
	}
	return 0;
}

/*
 * Elements that no record tells of. For GC: those of this network whose attachment is not in the
 * list. Their records are gone already, so these have none: a state directory was lost, or is
 * another one now. For an attachment whose record cannot be read: its own.
 */

struct sweep {
	const struct cni_request *req;
	char owner[OWNER_MAX];  /* of the one attachment; "": GC */
	char prefix[OWNER_MAX]; /* of the network's owners */
	unsigned int set;
	struct nfnl_buffer b;     /* the transaction */
	size_t n;                 /* deletions in it */
	char (*valid)[OWNER_MAX]; /* sorted */
};

static void sweep_free(struct sweep *s)
{
	nfnl_buffer_free(&s->b);
}
#define cleanup_sweep __attribute__((cleanup(sweep_free)))

static int compare_owner(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int on_swept(const struct found *found, void *arg)
{
	struct sweep *s = arg;
	char owner[OWNER_MAX];
	struct nlmsghdr *nlh;
	struct nlattr *nest;
	struct element e = {.set = s->set};

	if (strncmp(found->owner, s->prefix, strlen(s->prefix)) != 0 || found->key == NULL ||
	    found->key_len > sizeof(e.key) || strlen(found->owner) >= sizeof(owner))
		return 0;
	strcpy(owner, found->owner);
	if (s->owner[0] ? strcmp(owner, s->owner) != 0
			: s->req->n_valid && bsearch(owner, s->valid, s->req->n_valid,
						     sizeof(*s->valid), compare_owner))
		return 0;
	e.key_len = (uint8_t)found->key_len;
	memcpy(e.key, found->key, found->key_len);
	nlh = table_message(&nl, &s->b, NFT_MSG_DELSETELEM, 0);
	nest = begin_elements(nlh, s->set);
	put_element(nlh, &e, NULL);
	mnl_attr_nest_end(nlh, nest);
	nfnl_done(&s->b, nlh);
	s->n++;
	return 0;
}

static int on_part(const struct nlmsghdr *nlh, void *arg)
{
	const int error = nfnl_errno(nlh);

	if (error) {
		errno = error;
		return -1;
	}
	return each_element(nlh, on_swept, arg);
}

/* Put the deletion of what is to go into the transaction. Return: 0, or an errno. */
static int dump_sets(struct sweep *s)
{
	cleanup_nfnl_buffer struct nfnl_buffer question = {0};

	for (s->set = 0; s->set < TABLE_SETS; s->set++) {
		struct nlmsghdr *nlh =
			table_message(&nl, &question, NFT_MSG_GETSETELEM, NLM_F_DUMP);

		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, TABLE_NAME);
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, table_set_name(s->set));
		nfnl_done(&question, nlh);
		if (nfnl_send(&nl, &question) < 0)
			return errno;
		if (nfnl_receive(&nl, on_part, s) < 0 && errno != ENOENT)
			return errno;
	}
	return 0;
}

static int sweep_once(struct sweep *s, unsigned int mark_bit)
{
	enum table_state state;
	uint32_t generation;
	int error;

	if (table_look(&nl, mark_bit, &state, &generation) < 0)
		return errno;
	if (state == TABLE_MISSING)
		return 0;
	s->b.len = 0;
	s->n = 0;
	table_begin(&nl, &s->b, generation);
	error = dump_sets(s);
	return error || s->n == 0 ? error : table_commit(&nl, &s->b);
}

static int sweep_all(struct sweep *s, unsigned int mark_bit, struct cni_error *err)
{
	int error = ERESTART;

	for (int attempt = 0; attempt < ATTEMPTS && error == ERESTART; attempt++) {
		error = sweep_once(s, mark_bit);
		if (error < 0) {
			error = ERESTART;
			if (session_anew(err) < 0)
				return -1;
		}
	}
	/* Who may not look has put nothing there: an ordinary user with slirp4netns. */
	if (error && error != EPERM)
		return refused(error, "collect what is left", err);
	return 0;
}

static int nftables_recover(struct call *call, struct cni_error *err)
{
	cleanup_sweep struct sweep s = {.req = call->req};

	if (session(err) < 0)
		return -1;
	owner_prefix(call->network, s.prefix);
	owner_name(call->network, call->container_id, call->ifname, s.owner);
	if (sweep_all(&s, call->config->mark_bit, err) < 0 ||
	    state_remove(call->state, call->container_id, call->ifname, err) < 0)
		return -1;
	if (publication_is_last(call))
		remove_empty_table(call->config->mark_bit);
	return 0;
}

static int nftables_sweep(const struct cni_request *req, const struct config *config,
			  struct cni_error *err)
{
	cleanup_free char(*valid)[OWNER_MAX] = calloc(req->n_valid + 1, sizeof(*valid));
	cleanup_sweep struct sweep s = {.req = req, .valid = valid};

	if (valid == NULL)
		return cni_error_nomem(err);
	if (session(err) < 0)
		return -1;
	owner_prefix(req->network, s.prefix);
	for (size_t i = 0; i < req->n_valid; i++)
		owner_name(req->network, req->valid[i].container_id, req->valid[i].ifname,
			   valid[i]);
	qsort(valid, req->n_valid, sizeof(*valid), compare_owner);
	if (sweep_all(&s, config->mark_bit, err) < 0)
		return -1;
	remove_empty_table(config->mark_bit);
	return 0;
}

static int nftables_status(struct cni_error *err)
{
	enum table_state state;
	uint32_t generation;

	if (session(err) < 0)
		return -1;
	if (table_look(&nl, TABLE_DEFAULT_MARK_BIT, &state, &generation) < 0)
		return refused(errno, "use nf_tables", err);
	return 0;
}

const struct backend backend_nftables = {
	.name = "nftables",
	.add = nftables_add,
	.del = nftables_del,
	.recover = nftables_recover,
	.check = nftables_check,
	.sweep = nftables_sweep,
	.status = nftables_status,
};
