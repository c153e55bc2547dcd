/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Publishing through nf_tables: the elements of the table (table.c), and their owners.
 *
 * An element's comment is its owner, `network/container id@interface`, the name of our record. The
 * record is written before the transaction and removed after it, so it names every key that may be
 * there. All elements of an attachment come and go in one transaction.
 *
 * Two things must not happen, whoever runs at the same time (other attachments, a second DEL of the
 * same one, GC, a person with nft): an ADD must not take a key of another attachment, and a DEL
 * must not remove a key that has become another attachment's since.
 *
 * ADD: elements are created with NLM_F_EXCL. The kernel holds its commit mutex over a transaction,
 * so that of two ADDs for a key one gets EEXIST and changes nothing at all. The element is read
 * only then, by one request with its key, to say who has it.
 *
 * DEL: the kernel has no request "delete the element if its comment is ours". Two designs. (a)
 * Assert the value: in one transaction "add key : value" without EXCL, which fails (EBUSY) when the
 * key has another value, then "delete key". No retry and nothing read, but the value must then
 * identify the attachment: its address and port do not (a late DEL may meet its address's next
 * owner on the same port), and a value with more in it makes the table's own listing unloadable
 * (`nft list ruleset > /etc/nftables.conf`). (b) Read first, and let the transaction carry the
 * ruleset's generation as it was before reading: the kernel compares it under the commit mutex and
 * replies ERESTART if anything was committed since. What is deleted is then exactly what was read.
 * (b) is taken. Others' commits make us read again; between reading and committing are some thirty
 * microseconds, so a ruleset that changes a thousand times a second costs a retry in thirty.
 * Sixty-four failed attempts in a row are not a race any more: the operation fails with "try again"
 * (11), and the record stays.
 *
 * The network's lock keeps our own calls for one attachment apart and is held over reading and
 * committing; correctness does not depend on it. It is released before the socket is closed: after
 * a deletion the kernel lets that close wait for an RCU grace period (8 to 24 ms), which is the
 * floor under DEL. There is one socket in a process, so that floor is paid once.
 *
 * Whether a transaction was done is known from its reply alone. If that is lost (no memory for
 * receiving it), ADD and DEL read and try again, on a new socket. An ADD that fails after that
 * takes back what is its own; if not even that is possible, its record stays, for DEL and GC.
 *
 * The table is removed with the last element. Whether anything else is in it is read from the table
 * itself and bound to the generation, so no mapping is lost. Records only tell when this is worth
 * reading: when no other attachment has a record through nf_tables. Two last DELs at once, of
 * networks whose locks are two, see each other's record and leave the table. So a DEL that left it
 * looks for records again after having removed its own: the later of the two finds none. An ADD
 * that fails does the same; an ADD that was killed has left its record, and its DEL follows.
 *
 * ADD and DEL never read through a set: what they cost does not depend on what others have in it.
 * (The DEL that finds no other record looks whether its own elements are the last ones.) GC does
 * read, for elements whose record has been lost, and so does an operation that meets a record that
 * it cannot read.
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
#include "elements.h"
#include "forward.h"
#include "host.h"
#include "narrow.h"
#include "netlink.h"
#include "publication.h"
#include "record.h"
#include "sweep.h"
#include "table.h"
#include "upgrade.h"

#define ATTEMPTS 64

/* The only socket; it is closed when the process ends. */
static struct netlink *nft_socket;

static int session(struct cni_error *err)
{
	if (nft_socket == NULL)
		nft_socket = netlink_open(NULL, NETLINK_NETFILTER, err);
	return nft_socket == NULL ? -1 : 0;
}

/*
 * Open another socket after a lost reply: what still comes on the old one must not be read any
 * more. If no other can be opened, the old one stays, for callers that go on all the same.
 */
