/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Layout 1 turned net.ipv4.conf.DEVICE.route_localnet on for every device behind which a container
 * was, never turned it off again, and had a chain that dropped what came in by it (layout.c says
 * why that is not done any more). So two things are done before its rules are replaced: the sysctl
 * is put back for every device that its elements name, and each element of a masquerading set gets
 * one for 127.0.0.1 beside it. If the sysctl cannot be put back, the table stays as it is: without
 * that chain it would be open.
 *
 * Somebody may have flushed the ruleset before this release came: then there is neither a table
 * that names devices nor a guard, but the records name them.
 *
 * Whether anybody else wants the sysctl on cannot be known. The reference plugin turns it on with
 * its next ADD.
 */
#include "upgrade.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "cleanup.h"
#include "elements.h"
#include "host.h"

struct upgrade {
	struct netlink *nl;
	enum table_scope scope;
	enum table_kind kind;
	struct netlink_batch additions;
	char (*devices)[IFNAMSIZ];
	size_t n_devices, devices_size;
	struct ip_address last; /* whose route was asked for last */
};

static void upgrade_free(struct upgrade *u)
{
	netlink_batch_free(&u->additions);
	free(u->devices);
}
#define cleanup_upgrade __attribute__((cleanup(upgrade_free)))

/* Each container may have a device of its own (ptp), so their number has no limit. */
static int note_device(struct upgrade *u, const char *device)
{
	if (*device == '\0')
		return 0;
	for (size_t i = u->n_devices; i-- > 0;)
		if (strcmp(u->devices[i], device) == 0)
			return 0;
	if (!array_reserve(u->devices, u->devices_size, u->n_devices, 1))
		return -1;
	snprintf(u->devices[u->n_devices++], IFNAMSIZ, "%s", device);
	return 0;
}

/* Note the device behind which a container's address is: with masqAll, nothing else tells it. */
static int note_route(struct upgrade *u, const void *address)
{
	struct ip_address to = {.family = AF_INET};
	struct host_route route;
	struct cni_error ignored;

	memcpy(to.bytes, address, sizeof(to.v4));
	if (ip_address_equal(&to, &u->last))
		return 0;
	u->last = to;
	return host_route(&to, &route, &ignored) == 0 ? note_device(u, route.device) : 0;
}

static int on_older(const struct found *found, void *arg)
{
	struct upgrade *u = arg;
	struct element e = {.set = (uint8_t)table_set(false, u->scope, KIND_LOCAL)};
	const size_t address = u->scope == SCOPE_HOSTS ? sizeof(struct in_addr) : 0;

	e.key_len = (uint8_t)(address + 4 + 4); /* protocol and port */
	if (found->key_len < e.key_len)
		return 0;
	if (u->kind == KIND_DNAT)
		return found->data_len >= sizeof(struct in_addr) ? note_route(u, found->data) : 0;
	if (u->kind == KIND_HAIRPIN && found->key_len == (size_t)e.key_len + IFNAMSIZ) {
		char device[IFNAMSIZ + 1] = "";

		memcpy(device, (const char *)found->key + e.key_len, IFNAMSIZ);
		if (note_device(u, device) < 0)
			return -1;
	}
	if (*found->owner == '\0' || strlen(found->owner) >= OWNER_MAX)
		return 0;
	memcpy(e.key, found->key, e.key_len);
	elements_put_one(&u->additions, NFT_MSG_NEWSETELEM, NLM_F_CREATE, &e, found->owner);
	return 0;
}

static int on_older_part(const struct nlmsghdr *nlh, void *arg)
{
	const int error = netlink_errno(nlh);

	if (error && error != ENOENT) {
		errno = error;
		return -1;
	}
	return elements_each(nlh, on_older, arg);
}

/* Return: 0, or an errno. */
static int read_older(struct upgrade *u)
{
	cleanup_netlink_batch struct netlink_batch question = {0};

	for (u->scope = SCOPE_PORTS; u->scope < SCOPE_COUNT; u->scope++) {
		for (u->kind = KIND_DNAT; u->kind <= KIND_MASQ; u->kind++) {
			elements_put_dump(&question, table_set(false, u->scope, u->kind));
			if (netlink_exchange(u->nl, &question, on_older_part, u) < 0)
				return errno;
		}
	}
	return 0;
}

static int close_devices(const struct upgrade *u, struct cni_error *err)
{
	for (size_t i = 0; i < u->n_devices; i++)
		if (host_close_localnet(u->devices[i], err) < 0)
			return -1;
	return 0;
}

int upgrade_table(struct netlink *nl, unsigned int mark_bit, const struct table_view *view,
		  int *error, struct cni_error *err)
{
	cleanup_netlink_batch struct netlink_batch b = {0};
	cleanup_upgrade struct upgrade u = {.nl = nl};

	*error = read_older(&u);
	if (*error)
		return 0;
	/*
	 * For a table of this layout that somebody flushed, nothing has to be closed. If the
	 * release of layout 1 has changed the table again since (a rollback, or two releases on a
	 * host), something has: its chain tells.
	 */
	if ((view->retired[0] || !view->set[table_set(false, SCOPE_PORTS, KIND_LOCAL)]) &&
	    close_devices(&u, err) < 0)
		return -1;
	table_begin(&b, view->generation);
	table_build(&b, mark_bit, view);
	netlink_append(&b, &u.additions);
	if (b.failed)
		return cni_error_nomem(err);
	*error = table_commit(nl, &b);
	return 0;
}

static int close_device(const char *device, struct cni_error *err)
{
	return host_close_localnet(device, err) < 0 ? -1 : 0;
}

int upgrade_close_recorded(int plugin_fd, struct cni_error *err)
{
	return publication_each_older(plugin_fd, close_device, err);
}

void upgrade_close_device(const char *device)
{
	struct cni_error err;

	if (*device && host_close_localnet(device, &err) < 0)
		fprintf(stderr, "%s: %s\n", err.msg, err.details);
}
