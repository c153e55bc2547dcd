/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replies of connection tracking and of route netlink, as netns-portmap reads them. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "fuzz.h"
#include "plugins/netns-portmap/entries.h"
#include "plugins/netns-portmap/host.h"

static void check_entries(const struct nlmsghdr *nlh, int family,
			  const struct ip_address *container)
{
	const struct mapping mappings[] = {
		{.protocol = IPPROTO_UDP, .host_port = 53, .container_port = 53},
	};
	struct entries_search s = {
		.family = family,
		.mappings = mappings,
		.n = 1,
		.container = container,
		/* Whether an address is the host's is not asked of the kernel here. */
		.last = {.family = AF_INET, .bytes = {192, 0, 2, 1}},
		.last_local = true,
	};

	clock_gettime(CLOCK_MONOTONIC, &s.start);
	if (entries_on_reply(nlh, &s) < 0)
		PROMISE(errno != 0);
	for (size_t i = 0; i < s.n_victims; i++)
		PROMISE(s.victims[i].len <= sizeof(s.victims[i].tuple));
	free(s.victims);
}

static void check_host(const struct nlmsghdr *nlh)
{
	struct ip_address out[2];
	struct host_addresses list = {.out = out, .max = 2};
	struct host_reply reply = {0};

	host_on_route(nlh, &reply);
	host_on_address(nlh, &list);
	PROMISE(list.n <= 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ip_address v4 = {.family = AF_INET, .bytes = {10, 0, 2, 100}};
	const struct ip_address v6 = {.family = AF_INET6, .bytes = {0xfd, [15] = 1}};
	struct input input = {data, size};
	size_t len;
	struct nlmsghdr *nlh = input_datagram(&input, &len);
	int left = (int)len;

	for (; nlmsg_ok(nlh, left); nlh = nlmsg_next(nlh, &left)) {
		check_entries(nlh, AF_INET, &v4);
		check_entries(nlh, AF_INET6, &v6);
		check_host(nlh);
	}
	return 0;
}
