// SPDX-License-Identifier: GPL-2.0-or-later
/* netns-portmap's netlink: which replies are believed, and when some have been lost. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <linux/netlink.h>

/* What the socket gives, one after the other; then nothing more. */
struct datagram {
	int error;       /* instead of one */
	uint32_t sender; /* 0: the kernel */
	size_t size;     /* as recvfrom(2) tells it; 0: that of the content */
	const char *content;
	size_t len;
};

static const struct datagram *script;
static bool no_memory;

static ssize_t scripted_recvfrom(int fd, void *to, size_t size, int flags, struct sockaddr *from,
				 socklen_t *from_len)
{
	const struct datagram *d = script++;

	(void)fd, (void)from_len;
	assert_int_equal(flags, MSG_DONTWAIT | MSG_TRUNC);
	if (d->error != 0) {
		errno = d->error;
		return -1;
	}
	if (d->content == NULL) {
		script--;
		errno = EAGAIN;
		return -1;
	}
	((struct sockaddr_nl *)from)->nl_pid = d->sender;
	memcpy(to, d->content, d->len < size ? d->len : size);
	return (ssize_t)(d->size != 0 ? d->size : d->len);
}

static void *limited_realloc(void *p, size_t size)
{
	return no_memory ? NULL : realloc(p, size);
}

#define recvfrom(...) scripted_recvfrom(__VA_ARGS__)
#define realloc(p, size) limited_realloc(p, size)
#include "../../plugins/netns-portmap/nfnl.c"
#undef recvfrom
#undef realloc

#define SCRIPT(...)               \
	(const struct datagram[]) \
	{                         \
		__VA_ARGS__,      \
		{                 \
			0         \
		}                 \
	}
#define ROWS(rows) (sizeof(rows) / sizeof(*(rows)))

/* Messages: each of a type, some with an errno in it. */
static _Alignas(8) char store[4096];
static size_t used;

static struct datagram message(uint16_t type, int error)
{
	struct nlmsghdr *nlh = (void *)(store + used);
	struct nlmsgerr *e = (void *)(nlh + 1);
	const size_t len = sizeof(*nlh) + sizeof(*e);

	memset(nlh, 0, len);
	nlh->nlmsg_len = (uint32_t)len;
	nlh->nlmsg_type = type;
	e->error = error;
	used += len;
	return (struct datagram){.content = (const char *)nlh, .len = len};
}

/* Two in one datagram, which is the last that was made and the one before. */
static struct datagram with(struct datagram first, struct datagram second)
{
	first.len += second.len;
	return first;
}

static struct datagram from(uint32_t sender, struct datagram d)
{
	d.sender = sender;
	return d;
}

static char seen[128];

static int note(const struct nlmsghdr *nlh, void *arg)
{
	snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%u/%d ", nlh->nlmsg_type,
		 nfnl_errno(nlh));
	if (arg != NULL && nlh->nlmsg_type == *(const uint16_t *)arg) {
		errno = ENODATA;
		return -1;
	}
	return 0;
}

static int receive(const struct datagram *datagrams, const uint16_t *stop_at)
{
	struct nfnl nl = {.fd = 7};
	uint16_t copy = stop_at ? *stop_at : 0;

	seen[0] = '\0';
	script = datagrams;
	errno = 0;
	return nfnl_receive(&nl, note, stop_at ? &copy : NULL);
}

static void every_reply_of_the_kernel_is_handed_on_but_acknowledgements(void **unused)
{
	struct datagram two;

	(void)unused;
	used = 0;
	two = message(20, 0);
	two = with(two, message(21, 0));
	assert_int_equal(
		receive(SCRIPT(two, message(NLMSG_ERROR, 0), message(NLMSG_ERROR, -ENOENT),
			       from(5, message(66, 0)), {.error = EINTR}, message(NLMSG_DONE, 0)),
			NULL),
		0);
	assert_string_equal(seen, "20/0 21/0 2/2 3/0 ");
	assert_int_equal(receive(SCRIPT({.error = EAGAIN}), NULL), 0);
	assert_string_equal(seen, "");
}

static void lost_replies_are_told_behind_those_that_came(void **unused)
{
	(void)unused;
	used = 0;
	assert_int_equal(receive(SCRIPT({.error = ENOBUFS}, message(20, 0)), NULL), -1);
	assert_int_equal(errno, ENOBUFS);
	assert_string_equal(seen, "20/0 ");
	/* One that is larger than any that the kernel makes, of which the front alone came. */
	{
		struct datagram large = message(20, 0);

		large.size = 32769;
		assert_int_equal(receive(SCRIPT(large, message(21, 0)), NULL), -1);
		assert_int_equal(errno, ENOBUFS);
		assert_string_equal(seen, "21/0 ");
		large.size = 32768;
		assert_int_equal(receive(SCRIPT(large), NULL), 0);
	}
	assert_int_equal(receive(SCRIPT(message(20, 0), {.error = EBADF}, message(21, 0)), NULL),
			 -1);
	assert_int_equal(errno, EBADF);
	assert_string_equal(seen, "20/0 ");
}

