/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replies of nf_tables: an input is what one recvfrom(2) gave. Messages are walked as
 * netlink_exchange() does.
 */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <string.h>

#include "fuzz.h"
#include "plugins/netns-portmap/elements.h"
#include "plugins/netns-portmap/look.h"
#include "plugins/netns-portmap/sweep.h"

static void check_reading(const struct nlmsghdr *nlh)
{
	static const uint8_t key[] = {6, 0, 0, 0, 0x1f, 0x90, 0, 0};
	const struct netlink_batch questions = {.first_seq = nlh->nlmsg_seq & ~1u};
	struct element elements[] = {
		{.set = 0, .key_len = 8, .data_len = 8},
		{.set = 1, .key_len = 24},
	};
	struct elements list = {.elements = elements, .n = 2};
	struct elements_reading r = {.list = &list, .owner = "net/c@eth0", .questions = &questions};
	struct publication p = {.n = 1, .mappings = &(struct mapping){.protocol = IPPROTO_TCP}};
	struct cni_error err = {0};
	const struct element *other;

	memcpy(elements[0].key, key, sizeof(key));
	elements_on_reply(nlh, &r);
	other = elements_taken(&list);
	if (other != NULL) {
		PROMISE(strlen(other->owner) < OWNER_MAX);
		PROMISE(publication_say_taken(&p, other, &err) < 0);
		fuzz_check_error(&err);
	}
}

/* GC's: what is deleted is what was read. */
static void check_sweep(const struct nlmsghdr *nlh)
{
	static const struct cni_request req;
	cleanup_nft_sweep struct nft_sweep s = {.req = &req, .prefix = "net/"};
	struct nlmsghdr *request;
	int left;

	if (nft_sweep_on_reply(nlh, &s) < 0)
		PROMISE(errno != 0);
	PROMISE(s.b.n == s.n);
	request = (struct nlmsghdr *)(void *)s.b.data;
	left = (int)s.b.len;
	for (size_t i = 0; i < s.n; i++, request = nlmsg_next(request, &left)) {
		PROMISE(nlmsg_ok(request, left));
		PROMISE((request->nlmsg_type & 0xff) == NFT_MSG_DELSETELEM);
	}
	PROMISE(left == 0);
}

static void check_look(const struct nlmsghdr *nlh)
{
	static const struct netlink_batch questions = {.first_seq = 1};
	static struct table_expected expected;
	struct table_view view = {0};
	struct table_looking look = {
		.expected = &expected,
		.view = &view,
		.mark_bit = TABLE_DEFAULT_MARK_BIT,
		.questions = &questions,
		.first_retired = LAYOUT_CHAINS,
		.first_set = LAYOUT_CHAINS + LAYOUT_RETIRED,
		.other_bit = -1,
	};
	int error = 0;

	if (expected.n_rules == 0 && table_expect(&expected, TABLE_DEFAULT_MARK_BIT) < 0)
		return;
	table_on_look(nlh, &look);
	table_judge(&look);
	table_on_commit(nlh, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char owner[] = "net/c@eth0";
	struct input input = {data, size};
	size_t len;
	struct nlmsghdr *nlh = input_datagram(&input, &len);
	int left = (int)len;

	for (; nlmsg_ok(nlh, left); nlh = nlmsg_next(nlh, &left)) {
		check_reading(nlh);
		check_sweep(nlh);
		elements_on_others(nlh, owner);
		elements_on_others(nlh, NULL);
		check_look(nlh);
	}
	return 0;
}
