/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replies of rtnetlink, as common/netlink.c and link.c read them. Root of a container may send to a
 * socket in its network namespace, so nothing of them can be taken for well-formed.
 */
#include "common/link.c"

#include "fuzz.h"

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
	int n = 0;
	struct each links = {.fn.link = on_link, .arg = &n};
	struct each addresses = {.fn.address = on_address, .arg = &n};
	struct each routes = {.fn.route = on_route, .arg = &n};
	size_t len;
	void *buf = input_datagram(&input, &len);
	struct nlmsghdr *nlh = buf;
	int left = (int)len;

	for (; nlmsg_ok(nlh, left); nlh = nlmsg_next(nlh, &left)) {
		pass_link(nlh, &links);
		pass_address(nlh, &addresses);
		pass_route(nlh, &routes);
		check_refusal(nlh);
	}
	return 0;
}