static int session_anew(struct cni_error *err)
{
	struct netlink *other = netlink_open(NULL, NETLINK_NETFILTER, err);

	if (other == NULL)
		return -1;
	netlink_close(nft_socket);
	nft_socket = other;
	return 0;
}

static int nft_refused(int error, const char *what, struct cni_error *err)
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
 * ADD and DEL
 */

/* Return: 0, or -1 if only its owner may change it, or if no release of ours made it so. */
static int check_usable(const struct table_view *view, struct cni_error *err)
{
	if (view->state == TABLE_OWNED)
		return cni_error(
			err, CNI_ERR_IO,
			"table inet " TABLE_NAME
			" belongs to a running program (flag owner, netlink port %u), which "
			"alone may change it: end that program, or let it make the table "
			"without the flag",
			view->owner_port);
	if (view->state == TABLE_FOREIGN)
		return cni_error(
			err, CNI_ERR_IO,
			"a set of table inet " TABLE_NAME
			" is of another type than netns-portmap makes it: delete the table, "
			"and add the containers again");
	return 0;
}

/* Report a table that ADD cannot use. Return: 0, or -1 with @err filled. */
static int check_addable(unsigned int mark_bit, const struct table_view *view,
			 struct cni_error *err)
{
	if (view->state == TABLE_OTHER_BIT)
		return cni_error(err, CNI_ERR_CONFIG,
				 "markMasqBit %u: table inet " TABLE_NAME
				 " uses another bit, %u; there is one for the whole host, so give "
				 "every network the same markMasqBit",
				 mark_bit, view->other);
	if (view->state == TABLE_NEWER)
		return cni_error(err, CNI_ERR_CONFIG,
				 "table inet " TABLE_NAME
				 " has layout %u, of a later release; this netns-portmap knows "
				 "layouts up to %d: install one release for every runtime of the "
				 "host",
				 view->other, TABLE_LAYOUT);
	return check_usable(view, err);
}

static int wake(const struct table_view *view)
{
	cleanup_netlink_batch struct netlink_batch b = {0};

	table_begin(&b, view->generation);
	table_wake(&b);
	return table_commit(nft_socket, &b);
}

/*
 * What has to be done to the table in a transaction of its own before elements come into it.
 * Return: 1 if it was done, so look again; 0 if there is nothing to do; or -1 with @err filled.
 */
static int mend(unsigned int mark_bit, const struct table_view *view, struct cni_error *err)
{
	int error = 0;

	if (view->state == TABLE_DORMANT)
		error = wake(view);
	else if (view->state != TABLE_OLDER)
		return 0;
	else if (upgrade_table(nft_socket, mark_bit, view, &error, err) < 0)
		return -1;
	if (error < 0)
		return session_anew(err) < 0 ? -1 : 1;
	if (error && error != ERESTART)
		return nft_refused(error, "mend the rules", err);
	return 1;
}

/* @unsure: set when a reply was lost. Then a failure need not mean that nothing is published. */
static int nft_publish(const struct call *call, const struct publication *p, struct elements *list,
		       bool *unsure, struct cni_error *err)
{
	cleanup_netlink_batch struct netlink_batch b = {0};
	struct table_view view;
	int error = ERESTART;

	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		const struct element *other;
		int mended;

		if (table_look(nft_socket, p->mark_bit, &view) < 0)
			return nft_refused(errno, "read nf_tables", err);
		if (check_addable(p->mark_bit, &view, err) < 0)
			return -1;
		if (view.state == TABLE_MISSING &&
		    upgrade_close_recorded(call->state->plugin_fd, err) < 0)
			return -1;
		mended = mend(p->mark_bit, &view, err);
		if (mended < 0)
			return -1;
		if (mended)
			continue;
		/* A key was taken, or there was no such set: now it is worth reading. */
		if (attempt > 0) {
			const int unread = elements_look_up(nft_socket, list, p->owner);

			if (unread)
				return nft_refused(unread, "read the mappings", err);
			other = elements_taken(list);
			if (other != NULL)
				return publication_say_taken(p, other, err);
			elements_adopt(list);
		}
		/*
		 * Rules would be there twice if somebody else built them meanwhile, so building
		 * goes with the generation. So does replacing what is ours but has no record.
		 */
		table_begin(&b, view.state != TABLE_WHOLE || elements_any_ours(list)
					? view.generation
					: 0);
		if (view.state != TABLE_WHOLE)
			table_build(&b, p->mark_bit, &view);
		elements_put(&b, NFT_MSG_DELSETELEM, 0, list, NULL, true);
		elements_put(&b, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, list, p->owner,
			     false);
		error = table_commit(nft_socket, &b);
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
	return nft_refused(error, "publish", err);
}