static void a_reader_that_has_seen_enough_ends_it(void **unused)
{
	const uint16_t stop = 21;

	(void)unused;
	used = 0;
	assert_int_equal(receive(SCRIPT(message(20, 0), message(21, 0), message(22, 0)), &stop),
			 -1);
	assert_int_equal(errno, ENODATA);
	assert_string_equal(seen, "20/0 21/0 ");
}

static void an_error_is_one_that_the_kernel_can_mean(void **unused)
{
	static const struct {
		uint16_t type;
		int error, expected;
	} rows[] = {
		{NLMSG_ERROR, 0, 0},        {NLMSG_ERROR, -1, 1},
		{NLMSG_ERROR, -4095, 4095}, {NLMSG_ERROR, -4096, EBADMSG},
		{NLMSG_ERROR, 1, EBADMSG},  {20, -1, 0},
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct nlmsghdr *nlh;

		used = 0;
		nlh = (void *)(uintptr_t)message(rows[i].type, rows[i].error).content;
		assert_int_equal(nfnl_errno(nlh), rows[i].expected);
		nlh->nlmsg_len--; /* cut */
		assert_int_equal(nfnl_errno(nlh), 0);
	}
}

static void a_message_is_one_that_is_whole(void **unused)
{
	struct nlmsghdr nlh = {.nlmsg_len = 20};

	(void)unused;
	assert_true(nfnl_message_ok(&nlh, 20));
	assert_true(nfnl_message_ok(&nlh, 24));
	assert_false(nfnl_message_ok(&nlh, 19));
	assert_false(nfnl_message_ok(&nlh, 0));
	assert_false(nfnl_message_ok(&nlh, -1));
	nlh.nlmsg_len = 15;
	assert_false(nfnl_message_ok(&nlh, 20));
	nlh.nlmsg_len = 1u << 31;
	assert_false(nfnl_message_ok(&nlh, 20));
}

static void numbers_that_are_too_short_are_none(void **unused)
{
	struct {
		struct nlattr attr;
		uint32_t value;
	} a = {.attr = {.nla_len = 8}, .value = 0x01020304};

	(void)unused;
	assert_int_equal(nfnl_get_u32(&a.attr), 0x01020304);
	a.attr.nla_len = 7;
	assert_int_equal(nfnl_get_u32(&a.attr), 0);
	assert_int_equal(nfnl_get_u16(&a.attr), 0x0304);
	a.attr.nla_len = 6;
	assert_int_equal(nfnl_get_u16(&a.attr), 0x0304);
	a.attr.nla_len = 5;
	assert_int_equal(nfnl_get_u16(&a.attr), 0);
}

static void messages_are_built_behind_each_other_or_nothing_is_sent(void **unused)
{
	struct nfnl nl = {.fd = -1, .seq = 4};
	cleanup_nfnl_buffer struct nfnl_buffer b = {0};
	struct nlmsghdr *nlh;

	(void)unused;
	for (uint32_t i = 0; i < 100; i++) {
		nlh = nfnl_put(&nl, &b);
		assert_int_equal(nl.seq, 5 + i);
		assert_ptr_equal(nlh, b.data + b.len);
		assert_true(b.size - b.len >= NFNL_MESSAGE_MAX);
		memset(nlh, (int)i, NFNL_MESSAGE_MAX); /* all of it is ours */
		nlh->nlmsg_len = 1001;
		nfnl_done(&b, nlh);
		assert_int_equal(b.len, (i + 1) * 1004);
	}
	assert_int_equal(nfnl_send(&nl, &b), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(b.len, 0);
	nfnl_buffer_free(&b);
	no_memory = true;
	nlh = nfnl_put(&nl, &b);
	assert_non_null(nlh);
	memset(nlh, 1, NFNL_MESSAGE_MAX);
	nfnl_done(&b, nlh);
	no_memory = false;
	assert_int_equal(nfnl_send(&nl, &b), -1);
	assert_int_equal(errno, ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reply_of_the_kernel_is_handed_on_but_acknowledgements),
		cmocka_unit_test(lost_replies_are_told_behind_those_that_came),
		cmocka_unit_test(a_reader_that_has_seen_enough_ends_it),
		cmocka_unit_test(an_error_is_one_that_the_kernel_can_mean),
		cmocka_unit_test(a_message_is_one_that_is_whole),
		cmocka_unit_test(numbers_that_are_too_short_are_none),
		cmocka_unit_test(messages_are_built_behind_each_other_or_nothing_is_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
