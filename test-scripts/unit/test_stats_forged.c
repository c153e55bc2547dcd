// SPDX-License-Identifier: GPL-2.0-or-later
/* Netlink messages of other processes: root of a container may send them to any socket in there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cmocka.h>

#define FORGER 4711 /* its port */

static uint32_t asked; /* the sequence number of our request */
static int to_forge;   /* datagrams, before each of the kernel's */
static int n_forged;

static ssize_t noting_send(int fd, const void *data, size_t len, int flags)
{
	asked = ((const struct nlmsghdr *)data)->nlmsg_seq;
	n_forged = 0;
	return send(fd, data, len, flags);
}

/* A link that is not there, and the end of the list. */
static ssize_t forge(const struct msghdr *msg)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg info;
		struct rtattr attribute;
		char name[8];
		struct nlmsghdr done;
		uint32_t padding;
	} forgery = {
		.h = {.nlmsg_len = offsetof(__typeof__(forgery), done),
		      .nlmsg_type = RTM_NEWLINK,
		      .nlmsg_seq = asked},
		.info = {.ifi_index = 4711},
		.attribute = {.rta_len = RTA_LENGTH(8), .rta_type = IFLA_IFNAME},
		.name = "forged",
		.done = {.nlmsg_len = NLMSG_LENGTH(4),
			 .nlmsg_type = NLMSG_DONE,
			 .nlmsg_seq = asked},
	};

	((struct sockaddr_nl *)msg->msg_name)->nl_pid = FORGER;
	memcpy(msg->msg_iov->iov_base, &forgery, sizeof(forgery));
	return sizeof(forgery);
}

static ssize_t forging_recvmsg(int fd, struct msghdr *msg, int flags)
{
	if (n_forged < to_forge) {
		n_forged++;
		return forge(msg);
	}
	return recvmsg(fd, msg, flags);
}

#define send noting_send
#define recvmsg forging_recvmsg
#include "../../plugins/netns-stats/sample.c"
#include "../../plugins/netns-stats/text.c"

void detail_collect(struct sample *s)
{
	(void)s;
}

static void what_another_process_says_is_not_believed(void **unused)
{
	cleanup_sample struct sample sample = {0};
	struct cni_error err = {0};

	(void)unused;
	to_forge = 3;
	assert_int_equal(sample_here(&sample, SAMPLE_ADDRESSES, &err), 0);
	assert_null(sample_link_named(&sample, "forged"));
	assert_null(sample_link(&sample, 4711));
	assert_non_null(sample_link_named(&sample, "lo"));
}

static void one_that_sends_without_end_is_told(void **unused)
{
	cleanup_sample struct sample sample = {0};
	struct cni_error err = {0};

	(void)unused;
	to_forge = INT32_MAX;
	assert_int_equal(sample_here(&sample, 0, &err), -1);
	assert_non_null(strstr(err.msg, "floods"));
}

static void no_more_links_are_kept_than_are_asked_for(void **unused)
{
	cleanup_sample struct sample sample = {.links_max = 2};
	char buf[128] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct sockaddr_nl from;
	struct iovec iov = {buf, sizeof(buf)};
	const struct msghdr msg = {.msg_name = &from, .msg_iov = &iov};

	(void)unused;
	forge(&msg);
	for (int i = 0; i < 5; i++)
		assert_int_equal(parse_link(&sample, (const void *)buf), 0);
	assert_int_equal(sample.n_links, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_another_process_says_is_not_believed),
		cmocka_unit_test(one_that_sends_without_end_is_told),
		cmocka_unit_test(no_more_links_are_kept_than_are_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