/*
 * Whether all elements belong to @owner or, if that is NULL, whether there are none. This is asked
 * when no other record is left, so only elements of another state directory can be found. Of a set
 * that has such elements one part is read, and the rest is given up together with the socket.
 */
static bool nobody_else(char *owner)
{
	cleanup_netlink_batch struct netlink_batch b = {0};
	struct cni_error ignored;

	for (unsigned int set = 0; set < TABLE_SETS; set++) {
		elements_put_dump(&b, set);
		if (netlink_exchange(nft_socket, &b, elements_on_others, owner) < 0) {
			session_anew(&ignored);
			return false;
		}
	}
	return true;
}

/*
 * Look at the table when no record tells the bit: for GC, which finds what any configuration of the
 * network has left, and if the record cannot be read. @mark_bit: becomes the table's, if there is
 * one.
 */
static int look_by_any_bit(unsigned int *mark_bit, struct table_view *view)
{
	if (table_look(nft_socket, *mark_bit, view) < 0)
		return -1;
	if (view->state != TABLE_OTHER_BIT || view->other > 31)
		return 0;
	*mark_bit = view->other;
	return table_look(nft_socket, *mark_bit, view);
}

/*
 * Remove the table if nothing is in it. It stays if a chain of somebody's own is in it; so does the
 * table of a later release, which may have sets that this one does not know, and that of an earlier
 * release that could not be upgraded, because of what it guards.
 */
static void remove_empty_table(unsigned int mark_bit)
{
	cleanup_netlink_batch struct netlink_batch b = {0};
	struct table_view view;

	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		if (look_by_any_bit(&mark_bit, &view) < 0 || view.state == TABLE_MISSING ||
		    view.state == TABLE_NEWER || view.state == TABLE_OLDER || !nobody_else(NULL))
			return;
		table_begin(&b, view.generation);
		table_remove(&b, mark_bit, &view);
		if (table_commit(nft_socket, &b) != ERESTART)
			return;
	}
}

/*
 * Whatever call comes first closes what an earlier layout left open, DEL and GC too; they do not
 * fail if that cannot be done. Return: whether to look again.
 */
static bool bring_up(unsigned int mark_bit, const struct table_view *view)
{
	struct cni_error why;
	int mended;

	if (view->state != TABLE_OLDER)
		return false;
	mended = mend(mark_bit, view, &why);
	if (mended < 0)
		fprintf(stderr,
			"table inet " TABLE_NAME " stays as an earlier release made it: %s\n",
			why.msg);
	return mended > 0;
}

/* The same if there is no table that tells what is open. */
static void close_recorded(const struct config *config)
{
	cleanup_state struct state state = STATE_NONE;
	struct cni_error why;

	if (state_open(config->state_dir, PLUGIN_NAME, NULL, false, &state, &why) == 0 &&
	    state.plugin_fd >= 0 && upgrade_close_recorded(state.plugin_fd, &why) < 0)
		fprintf(stderr, "%s: %s\n", why.msg, why.details);
}

/*
 * Remove the publication's elements that are ours. If they are the last of all, the table is
 * removed instead, in the same single transaction: a second one would wait for a second grace
 * period. Return: 1 if there is no table any more, 0 if it is left, or -1.
 */
