/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replies of rtnetlink, as common/netlink.c and link.c read them. Root of a container may send to a
 * socket in its network namespace, so nothing of them can be taken for well-formed. The input is
 * the kernel's reply to every dump; it is read where it lies, in front of a page that cannot be
 * read.
 */
#include <errno.h>
#include <string.h>

#include "common/link.h"
#include "common/netlink.h"
#include "fuzz.h"

static struct nlmsghdr *messages;
static int messages_len;

int __wrap_netlink_dump(struct netlink *nl, struct nl_msg *msg, netlink_fn *fn,
			void (*restart)(void *arg), void *arg, const char *what,
			struct cni_error *err);
int __wrap_netlink_dump(struct netlink *nl, struct nl_msg *msg, netlink_fn *fn,
			void (*restart)(void *arg), void *arg, const char *what,
			struct cni_error *err)
{
	struct nlmsghdr *nlh = messages;
	int left = messages_len;

	(void)nl, (void)msg, (void)restart, (void)what, (void)err;
	for (; nlmsg_ok(nlh, left); nlh = nlmsg_next(nlh, &left))
		fn(nlh, arg);
	return 0;
}

static int on_link(const struct link *link, void *arg)
{
	PROMISE(memchr(link->name, '\0', sizeof(link->name)));
	PROMISE(memchr(link->qdisc, '\0', sizeof(link->qdisc)));
	PROMISE(memchr(link->kind, '\0', sizeof(link->kind)));
	PROMISE(link->hwaddr_len <= HWADDR_MAX && link->broadcast_len <= HWADDR_MAX);
	++*(int *)arg;
	return 0;
}

static int on_address(const struct link_address *address, void *arg)
{
	PROMISE(address->prefix.address.family == AF_INET ||
		address->prefix.address.family == AF_INET6);
	++*(int *)arg;
	return 0;
}

static int on_route(const struct link_route *route, void *arg)
{
	PROMISE(route->dst.address.family == AF_INET || route->dst.address.family == AF_INET6);
	++*(int *)arg;
	return 0;
}

static void check_refusal(const struct nlmsghdr *nlh)
{
	struct cni_error err = {0};
	const int error = netlink_errno(nlh);

	if (error == 0)
		return;
	PROMISE(netlink_refused(&err, nlh, "do it") == -1 && errno == error);
	fuzz_check_error(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct netlink nowhere = {.fd = -1};
	struct cni_error err = {0};
	size_t len;
	int n = 0;
	struct nlmsghdr *nlh;
	int left;

	messages = input_datagram(&input, &len);
	messages_len = left = (int)len;
	PROMISE(link_each(&nowhere, on_link, NULL, &n, &err) == 0);
	PROMISE(link_each_address(&nowhere, on_address, NULL, &n, &err) == 0);
	PROMISE(link_each_route(&nowhere, on_route, NULL, &n, &err) == 0);
	for (nlh = messages; nlmsg_ok(nlh, left); nlh = nlmsg_next(nlh, &left))
		check_refusal(nlh);
	return 0;
}
