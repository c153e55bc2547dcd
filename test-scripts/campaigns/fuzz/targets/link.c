// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Answers of rtnetlink, as common/link.c reads them with libnl. Root of a container may send to a
 * socket in its network namespace, so nothing of them can be taken for well-formed.
 */
#include "common/link.c"

#include "fuzz.h"

static int on_link(const struct link *link, void *arg)
{
	PROMISE(memchr(link->name, '\0', sizeof(link->name)));
	PROMISE(memchr(link->kind, '\0', sizeof(link->kind)));
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

static void check_refusal(struct nlmsghdr *nlh)
{
	struct answers answers = {0};
	struct cni_error err = {0};
	struct sockaddr_nl who = {.nl_family = AF_NETLINK};

	/* What libnl makes sure of before it calls. */
	if (nlh->nlmsg_type != NLMSG_ERROR ||
	    nlh->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr)))
		return;
	on_refusal(&who, NLMSG_DATA(nlh), &answers);
	PROMISE(memchr(answers.text, '\0', sizeof(answers.text)));
	refused(&answers, &err, "do it");
	fuzz_check_error(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	int n = 0;
	struct each_link links = {on_link, &n};
	struct each_address addresses = {on_address, &n};
	struct each_route routes = {on_route, &n};
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
