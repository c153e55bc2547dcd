/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spoofed netlink messages: root of a container may send them to any socket in its network
 * namespace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cmocka.h>

#include "plugins/netns-stats/sample.h"

#define FORGER 4711 /* its port */

static uint32_t asked; /* the sequence number of our request */
static int to_forge;   /* datagrams, before each of the kernel's */
static int n_forged;

ssize_t __wrap_sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
		      socklen_t to_len);
ssize_t __wrap_sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
		      socklen_t to_len)
{
	asked = ((const struct nlmsghdr *)data)->nlmsg_seq;
	n_forged = 0;
	return syscall(SYS_sendto, fd, data, len, flags, to, to_len);
}

/* A link that is not there, and the end of the list. */
static ssize_t forge(void *buf, struct sockaddr *from)
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

	((struct sockaddr_nl *)(void *)from)->nl_pid = FORGER;
	memcpy(buf, &forgery, sizeof(forgery));
	return sizeof(forgery);
}

ssize_t __wrap_recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *from,
			socklen_t *from_len);
ssize_t __wrap_recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *from,
			socklen_t *from_len)
{
	if (n_forged < to_forge) {
		n_forged++;
		return forge(buf, from);
	}
	return syscall(SYS_recvfrom, fd, buf, size, flags, from, from_len);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_another_process_says_is_not_believed),
		cmocka_unit_test(one_that_sends_without_end_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
