/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a child that was in a container's user namespace says that it read: taken for the word of
 * the container's root, who may have written it. And the one namespace that is visited without a
 * child.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sys/mman.h>

#include "cleanup.h"
#include "isolated.h"

#include "plugins/netns-stats/show.h"
#include "plugins/netns-stats/sweep.h"

static int setns_fails_at; /* 1: the next; 0: none */

int setns(int fd, int type)
{
	if (type == CLONE_NEWNET && setns_fails_at > 0 && --setns_fails_at == 0) {
		errno = ENOMEM;
		return -1;
	}
	return (int)syscall(SYS_setns, fd, type);
}

/* A reply that is all right, to be spoilt: the sample's head, and what stands behind it. */
struct spoilt {
	size_t n_links, n_addresses, detail_len;
	struct link link;
	struct link_address address;
	const char *detail;
	size_t behind; /* bytes that belong to nothing */
};

static const struct spoilt right = {
	.n_links = 1,
	.n_addresses = 1,
	.link = {.name = "eth0",
		 .qdisc = "noqueue",
		 .kind = "veth",
		 .hwaddr_len = HWADDR_MAX,
		 .broadcast_len = 6},
	.address = {.prefix = {.address.family = AF_INET6, .length = 128}},
	.detail = "{\"a\":{\"b\":[1]}}",
};

/* As the child gives it. */
static bool is_taken(const struct spoilt *spoilt, struct sample *sample)
{
	const size_t len = spoilt->detail_len ? spoilt->detail_len : strlen(spoilt->detail);
	const size_t head[] = {spoilt->n_links, spoilt->n_addresses, len};
	const uint64_t cookie = 7;
	const int fd = memfd_create("reply", MFD_CLOEXEC);
	struct netns_reply reply = {.fd = fd, .left = 1 << 20};
	bool taken;

	assert_true(fd >= 0);
	assert_true(netns_reply_give(&reply, head, sizeof(head)));
	assert_true(netns_reply_give(&reply, &cookie, sizeof(cookie)));
	assert_true(netns_reply_give(&reply, &spoilt->link, sizeof(spoilt->link)));
	assert_true(netns_reply_give(&reply, &spoilt->address, sizeof(spoilt->address)));
	assert_true(netns_reply_give(&reply, spoilt->detail, strlen(spoilt->detail)));
	reply = (struct netns_reply){.fd = fd, .left = (size_t)reply.at + spoilt->behind};
	taken = sweep_take(sample, &reply);
	close(fd);
	return taken;
}

#define SPOIL(change)               \
	do {                        \
		spoilt[n] = right;  \
		spoilt[n++].change; \
	} while (0)

static void a_childs_answer_is_checked_in_every_length(void **unused)
{
	cleanup_sample struct sample sample = {0};
	struct spoilt spoilt[32];
	size_t n = 0;

	(void)unused;
	assert_true(is_taken(&right, &sample));
	assert_string_equal(sample.links[0].name, "eth0");
	assert_string_equal(sample.detail.data, right.detail);
	assert_int_equal(sample.cookie, 7);

	SPOIL(link.hwaddr_len = HWADDR_MAX + 1);
	SPOIL(link.hwaddr_len = 255);
	SPOIL(link.broadcast_len = HWADDR_MAX + 1);
	SPOIL(link.name[0] = '\0');
	for (size_t i = 0; i < 3; i++)
		spoilt[n + i] = right;
	memset(spoilt[n++].link.name, 'n', IFNAMSIZ);
	memset(spoilt[n++].link.qdisc, 'q', IFNAMSIZ);
	memset(spoilt[n++].link.kind, 'k', sizeof(right.link.kind));
	SPOIL(address.prefix.length = 129);
	SPOIL(address.prefix.length = UINT32_MAX);
	SPOIL(address.prefix.address.family = AF_INET); /* and 128 bits */
	SPOIL(address.prefix.address.family = AF_UNSPEC);
	SPOIL(address.prefix.address.family = -1);
	SPOIL(detail = "{}},{\"containerId\":\"another\"");
	SPOIL(detail = "[]");
	SPOIL(detail = "1");
	SPOIL(detail = "{\"a\":\033}");
	SPOIL(detail = "{");
	SPOIL(n_links = 0); /* and one comes */
	SPOIL(n_links = 2); /* and one comes */
	SPOIL(n_links = SWEEP_ENTRIES_MAX + 1);
	SPOIL(n_links = SIZE_MAX);
	SPOIL(n_addresses = SIZE_MAX / sizeof(struct link_address));
	SPOIL(detail_len = SWEEP_DETAIL_MAX_BYTES + 1);
	SPOIL(detail_len = SIZE_MAX);
	SPOIL(detail_len = 100); /* and no more comes */
	SPOIL(behind = 1);
	for (size_t i = 0; i < n; i++) {
		if (is_taken(&spoilt[i], &sample))
			fail_msg("the reply of row %zu was believed", i);
	}
}

