// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Answers of nf_tables: an input is what one recv(2) gave. Messages are walked as nfnl_receive()
 * does.
 */
#include "plugins/netns-portmap/elements.c"
#include "plugins/netns-portmap/nftables.c"

#include "fuzz.h"

/* table.c has statics of the same names. */
void fuzz_table(const struct nlmsghdr *nlh);

static void check_reading(const struct nlmsghdr *nlh)
{
	static const uint8_t key[] = {6, 0, 0, 0, 0x1f, 0x90, 0, 0};
	struct element elements[] = {
		{.set = 0, .key_len = 8, .data_len = 8},
		{.set = 1, .key_len = 24},
	};
	struct elements list = {.elements = elements, .n = 2};
	struct reading r = {
		.list = &list, .owner = "net/c@eth0", .first_seq = nlh->nlmsg_seq & ~1u};
	struct publication p = {.n = 1, .mappings = &(struct mapping){.protocol = IPPROTO_TCP}};
	struct cni_error err = {0};
	const struct element *other;

	memcpy(elements[0].key, key, sizeof(key));
	on_answer(nlh, &r);
	other = elements_taken(&list);
	if (other) {
		PROMISE(strlen(other->owner) < OWNER_MAX);
		PROMISE(say_taken(&p, other, &err) < 0);
		fuzz_check_error(&err);
	}
}

/* GC's: what is deleted is what was read. */
static void check_sweep(const struct nlmsghdr *nlh)
{
	static const struct cni_request req;
	cleanup_sweep struct sweep s = {.req = &req, .prefix = "net/"};

	if (on_part(nlh, &s) < 0)
		PROMISE(errno != 0);
	if (s.n == 0)
		PROMISE(s.b.len == 0);
	for (int left = (int)s.b.len, at = 0; at < (int)s.b.len;) {
		const struct nlmsghdr *request = (const void *)(s.b.data + at);

		PROMISE(mnl_nlmsg_ok(request, left - at));
		PROMISE((request->nlmsg_type & 0xff) == NFT_MSG_DELSETELEM);
		at += (int)NLMSG_ALIGN(request->nlmsg_len);
	}
}

static void check_message(const struct nlmsghdr *nlh)
{
	char owner[] = "net/c@eth0";

	check_reading(nlh);
	check_sweep(nlh);
	on_part_of_others(nlh, owner);
	on_part_of_others(nlh, NULL);
	fuzz_table(nlh);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	size_t len;
	void *buf = input_datagram(&input, &len);
	const struct nlmsghdr *nlh = buf;
	int left = (int)len;

	for (; nfnl_message_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		check_message(nlh);
	return 0;
}