static int nft_withdraw(struct publication *p, struct elements *list, bool last,
			struct cni_error *err)
{
	cleanup_netlink_batch struct netlink_batch b = {0};
	struct table_view view;
	int error = ERESTART;

	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		bool whole;

		if (table_look(nft_socket, p->mark_bit, &view) < 0)
			return nft_refused(errno, "read nf_tables", err);
		if (view.state == TABLE_MISSING)
			return 1;
		if (check_usable(&view, err) < 0)
			return -1;
		if (bring_up(p->mark_bit, &view))
			continue;
		error = elements_look_up(nft_socket, list, p->owner);
		if (error)
			return nft_refused(error, "read the mappings", err);
		/* A table that could not be upgraded keeps the chain that guards what is open. */
		whole = last && view.state != TABLE_NEWER && view.state != TABLE_OLDER &&
			nobody_else(p->owner);
		if (!whole && !elements_any_ours(list))
			return 0;
		table_begin(&b, view.generation);
		if (whole)
			table_remove(&b, p->mark_bit, &view);
		else
			elements_put(&b, NFT_MSG_DELSETELEM, 0, list, NULL, true);
		error = table_commit(nft_socket, &b);
		if (error == 0)
			return whole;
		if (error < 0) {
			error = -error;
			if (session_anew(err) < 0)
				return -1;
			continue;
		}
		/* The table stays: a chain of somebody's own is in it. */
		if (whole && error != ERESTART)
			last = false;
		else if (error != ERESTART)
			break;
	}
	return nft_refused(error, "withdraw the mappings", err);
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

static bool is_loopback6(const struct mapping *m)
{
	static const struct in6_addr loopback6 = IN6ADDR_LOOPBACK_INIT;

	return m->one_host && m->host_family == AF_INET6 &&
	       IN6_ARE_ADDR_EQUAL(&m->host.v6, &loopback6);
}

static int is_unreachable(const struct mapping_group *group, size_t index, void *arg,
			  struct cni_error *err)
{
	const bool *say = arg;
	const struct mapping *m = group->members[index];

	(void)err;
	if (!is_loopback6(m) || !mapping_group_has_ipv4(group, m->container_port))
		return 0;
	if (*say)
		portmap_say_left_out(m, "the kernel does not forward ::1");
	return 1;
}

/* Of a request for both loopback addresses, the one that can be published is. */
static int nftables_narrow(struct config *config, bool say, struct cni_error *err)
{
	return mappings_leave_out(config->mappings, &config->n_mappings, is_unreachable, &say, err);
}

/* Refuse what nf_tables cannot forward, and what the container has no address for. */
static int nft_check_mappings(const struct publication *p, struct cni_error *err)
{
	char text[MAPPING_TEXT_MAX];

	for (size_t i = 0; i < p->n; i++) {
		const struct mapping *m = &p->mappings[i];

		if (m->host_family != AF_UNSPEC &&
		    p->address[m->host_family == AF_INET6].family == AF_UNSPEC)
			return cni_error(err, CNI_ERR_CONFIG,
					 "cannot publish %s: the container has no %s address",
					 mapping_format(m, text),
					 m->host_family == AF_INET6 ? "IPv6" : "IPv4");
		if (is_loopback6(m))
			return cni_error(err, CNI_ERR_FIELD,
					 "cannot publish %s: the kernel does not forward ::1; use "
					 "hostIP 127.0.0.1",
					 mapping_format(m, text));
	}
	return 0;
}

/* After a failed ADD: leave nothing of it or, if that cannot be done, its record. */
static void nft_undo(const struct call *call, struct publication *p, struct elements *list,
		     bool unsure)
{
	struct cni_error ignored;

	if (session_anew(&ignored) < 0 && unsure)
		return;
	if (unsure && nft_withdraw(p, list, publication_is_last(call), &ignored) < 0)
		return;
	state_remove(call->state, &call->attachment, &ignored);
	if (publication_is_last(call))
		remove_empty_table(p->mark_bit);
}