/* What is given is what is taken, whatever was in the place. */
static void a_sample_goes_through_a_child_whole(void **unused)
{
	cleanup_sample struct sample from = {0};
	cleanup_sample struct sample to = {0};
	const int fd = memfd_create("reply", MFD_CLOEXEC);
	struct netns_reply reply = {.fd = fd, .left = SIZE_MAX};

	(void)unused;
	assert_true(is_taken(&right, &from) && is_taken(&right, &to));
	from.cookie = 12;
	from.links[0].mtu = 1400;
	assert_true(sweep_give(&from, &reply));
	reply = (struct netns_reply){.fd = fd, .left = (size_t)reply.at};
	assert_true(sweep_take(&to, &reply));
	assert_int_equal(reply.left, 0);
	assert_int_equal(to.cookie, 12);
	assert_int_equal(to.n_links, 1);
	assert_memory_equal(to.links, from.links, sizeof(*to.links));
	assert_memory_equal(to.addresses, from.addresses, sizeof(*to.addresses));
	assert_string_equal(to.detail.data, right.detail);
	close(fd);
}

static void a_hardware_address_stays_in_its_buffer(void **unused)
{
	char room[HWADDR_TEXT_MAX + 1];
	uint8_t bytes[255];

	(void)unused;
	memset(bytes, 0xab, sizeof(bytes));
	memset(room, '!', sizeof(room));
	hwaddr_format(bytes, sizeof(bytes), room);
	assert_int_equal(strlen(room), HWADDR_TEXT_MAX - 1);
	assert_int_equal(room[HWADDR_TEXT_MAX], '!');
}

/* Of three: whether we could come back, there, and back. */
static void lost_inside(void)
{
	cleanup_sample struct sample sample = {0};
	struct cni_error err = {0};
	const int fd = open("/run/x", O_RDONLY | O_CREAT | O_CLOEXEC, 0444);
	const pid_t pid = fork_child();

	if (pid == 0) {
		check(unshare(CLONE_NEWNET) == 0);
		check(mount("/proc/self/ns/net", "/run/x", NULL, MS_BIND, NULL) == 0);
		_exit(0);
	}
	check(fd >= 0 && wait_child(pid) == 0);
	setns_fails_at = 3;
	check(sweep_one("/run/x", 0, 0, &sample, &err) == -1);
	check(inode("/proc/self/ns/net") == inode("/run/x"));
	check(strstr(err.msg, "/run/x: cannot come back from the network namespace") != NULL);
	umount2("/run/x", MNT_DETACH);
}

static void who_cannot_come_back_is_told(void **unused)
{
	(void)unused;
	need_isolation();
	assert_int_equal(run_child(lost_inside), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_childs_answer_is_checked_in_every_length),
		cmocka_unit_test(a_sample_goes_through_a_child_whole),
		cmocka_unit_test(a_hardware_address_stays_in_its_buffer),
		cmocka_unit_test(who_cannot_come_back_is_told),
	};

	return cmocka_run_group_tests(tests, isolate, NULL);
}
