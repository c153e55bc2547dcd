// SPDX-License-Identifier: GPL-2.0-or-later
/* Answers of connection tracking and of route netlink, as netns-portmap reads them. */
#include "plugins/netns-portmap/conntrack.c"

#include "fuzz.h"

void fuzz_host(const struct nlmsghdr *nlh);

static void check_entries(const struct nlmsghdr *nlh, int family,
			  const struct ip_address *container)
{
	const struct mapping mappings[] = {
		{.protocol = IPPROTO_UDP, .host_port = 53, .container_port = 53},
	};
	struct search s = {
		.family = family,
		.mappings = mappings,
		.n = 1,
		.container = container,
		/* Whether an address is the host's is not asked of the kernel here. */
		.last = {.family = AF_INET, .bytes = {192, 0, 2, 1}},
		.last_local = true,
	};

	clock_gettime(CLOCK_MONOTONIC, &s.start);
	if (on_entry(nlh, &s) < 0)
		PROMISE(errno != 0);
	for (size_t i = 0; i < s.n_victims; i++)
		PROMISE(s.victims[i].len <= sizeof(s.victims[i].tuple));
	free(s.victims);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ip_address v4 = {.family = AF_INET, .bytes = {10, 0, 2, 100}};
	const struct ip_address v6 = {.family = AF_INET6, .bytes = {0xfd, [15] = 1}};
	struct input input = {data, size};
	size_t len;
	void *buf = input_datagram(&input, &len);
	const struct nlmsghdr *nlh = buf;
	int left = (int)len;

	for (; nfnl_message_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		check_entries(nlh, AF_INET, &v4);
		check_entries(nlh, AF_INET6, &v6);
		fuzz_host(nlh);
	}
	return 0;
}