static void report_forward(const struct publication *p)
{
	forward_report(nft_socket, p->address[0].family != AF_UNSPEC,
		       p->address[1].family != AF_UNSPEC);
}

static int nftables_add(struct call *call, struct cni_error *err)
{
	bool unsure = false;
	cleanup_publication struct publication p = {0};
	cleanup_elements struct elements list = {0};
	cleanup_json cJSON *record = NULL;

	publication_init(&p, call);
	if (nft_check_mappings(&p, err) < 0 || find_devices(&p, err) < 0 ||
	    elements_plan(&p, &list, err) < 0 || session(err) < 0)
		return -1;
	record = publication_print(&p);
	if (record == NULL)
		return cni_error_nomem(err);
	if (portmap_record_write(call, record, err) < 0)
		return -1;
	if (nft_publish(call, &p, &list, &unsure, err) < 0) {
		nft_undo(call, &p, &list, unsure);
		return -1;
	}
	portmap_unlock(call);
	report_forward(&p);
	for (int ipv6 = 0; ipv6 < 2; ipv6++)
		if (p.address[ipv6].family != AF_UNSPEC)
			conntrack_forget_host(nft_socket, p.address[ipv6].family, p.mappings, p.n);
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
	gone = nft_withdraw(&p, &list, publication_is_last(call), err);
	if (gone < 0 || state_remove(call->state, &call->attachment, err) < 0)
		return -1;
	portmap_unlock(call);
	if (gone)
		close_recorded(call->config);
	else if (publication_is_last(call))
		remove_empty_table(p.mark_bit);
	if (p.layout < TABLE_LAYOUT)
		upgrade_close_device(p.device[0]);
	for (int ipv6 = 0; ipv6 < 2; ipv6++)
		if (p.address[ipv6].family != AF_UNSPEC)
			conntrack_forget_container(nft_socket, &p.address[ipv6], p.mappings, p.n);
	return 0;
}

/* Whether CHECK accepts the table's rules. Return: 0, or -1 with @err filled. */
static int check_rules(unsigned int mark_bit, const struct table_view *view, struct cni_error *err)
{
	if (view->state == TABLE_WHOLE)
		return 0;
	/* It works as that release made it. */
	if (view->state == TABLE_OLDER && view->guarded) {
		fprintf(stderr, "table inet " TABLE_NAME
				" is of an earlier release: the next ADD or DEL upgrades it to "
				"this one\n");
		return 0;
	}
	if (check_addable(mark_bit, view, err) < 0) {
		err->code = ERR_CHECK;
		return -1;
	}
	return cni_error(err, ERR_CHECK,
			 "table inet " TABLE_NAME
			 " is %s: somebody flushed, deleted or edited it; the next ADD of any "
			 "container repairs its rules, but this container must be added again",
			 view->state == TABLE_MISSING   ? "not there"
			 : view->state == TABLE_DORMANT ? "switched off (flag dormant)"
							: "not as it should be");
}

/*
 * A look is several requests, and a ruleset that is loaded anew between two of them, in one
 * transaction, looks as if it were neither the old nor the new one. So a fault counts only if a
 * second look starts from the same generation. Return: 0, or -1 with errno.
 */
static int look_twice(unsigned int mark_bit, struct table_view *view)
{
	uint32_t generation = 0;

	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		if (table_look(nft_socket, mark_bit, view) < 0)
			return -1;
		if (view->state == TABLE_WHOLE || view->generation == generation)
			return 0;
		generation = view->generation;
	}
	errno = ERESTART;
	return -1;
}

