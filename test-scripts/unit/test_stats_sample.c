/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What netns-stats makes of the kernel's lists of links and addresses, attribute by attribute. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "failing_alloc.h"
#include "plugins/netns-stats/detail.h"
#include "plugins/netns-stats/sample.h"

/* The kernel's lists: what is in store, whatever is asked for, and an end. */
static _Alignas(8) char store[8192];
static size_t used;
static struct nlmsghdr *message;
static unsigned int asked;
static int refusal;            /* errno; 0: none */
static unsigned int disturbed; /* so many lists are */

ssize_t __wrap_sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
		      socklen_t to_len);
ssize_t __wrap_sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
		      socklen_t to_len)
{
	(void)fd, (void)data, (void)flags, (void)to, (void)to_len;
	asked++;
	return (ssize_t)len;
}

ssize_t __wrap_recvfrom(int fd, void *to, size_t size, int flags, struct sockaddr *from,
			socklen_t *from_len);
ssize_t __wrap_recvfrom(int fd, void *to, size_t size, int flags, struct sockaddr *from,
			socklen_t *from_len)
{
	const struct nlmsgerr error = {.error = -refusal};
	struct nlmsghdr end = {.nlmsg_len = NLMSG_LENGTH(sizeof(error)),
			       .nlmsg_type = refusal ? NLMSG_ERROR : NLMSG_DONE,
			       .nlmsg_flags = asked <= disturbed ? NLM_F_DUMP_INTR : 0,
			       .nlmsg_seq = asked};
	struct nlmsghdr *copy = to;
	int left = (int)used;

	(void)fd, (void)flags, (void)from, (void)from_len;
	assert_true(used + NLMSG_SPACE(sizeof(error)) <= size);
	memcpy(to, store, used);
	for (; NLMSG_OK(copy, left); copy = NLMSG_NEXT(copy, left))
		copy->nlmsg_seq = asked;
	assert_int_equal(left, 0);
	memcpy(copy, &end, sizeof(end));
	memcpy(NLMSG_DATA(copy), &error, sizeof(error));
	return (ssize_t)(used + NLMSG_LENGTH(sizeof(error)));
}

void __wrap_detail_collect(struct sample *s);
void __wrap_detail_collect(struct sample *s)
{
	text_add(&s->detail, "{}");
}

#define TEXT_AND_LEN(text) (text), sizeof(text) - 1

static int fresh(void **unused)
{
	(void)unused;
	used = 0;
	refusal = 0;
	disturbed = 0;
	fail_allocation(0);
	return 0;
}

