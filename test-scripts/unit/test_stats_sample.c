// SPDX-License-Identifier: GPL-2.0-or-later
/* What netns-stats makes of the kernel's lists of links and addresses, attribute by attribute. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static bool no_memory;

static void *test_reallocarray(void *p, size_t n, size_t size)
{
	return no_memory ? NULL : reallocarray(p, n, size);
}

#define reallocarray test_reallocarray
#include "../../plugins/netns-stats/sample.c"
#undef reallocarray
#include "../../plugins/netns-stats/text.c"

#define SEQ 7
#define TEXT_AND_LEN(text) (text), sizeof(text) - 1

/* A datagram that grows message by message. */
static _Alignas(8) char buf[8192];
static size_t used;
static struct nlmsghdr *message;

static void begin(uint16_t type, const void *head, size_t len)
{
	message = (void *)(buf + used);
	memset(message, 0, sizeof(buf) - used);
	message->nlmsg_type = type;
	message->nlmsg_seq = SEQ;
	message->nlmsg_len = (uint32_t)NLMSG_LENGTH(len);
	memcpy(NLMSG_DATA(message), head, len);
	used += NLMSG_ALIGN(message->nlmsg_len);
}

static void attribute(uint16_t type, const void *data, size_t len)
{
	struct rtattr *a = (void *)((char *)message + NLMSG_ALIGN(message->nlmsg_len));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	used += RTA_ALIGN(a->rta_len);
	message->nlmsg_len = NLMSG_ALIGN(message->nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static void link_message(int index)
{
	const struct ifinfomsg info = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_type = 1};

	begin(RTM_NEWLINK, &info, sizeof(info));
}

static void named_link(int index, const char *name)
{
	link_message(index);
	attribute(IFLA_IFNAME, name, strlen(name) + 1);
}

static void address_message(int family, uint8_t length)
{
	const struct ifaddrmsg info = {.ifa_family = (uint8_t)family,
				       .ifa_prefixlen = length,
				       .ifa_flags = IFA_F_PERMANENT,
				       .ifa_scope = 253,
				       .ifa_index = 3};

	begin(RTM_NEWADDR, &info, sizeof(info));
}

/* What parse_datagram() says of the datagram, and then a fresh one. */
static int parse(const struct dump *d, struct sample *s, bool *disturbed, struct cni_error *err)
{
	const int value = parse_datagram(d, s, buf, used, SEQ, disturbed, err);

	used = 0;
	return value;
}

static int parse_quietly(const struct dump *d, struct sample *s)
{
	bool disturbed = false;
	struct cni_error err;
	const int value = parse(d, s, &disturbed, &err);

	assert_false(disturbed);
	return value;
}

static void every_attribute_of_a_link_is_in_its_place(void **unused)
{
	const struct rtnl_link_stats64 stats = {.rx_packets = 1, .tx_bytes = UINT64_MAX};
	cleanup_sample struct sample s = {0};
	const struct link *l;
	char info[64];
	struct rtattr *kind = (void *)info;

	(void)unused;
	named_link(5, "eth0");
	attribute(IFLA_QDISC, "noqueue", 8);
	attribute(IFLA_ADDRESS, "\1\2\3\4\5\6", 6);
	attribute(IFLA_BROADCAST, "\6\5\4\3", 4);
	attribute(IFLA_MTU, &(uint32_t){1500}, 4);
	attribute(IFLA_TXQLEN, &(uint32_t){1000}, 4);
	attribute(IFLA_GROUP, &(uint32_t){11}, 4);
	attribute(IFLA_MASTER, &(int32_t){12}, 4);
	attribute(IFLA_LINK, &(int32_t){13}, 4);
	attribute(IFLA_LINK_NETNSID, &(int32_t){14}, 4);
	attribute(IFLA_OPERSTATE, &(uint8_t){6}, 1);
	attribute(IFLA_LINKMODE, &(uint8_t){1}, 1);
	attribute(IFLA_CARRIER_CHANGES, &(uint32_t){15}, 4);
	attribute(IFLA_STATS64, &stats, sizeof(stats));
	kind->rta_type = IFLA_INFO_KIND;
	kind->rta_len = (uint16_t)RTA_LENGTH(5);
	memcpy(RTA_DATA(kind), "veth", 5);
	attribute(IFLA_LINKINFO | NLA_F_NESTED, info, kind->rta_len);
	assert_int_equal(parse_quietly(&links_dump, &s), 1);

	assert_int_equal(s.n_links, 1);
	l = sample_link(&s, 5);
	assert_non_null(l);
	assert_ptr_equal(l, sample_link_named(&s, "eth0"));
	assert_string_equal(l->name, "eth0");
	assert_string_equal(l->qdisc, "noqueue");
	assert_string_equal(l->kind, "veth");
	assert_int_equal(l->flags, IFF_UP);
	assert_int_equal(l->type, 1);
	assert_int_equal(l->hwaddr_len, 6);
	assert_memory_equal(l->hwaddr, "\1\2\3\4\5\6", 6);
	assert_int_equal(l->broadcast_len, 4);
	assert_memory_equal(l->broadcast, "\6\5\4\3", 4);
	assert_int_equal(l->mtu, 1500);
	assert_int_equal(l->txqlen, 1000);
	assert_int_equal(l->group, 11);
	assert_int_equal(l->master, 12);
	assert_int_equal(l->peer, 13);
	assert_int_equal(l->peer_netnsid, 14);
	assert_int_equal(l->operstate, 6);
	assert_int_equal(l->linkmode, 1);
	assert_int_equal(l->carrier_changes, 15);
	assert_memory_equal(&l->stats, &stats, sizeof(stats));
}

static void what_is_too_long_is_cut_and_what_is_too_short_leaves_zeros(void **unused)
{
	cleanup_sample struct sample s = {0};
	const struct link *l;

	(void)unused;
	link_message(1);
	attribute(IFLA_IFNAME, TEXT_AND_LEN("a name of more than sixteen bytes"));
	attribute(IFLA_QDISC, TEXT_AND_LEN("sixteen letters!"));
	attribute(IFLA_ADDRESS, TEXT_AND_LEN("01234567890123456789012345678901234567890123"));
	attribute(IFLA_MTU, "\1", 1);
	assert_int_equal(parse_quietly(&links_dump, &s), 1);
	l = sample_link(&s, 1);
	assert_non_null(l);
	assert_string_equal(l->name, "a name of more ");
	assert_string_equal(l->qdisc, "sixteen letters");
	assert_int_equal(l->hwaddr_len, HWADDR_MAX);
	assert_memory_equal(l->hwaddr, "01234567890123456789012345678901", HWADDR_MAX);
	assert_int_equal(l->mtu, 1);
	assert_int_equal(l->peer_netnsid, -1);
	/* The place of one is used again, with nothing left in it. */
	s.n_links = 0;
	named_link(2, "b");
	assert_int_equal(parse_quietly(&links_dump, &s), 1);
	assert_int_equal(s.links[0].hwaddr_len, 0);
	assert_int_equal(s.links[0].mtu, 0);
	assert_string_equal(s.links[0].name, "b");
}

static void links_come_in_their_order_and_only_links(void **unused)
{
	const struct ifinfomsg info = {.ifi_index = 9};
	cleanup_sample struct sample s = {0};

	(void)unused;
	for (int i = 1; i <= 9; i++) {
		char name[16];

		snprintf(name, sizeof(name), "eth%d", i);
		named_link(i, name);
	}
	link_message(10); /* without a name */
	named_link(11, "");
	begin(RTM_DELLINK, &info, sizeof(info));
	attribute(IFLA_IFNAME, "gone", 5);
	begin(RTM_NEWLINK, &info, sizeof(info) - 4); /* shorter than its head */
	named_link(12, "other");
	message->nlmsg_seq = SEQ + 1; /* of another question */
	named_link(13, "last");
	assert_int_equal(parse_quietly(&links_dump, &s), 1);
	assert_int_equal(s.n_links, 10);
	for (int i = 1; i <= 9; i++)
		assert_int_equal(s.links[i - 1].index, i);
	assert_string_equal(s.links[8].name, "eth9");
	assert_string_equal(s.links[9].name, "last");
	assert_null(sample_link(&s, 12));
	assert_null(sample_link_named(&s, "other"));
	assert_null(sample_link_named(&s, "eth"));
	assert_true(s.links_size >= s.n_links);
}

static void the_own_address_goes_before_the_peers(void **unused)
{
	cleanup_sample struct sample s = {0};

	(void)unused;
	address_message(AF_INET, 24);
	attribute(IFA_ADDRESS, "\1\1\1\1", 4);
	attribute(IFA_LOCAL, "\2\2\2\2", 4);
	attribute(IFA_FLAGS, &(uint32_t){IFA_F_NOPREFIXROUTE}, 4);
	address_message(AF_INET, 32);
	attribute(IFA_LOCAL, "\3\3\3\3", 4);
	attribute(IFA_ADDRESS, "\4\4\4\4", 4);
	address_message(AF_INET6, 64);
	attribute(IFA_ADDRESS, "0123456789abcdef", 16);
	address_message(AF_INET, 8);
	attribute(IFA_LABEL, "eth0", 5); /* no address at all */
	address_message(AF_PACKET, 8);
	attribute(IFA_LOCAL, "\5\5\5\5", 4);
	begin(RTM_NEWADDR, "", 1);
	assert_int_equal(parse_quietly(&addresses_dump, &s), 1);

	assert_int_equal(s.n_addresses, 3);
	assert_int_equal(s.addresses[0].index, 3);
	assert_int_equal(s.addresses[0].scope, 253);
	assert_int_equal(s.addresses[0].flags, IFA_F_NOPREFIXROUTE);
	assert_int_equal(s.addresses[0].prefix.length, 24);
	assert_int_equal(s.addresses[0].prefix.address.family, AF_INET);
	assert_memory_equal(s.addresses[0].prefix.address.bytes, "\2\2\2\2", 4);
	assert_int_equal(s.addresses[1].flags, IFA_F_PERMANENT);
	assert_memory_equal(s.addresses[1].prefix.address.bytes, "\3\3\3\3", 4);
	assert_int_equal(s.addresses[2].prefix.address.family, AF_INET6);
	assert_memory_equal(s.addresses[2].prefix.address.bytes, "0123456789abcdef", 16);
}

static void the_end_of_a_list_is_the_end(void **unused)
{
	cleanup_sample struct sample s = {0};
	bool disturbed = false;
	struct cni_error err;

	(void)unused;
	named_link(1, "a");
	begin(NLMSG_DONE, &(int){0}, sizeof(int));
	named_link(2, "b");
	assert_int_equal(parse_quietly(&links_dump, &s), 0);
	assert_int_equal(s.n_links, 1);
	/* Another question's end is not ours. */
	begin(NLMSG_DONE, &(int){0}, sizeof(int));
	message->nlmsg_seq = SEQ - 1;
	assert_int_equal(parse_quietly(&links_dump, &s), 1);
	/* A list that was changed while the kernel wrote it. */
	named_link(3, "c");
	message->nlmsg_flags = NLM_F_MULTI | NLM_F_DUMP_INTR;
	assert_int_equal(parse(&links_dump, &s, &disturbed, &err), 1);
	assert_true(disturbed);
	assert_int_equal(s.n_links, 2);
}

static void a_refusal_is_told_with_its_reason(void **unused)
{
	static const struct {
		int error, reason;
	} rows[] = {{-EPERM, EPERM}, {-4095, 4095}, {-4096, EBADMSG}, {0, EBADMSG}, {5, EBADMSG}};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct nlmsgerr refusal = {.error = rows[i].error};
		cleanup_sample struct sample s = {0};
		bool disturbed = false;
		struct cni_error err = {0};

		begin(NLMSG_ERROR, &refusal, sizeof(refusal));
		assert_int_equal(parse(&links_dump, &s, &disturbed, &err), -1);
		assert_int_equal(errno, rows[i].reason);
		assert_int_equal(err.code, CNI_ERR_IO);
		assert_non_null(strstr(err.msg, "the links"));
		/* One that was cut has no reason in it. */
		begin(NLMSG_ERROR, &refusal, sizeof(refusal) - 4);
		assert_int_equal(parse(&addresses_dump, &s, &disturbed, &err), -1);
		assert_int_equal(errno, EBADMSG);
		assert_non_null(strstr(err.msg, "the addresses"));
	}
}