static int nftables_check(const struct call *call, const cJSON *record, struct cni_error *err)
{
	cleanup_publication struct publication p = {0};
	cleanup_elements struct elements list = {0};
	char text[MAPPING_TEXT_MAX];
	struct table_view view;
	int error;

	if (publication_read(call, record, &p, err) < 0 || elements_plan(&p, &list, err) < 0 ||
	    session(err) < 0)
		return -1;
	if (look_twice(p.mark_bit, &view) < 0)
		return nft_refused(errno, "read nf_tables", err);
	if (check_rules(p.mark_bit, &view, err) < 0)
		return -1;
	report_forward(&p);
	error = elements_look_up(nft_socket, &list, p.owner);
	if (error)
		return nft_refused(error, "read the mappings", err);
	for (size_t i = 0; i < list.n; i++) {
		const struct element *e = &list.elements[i];

		if ((e->found && e->ours && e->as_planned) || !view.set[e->set])
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

static int sweep_once(struct nft_sweep *s, unsigned int mark_bit)
{
	struct table_view view;
	int error;

	if (look_by_any_bit(&mark_bit, &view) < 0)
		return errno;
	s->missing = view.state == TABLE_MISSING;
	if (s->missing)
		return 0;
	if (bring_up(mark_bit, &view))
		return ERESTART;
	s->b.len = 0;
	s->b.n = 0;
	s->n = 0;
	table_begin(&s->b, view.generation);
	error = nft_sweep_read(nft_socket, s);
	return error || s->n == 0 ? error : table_commit(nft_socket, &s->b);
}

static int sweep_all(struct nft_sweep *s, unsigned int mark_bit, struct cni_error *err)
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
	/* Whoever may not look has not put anything there: an ordinary user with slirp4netns. */
	if (error && error != EPERM)
		return nft_refused(error, "collect what is left", err);
	return 0;
}

static int nftables_recover(struct call *call, struct cni_error *err)
{
	cleanup_nft_sweep struct nft_sweep s = {.req = call->req};

	if (session(err) < 0)
		return -1;
	owner_prefix(call->attachment.network, s.prefix);
	owner_name(call->attachment.network, call->attachment.container_id, call->attachment.ifname,
		   s.owner);
	if (sweep_all(&s, call->config->mark_bit, err) < 0 ||
	    state_remove(call->state, &call->attachment, err) < 0)
		return -1;
	if (publication_is_last(call))
		remove_empty_table(call->config->mark_bit);
	return 0;
}

static int nftables_sweep(const struct cni_request *req, const struct config *config,
			  struct cni_error *err)
{
	cleanup_free char(*valid)[OWNER_MAX] = calloc(req->n_valid + 1, sizeof(*valid));
	cleanup_nft_sweep struct nft_sweep s = {.req = req, .valid = valid};

	if (valid == NULL)
		return cni_error_nomem(err);
	if (session(err) < 0)
		return -1;
	owner_prefix(req->attachment.network, s.prefix);
	for (size_t i = 0; i < req->n_valid; i++)
		owner_name(req->attachment.network, req->valid[i].container_id,
			   req->valid[i].ifname, valid[i]);
	qsort(valid, req->n_valid, sizeof(*valid), nft_sweep_compare);
	if (sweep_all(&s, config->mark_bit, err) < 0)
		return -1;
	if (s.missing)
		close_recorded(config);
	else
		remove_empty_table(config->mark_bit);
	return 0;
}

static int nftables_status(const struct config *config, struct cni_error *err)
{
	struct table_view view;

	if (session(err) < 0)
		return -1;
	if (table_look(nft_socket, config->mark_bit, &view) < 0)
		return nft_refused(errno, "use nf_tables", err);
	return check_addable(config->mark_bit, &view, err);
}

const struct backend backend_nftables = {
	.name = BACKEND_NFTABLES,
	.narrow = nftables_narrow,
	.add = nftables_add,
	.del = nftables_del,
	.recover = nftables_recover,
	.check = nftables_check,
	.sweep = nftables_sweep,
	.status = nftables_status,
};