static void begin(uint16_t type, const void *head, size_t len)
{
	message = (void *)(store + used);
	memset(message, 0, sizeof(store) - used);
	message->nlmsg_type = type;
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

/* Read what is in store, which begins anew. */
static int read_lists(struct sample *s, unsigned int what, struct cni_error *err)
{
	int value;

	asked = 0;
	value = sample_here(s, what, err);
	used = 0;
	return value;
}

static void read_well(struct sample *s, unsigned int what)
{
	struct cni_error err = {0};

	if (read_lists(s, what, &err) < 0)
		fail_msg("%s (%s)", err.msg, err.details);
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
	read_well(&s, 0);

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
	read_well(&s, 0);
	l = sample_link(&s, 1);
	assert_non_null(l);
	assert_string_equal(l->name, "a name of more ");
	assert_string_equal(l->qdisc, "sixteen letters");
	assert_int_equal(l->hwaddr_len, HWADDR_MAX);
	assert_memory_equal(l->hwaddr, "01234567890123456789012345678901", HWADDR_MAX);
	assert_int_equal(l->mtu, 1);
	assert_int_equal(l->peer_netnsid, -1);
	/* The place of one is used again, with nothing left in it. */
	named_link(2, "b");
	read_well(&s, 0);
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
	named_link(13, "last");
	read_well(&s, 0);
	assert_int_equal(s.n_links, 10);
	for (int i = 1; i <= 9; i++)
		assert_int_equal(s.links[i - 1].index, i);
	assert_string_equal(s.links[8].name, "eth9");
	assert_string_equal(s.links[9].name, "last");
	assert_null(sample_link(&s, 10));
	assert_null(sample_link_named(&s, "gone"));
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
	read_well(&s, SAMPLE_ADDRESSES);

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

static void no_more_links_are_kept_than_are_asked_for(void **unused)
{
	cleanup_sample struct sample s = {.links_max = 2};

	(void)unused;
	for (int i = 1; i <= 5; i++)
		named_link(i, "a");
	read_well(&s, 0);
	assert_int_equal(s.n_links, 2);
	assert_int_equal(s.links[1].index, 2);
}

static void a_list_that_was_disturbed_is_read_again_from_its_beginning(void **unused)
{
	cleanup_sample struct sample s = {0};

	(void)unused;
	disturbed = 2;
	named_link(1, "a");
	address_message(AF_INET, 24);
	attribute(IFA_LOCAL, "\2\2\2\2", 4);
	read_well(&s, SAMPLE_ADDRESSES | SAMPLE_DETAIL);
	assert_int_equal(asked, 4);
	assert_int_equal(s.n_links, 1);
	assert_int_equal(s.n_addresses, 1);
	assert_string_equal(s.detail.data, "{}");
	/* The addresses, too; and what there was of the sample before is not there any more. */
	disturbed = INT32_MAX;
	named_link(1, "a");
	address_message(AF_INET, 24);
	attribute(IFA_LOCAL, "\2\2\2\2", 4);
	read_well(&s, SAMPLE_ADDRESSES);
	assert_int_equal(asked, 6);
	assert_int_equal(s.n_links, 1);
	assert_int_equal(s.n_addresses, 1);
	assert_int_equal(s.detail.len, 0);
}

static void a_refusal_is_told_with_its_reason(void **unused)
{
	cleanup_sample struct sample s = {0};
	struct cni_error err = {0};

	(void)unused;
	refusal = EPERM;
	assert_int_equal(read_lists(&s, 0, &err), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(err.code, CNI_ERR_IO);
	assert_string_equal(err.msg, "the kernel refused to list the links");
	assert_string_equal(err.details, "Operation not permitted");
}

static void what_finds_no_memory_is_an_error_and_not_a_shorter_list(void **unused)
{
	cleanup_sample struct sample s = {0};
	struct cni_error err;

	(void)unused;
	/* The socket, and the places for links and for addresses. */
	for (unsigned long failing_one = 1;; failing_one++) {
		named_link(1, "a");
		address_message(AF_INET, 24);
		attribute(IFA_LOCAL, "\2\2\2\2", 4);
		sample_free(&s);
		err = (struct cni_error){0};
		fail_allocation(failing_one);
		if (read_lists(&s, SAMPLE_ADDRESSES, &err) == 0) {
			assert_true(failing_one >= 4);
			break;
		}
		assert_true(allocation_failed());
		assert_non_null(strstr(err.msg, "memory"));
		assert_int_equal(s.n_addresses, 0);
	}
	assert_int_equal(s.n_links, 1);
	assert_true(sample_reserve_links(&s, 3));
	/* Where there is room no memory is taken, and where there is none nothing is lost. */
	fail_allocation(1);
	assert_true(sample_reserve_links(&s, 3));
	assert_false(sample_reserve_links(&s, 100));
	assert_string_equal(s.links[0].name, "a");
	fail_allocation(0);
	assert_true(sample_reserve_links(&s, 100));
	assert_true(s.links_size >= 101);
	assert_string_equal(s.links[0].name, "a");
}

#define test(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(every_attribute_of_a_link_is_in_its_place),
		test(what_is_too_long_is_cut_and_what_is_too_short_leaves_zeros),
		test(links_come_in_their_order_and_only_links),
		test(the_own_address_goes_before_the_peers),
		test(no_more_links_are_kept_than_are_asked_for),
		test(a_list_that_was_disturbed_is_read_again_from_its_beginning),
		test(a_refusal_is_told_with_its_reason),
		test(what_finds_no_memory_is_an_error_and_not_a_shorter_list),
	};

	return cmocka_run_group_tests(tests, use_failing_alloc, use_usual_alloc);
}