static void what_finds_no_memory_is_an_error_and_not_a_shorter_list(void **unused)
{
	cleanup_sample struct sample s = {0};
	bool disturbed = false;
	struct cni_error err = {0};

	(void)unused;
	no_memory = true;
	named_link(1, "a");
	assert_int_equal(parse(&links_dump, &s, &disturbed, &err), -1);
	address_message(AF_INET, 24);
	attribute(IFA_LOCAL, "\2\2\2\2", 4);
	assert_int_equal(parse(&addresses_dump, &s, &disturbed, &err), -1);
	no_memory = false;
	assert_int_equal(s.n_links + s.n_addresses + s.links_size + s.addresses_size, 0);
	assert_true(sample_reserve_links(&s, 4));
	/* What there is room for takes no memory, and what there is none for loses nothing. */
	no_memory = true;
	named_link(1, "a");
	assert_int_equal(parse_quietly(&links_dump, &s), 1);
	assert_true(sample_reserve_links(&s, 3));
	assert_false(sample_reserve_links(&s, 100));
	no_memory = false;
	assert_string_equal(s.links[0].name, "a");
	assert_true(sample_reserve_links(&s, 100));
	assert_true(s.links_size >= 101);
	assert_string_equal(s.links[0].name, "a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_attribute_of_a_link_is_in_its_place),
		cmocka_unit_test(what_is_too_long_is_cut_and_what_is_too_short_leaves_zeros),
		cmocka_unit_test(links_come_in_their_order_and_only_links),
		cmocka_unit_test(the_own_address_goes_before_the_peers),
		cmocka_unit_test(the_end_of_a_list_is_the_end),
		cmocka_unit_test(a_refusal_is_told_with_its_reason),
		cmocka_unit_test(what_finds_no_memory_is_an_error_and_not_a_shorter_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
