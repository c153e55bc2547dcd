/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Netlink: which replies are believed, how long they are read, and what is told when they fail. The
 * kernel's part is a script, but where a test says otherwise.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/genetlink.h>
#include <linux/rtnetlink.h>

#include "failing_alloc.h"
#include "netlink.h"

#define ROWS(rows) (sizeof(rows) / sizeof(*(rows)))

/* What the socket gives, one after the other; then nothing more. */
struct datagram {
	int error;       /* instead of one */
	uint32_t sender; /* 0: the kernel */
	size_t size;     /* as recvfrom(2) tells it; 0: that of the content */
	const char *content;
	size_t len;
};

static bool scripted;
static const struct datagram *script;
static unsigned int sends, receives;
static int send_error;
static char sent[1 << 20];
static size_t sent_len;

ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
	       socklen_t to_len)
{
	sends++;
	if (!scripted)
		return syscall(SYS_sendto, fd, data, len, flags, to, to_len);
	assert_int_equal(((const struct sockaddr_nl *)(const void *)to)->nl_pid, 0);
	assert_true(len <= sizeof(sent));
	if (send_error != 0) {
		errno = send_error;
		return -1;
	}
	memcpy(sent, data, len);
	sent_len = len;
	return (ssize_t)len;
}

ssize_t recvfrom(int fd, void *to, size_t size, int flags, struct sockaddr *from,
		 socklen_t *from_len)
{
	const struct datagram *d = script;

	assert_int_equal(flags, MSG_DONTWAIT | MSG_TRUNC); /* nothing waits, what is cut is known */
	receives++;
	if (!scripted)
		return syscall(SYS_recvfrom, fd, to, size, flags, from, from_len);
	script++;
	if (d->error != 0) {
		errno = d->error;
		return -1;
	}
	if (d->content == NULL) {
		script--;
		errno = EAGAIN;
		return -1;
	}
	((struct sockaddr_nl *)(void *)from)->nl_pid = d->sender;
	memcpy(to, d->content, d->len < size ? d->len : size);
	return (ssize_t)(d->size != 0 ? d->size : d->len);
}

#define SCRIPT(...) ((const struct datagram[]){__VA_ARGS__, {0}})

/* Datagrams are made here, message by message. */
static _Alignas(8) char store[1 << 16];
static size_t used, begun;
static struct nlmsghdr *last;

static void message(uint16_t type, uint32_t seq, const void *data, size_t len)
{
	last = (void *)(store + used);
	memset(last, 0, NLMSG_SPACE(len));
	last->nlmsg_len = (uint32_t)NLMSG_LENGTH(len);
	last->nlmsg_type = type;
	last->nlmsg_seq = seq;
	memcpy(NLMSG_DATA(last), data, len);
	used += NLMSG_SPACE(len);
}

static void number(uint16_t type, uint32_t seq, int value)
{
	message(type, seq, &value, sizeof(value));
}

static void refusal(uint32_t seq, int error)
{
	const struct nlmsgerr e = {.error = error};

	message(NLMSG_ERROR, seq, &e, sizeof(e));
	last->nlmsg_flags = NLM_F_CAPPED;
}

static void words(const char *text)
{
	const size_t len = strlen(text) + 1;
	struct nlattr *a = (void *)(store + used);

	memset(a, 0, NLA_ALIGN(NLA_HDRLEN + len));
	a->nla_type = NLMSGERR_ATTR_MSG;
	a->nla_len = (uint16_t)(NLA_HDRLEN + len);
	memcpy(a + 1, text, len);
	used += NLA_ALIGN(a->nla_len);
	last->nlmsg_len += (uint32_t)NLA_ALIGN(a->nla_len);
	last->nlmsg_flags |= NLM_F_ACK_TLVS;
}

/* What was made since the one before. */
static struct datagram datagram(void)
{
	const struct datagram d = {.content = store + begun, .len = used - begun};

	begun = used;
	return d;
}

static struct datagram from(uint32_t sender, struct datagram d)
{
	d.sender = sender;
	return d;
}

static struct datagram one(uint16_t type, uint32_t seq, int value)
{
	number(type, seq, value);
	return datagram();
}

static struct datagram error(int error)
{
	return (struct datagram){.error = error};
}

static struct netlink nl = {.fd = -1};

static int fresh(void **state)
{
	(void)state;
	nl = (struct netlink){.fd = -1, .explains = true};
	scripted = true;
	sends = receives = 0;
	send_error = 0;
	used = begun = 0;
	fail_allocation(0);
	return 0;
}

/* What was handed over: the numbers in the messages, or their errno as a negative one. */
struct taken {
	int values[1000];
	size_t n;
	size_t stop_at; /* that many; 0: never */
	unsigned int restarts;
	const struct netlink_batch *batch;
	size_t positions[1000];
};

static int take(const struct nlmsghdr *nlh, void *arg)
{
	struct taken *t = arg;

	assert_true(t->n < ROWS(t->values));
	t->values[t->n] = -netlink_errno(nlh);
	if (t->values[t->n] == 0)
		memcpy(&t->values[t->n], NLMSG_DATA(nlh), sizeof(int));
	if (t->batch != NULL)
		t->positions[t->n] = netlink_position(t->batch, nlh);
	errno = ENOTTY;
	return ++t->n == t->stop_at ? -7 : 0;
}

static void restart(void *arg)
{
	struct taken *t = arg;

	t->restarts++;
	t->n = 0;
}

static int request(struct taken *t, struct cni_error *err)
{
	cleanup_nl_msg struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, 0);

	return netlink_request(&nl, msg, take, t, "do it", err);
}

static int dump(struct taken *t, struct cni_error *err)
{
	cleanup_nl_msg struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, 0);

	return netlink_dump(&nl, msg, take, restart, t, "list it", err);
}

static void a_reply_is_read_to_its_end_and_not_behind_it(void **state)
{
	struct taken t = {.n = 0};
	struct cni_error err = {0};
	const struct nlmsghdr *asked = (const void *)sent;

	(void)state;
	number(20, 1, 11);
	refusal(1, 0);
	script = SCRIPT(datagram(), one(20, 1, 99));
	assert_int_equal(request(&t, &err), 0);
	assert_int_equal(receives, 1);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.values[0], 11);
	assert_int_equal(asked->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
	assert_int_equal(asked->nlmsg_seq, 1);
	/* A list, over several datagrams, after what the request before had too much. */
	script = SCRIPT(one(20, 1, 99), error(EINTR), one(20, 2, 1), one(20, 2, 2),
			one(NLMSG_DONE, 2, 0), one(20, 2, 98));
	t.n = 0;
	assert_int_equal(dump(&t, &err), 0);
	assert_int_equal(t.n, 2);
	assert_int_equal(t.values[1], 2);
	assert_int_equal(asked->nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
	assert_int_equal(sends, 2);
}

static void only_the_kernel_is_believed(void **state)
{
	struct taken t = {.n = 0};
	struct cni_error err = {0};

	(void)state;
	number(20, 1, 66);
	refusal(1, -EPERM);
	number(NLMSG_DONE, 1, 0);
	script = SCRIPT(from(4711, datagram()), one(20, 1, 1), from(1, one(NLMSG_DONE, 1, 0)),
			one(20, 1, 2), one(NLMSG_DONE, 1, 0));
	assert_int_equal(dump(&t, &err), 0);
	assert_int_equal(t.n, 2);
	assert_int_equal(t.values[0], 1);
	assert_int_equal(t.values[1], 2);
}

static void whoever_floods_the_socket_is_told(void **state)
{
	static struct datagram flood[2000];
	struct taken t = {.n = 0};
	struct cni_error err = {0};
	cleanup_netlink_batch struct netlink_batch batch = {0};

	(void)state;
	number(20, 1, 66);
	flood[0] = from(4711, datagram());
	for (size_t i = 1; i < ROWS(flood); i++)
		flood[i] = flood[0];
	script = flood;
	assert_int_equal(dump(&t, &err), -1);
	assert_int_equal(errno, EBUSY);
	assert_int_equal(err.code, CNI_ERR_IO);
	assert_non_null(strstr(err.msg, "floods"));
	script = flood;
	netlink_begin(&batch, 20, 0, "", 0);
	netlink_end(&batch);
	assert_int_equal(netlink_exchange(&nl, &batch, take, &t), -1);
	assert_int_equal(errno, EBUSY);
	assert_int_equal(t.n, 0);
}

static struct datagram disturbed(struct datagram d)
{
	((struct nlmsghdr *)(uintptr_t)d.content)->nlmsg_flags |= NLM_F_DUMP_INTR;
	return d;
}

static void a_list_that_was_disturbed_is_read_again_and_not_for_ever(void **state)
{
	struct taken t = {.n = 0};
	struct cni_error err = {0};

	(void)state;
	script = SCRIPT(disturbed(one(20, 1, 1)), one(NLMSG_DONE, 1, 0), one(20, 2, 1),
			one(20, 2, 2), one(NLMSG_DONE, 2, 0));
	assert_int_equal(dump(&t, &err), 0);
	assert_int_equal(t.restarts, 1);
	assert_int_equal(t.n, 2);
	assert_int_equal(sends, 2);
	/* Its end alone may say so. */
	t = (struct taken){.n = 0};
	script = SCRIPT(one(20, 3, 1), disturbed(one(NLMSG_DONE, 3, 0)), one(20, 4, 1),
			disturbed(one(NLMSG_DONE, 4, 0)), one(20, 5, 1),
			disturbed(one(NLMSG_DONE, 5, 0)), one(20, 6, 1), one(NLMSG_DONE, 6, 0));
	assert_int_equal(dump(&t, &err), 0);
	assert_int_equal(t.restarts, 2);
	assert_int_equal(t.n, 1);
	assert_int_equal(sends, 5);
}

static void a_refusal_has_its_errno_and_the_kernels_words(void **state)
{
	struct taken t = {.n = 0};
	struct cni_error err = {0};

	(void)state;
	refusal(1, -EINVAL);
	words("no such colour");
	script = SCRIPT(datagram());
	assert_int_equal(request(&t, &err), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(err.code, CNI_ERR_IO);
	assert_string_equal(err.msg, "the kernel refused to do it");
	assert_string_equal(err.details, "Invalid argument: no such colour");
	/* Behind a copy of the request no message of the kernel is looked for. */
	refusal(2, -EPERM);
	words("anything");
	last->nlmsg_flags &= (uint16_t)~NLM_F_CAPPED;
	script = SCRIPT(datagram());
	assert_int_equal(request(&t, &err), -1);
	assert_int_equal(errno, EPERM);
	assert_string_equal(err.details, "Operation not permitted");
	/* A list may fail at its end. */
	number(NLMSG_DONE, 3, -EOPNOTSUPP);
	words("not by this device");
	script = SCRIPT(one(20, 3, 1), datagram());
	assert_int_equal(dump(&t, &err), -1);
	assert_int_equal(errno, EOPNOTSUPP);
	assert_string_equal(err.msg, "the kernel refused to list it");
	assert_string_equal(err.details, "Operation not supported: not by this device");
	/* Words that are longer than their attribute's room, and an attribute that is cut. */
	refusal(4, -EINVAL);
	words("a");
	last->nlmsg_len -= 4;
	script = SCRIPT(datagram());
	assert_int_equal(request(&t, &err), -1);
	assert_string_equal(err.details, "Invalid argument");
}

static void an_errno_is_one_or_the_message_is_bad(void **state)
{
	static const struct {
		int value, error;
	} rows[] = {{0, 0},      {-1, 1}, {-4095, 4095}, {-4096, EBADMSG}, {INT32_MIN, EBADMSG},
		    {5, EBADMSG}};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		refusal(1, rows[i].value);
		assert_int_equal(netlink_errno(last), rows[i].error);
		number(NLMSG_DONE, 1, rows[i].value);
		assert_int_equal(netlink_errno(last), rows[i].error);
		number(20, 1, rows[i].value);
		assert_int_equal(netlink_errno(last), 0);
	}
	message(NLMSG_ERROR, 1, "", 0);
	assert_int_equal(netlink_errno(last), EBADMSG);
	message(NLMSG_DONE, 1, "", 0);
	assert_int_equal(netlink_errno(last), 0);
}

static void a_reply_that_does_not_come_is_not_waited_for(void **state)
{
	struct taken t = {.n = 0};
	struct cni_error err = {0};

	(void)state;
	script = SCRIPT({0});
	assert_int_equal(request(&t, &err), -1);
	assert_int_equal(errno, ENOBUFS);
	assert_non_null(strstr(err.msg, "no reply"));
	assert_non_null(strstr(err.msg, "to do it"));
	script = SCRIPT(one(20, 2, 1));
	assert_int_equal(dump(&t, &err), -1);
	assert_int_equal(errno, ENOBUFS);
	script = SCRIPT(error(EIO));
	assert_int_equal(dump(&t, &err), -1);
	assert_int_equal(errno, EIO);
	send_error = EPERM;
	assert_int_equal(request(&t, &err), -1);
	assert_int_equal(errno, EPERM);
	assert_string_equal(err.msg, "cannot ask the kernel to do it");
}

static void what_is_cut_is_not_handed_over(void **state)
{
	struct taken t = {.n = 0};
	struct cni_error err = {0};
	struct datagram whole;

	(void)state;
	/* The second is longer than the datagram; so is one of 2^31 bytes. */
	number(20, 1, 1);
	number(20, 1, 2);
	last->nlmsg_len += 4;
	script = SCRIPT(datagram(), one(NLMSG_DONE, 1, 0));
	assert_int_equal(dump(&t, &err), 0);
	assert_int_equal(t.n, 1);
	number(20, 2, 1);
	last->nlmsg_len = 1u << 31;
	script = SCRIPT(datagram(), one(NLMSG_DONE, 2, 0));
	t.n = 0;
	assert_int_equal(dump(&t, &err), 0);
	assert_int_equal(t.n, 0);
	/* One that did not fit here; the rest is read. */
	whole = one(20, 3, 1);
	whole.size = 40000;
	script = SCRIPT(whole, one(20, 3, 2), one(NLMSG_DONE, 3, 0), one(20, 3, 9));
	assert_int_equal(dump(&t, &err), -1);
	assert_int_equal(errno, ENOBUFS);
	assert_int_equal(t.n, 1);
	assert_int_equal(receives, 7);
}

static void fn_stops_a_reply(void **state)
{
	struct taken t = {.stop_at = 2};
	struct cni_error err = {0};
	cleanup_netlink_batch struct netlink_batch batch = {0};

	(void)state;
	/* The rest of a dump is read: the socket goes on. */
	script = SCRIPT(one(20, 1, 1), one(20, 1, 2), one(20, 1, 3), one(NLMSG_DONE, 1, 0));
	assert_int_equal(dump(&t, &err), -7);
	assert_int_equal(errno, ENOTTY);
	assert_int_equal(t.n, 2);
	assert_int_equal(receives, 4);
	/* That of a batch is not. */
	netlink_begin(&batch, 20, 0, "", 0);
	netlink_end(&batch);
	t = (struct taken){.stop_at = 1};
	script = SCRIPT(one(20, 2, 1), one(20, 2, 2), one(20, 2, 3));
	assert_int_equal(netlink_exchange(&nl, &batch, take, &t), -7);
	assert_int_equal(errno, ENOTTY);
	assert_int_equal(t.n, 1);
	assert_int_equal(receives, 5);
}

static void put(struct netlink_batch *batch, int type, int flags, int value)
{
	struct nl_msg *msg = netlink_begin(batch, type, flags, &value, sizeof(value));

	if (msg != NULL)
		assert_int_equal(nla_put_u32(msg, 1, 77), 0);
	netlink_end(batch);
}

static void put_raw(struct netlink_batch *batch, int type, size_t len)
{
	struct nlmsghdr *nlh = netlink_room(batch);

	memset(nlh, 0, NLMSG_LENGTH(len));
	nlh->nlmsg_len = (uint32_t)NLMSG_LENGTH(len);
	nlh->nlmsg_type = (uint16_t)type;
	netlink_done(batch, nlh);
}

static void a_batch_goes_in_one_send_and_its_replies_have_positions(void **state)
{
	static struct taken t;
	cleanup_netlink_batch struct netlink_batch batch = {0}, more = {0};
	struct nlmsghdr *nlh = (void *)sent;
	int left;

	(void)state;
	t = (struct taken){.batch = &batch};
	nl.seq = UINT32_MAX - 3; /* the numbers go round */
	for (int i = 0; i < 250; i++)
		put(&batch, 30, 0, i);
	put_raw(&batch, 31, NETLINK_MESSAGE_MAX - NLMSG_HDRLEN);
	for (int i = 0; i < 250; i++)
		put(&more, 32, NLM_F_ACK, i);
	netlink_append(&batch, &more);
	assert_int_equal(batch.n, 501);
	refusal(UINT32_MAX - 2 + 500, 0);
	for (int i = 0; i < 249; i++)
		refusal(UINT32_MAX - 2 + 251 + (uint32_t)i, 0);
	number(20, UINT32_MAX - 2, 10);
	number(20, UINT32_MAX - 2 + 250, 12);
	refusal(UINT32_MAX - 2 + 3, -ENOENT);
	number(20, UINT32_MAX - 3, 99);       /* of one before */
	number(20, UINT32_MAX - 2 + 501, 99); /* of none */
	script = SCRIPT(datagram());
	assert_int_equal(netlink_exchange(&nl, &batch, take, &t), 0);
	assert_int_equal(sends, 1);
	assert_true(batch.sent);
	assert_int_equal(batch.n, 0);
	assert_int_equal(t.n, 3);
	assert_int_equal(t.values[0], 10);
	assert_int_equal(t.positions[0], 0);
	assert_int_equal(t.positions[1], 250);
	assert_int_equal(t.values[2], -ENOENT);
	assert_int_equal(t.positions[2], 3);
	/* What was sent: each message as it was built, in order. */
	left = (int)sent_len;
	for (uint32_t i = 0; i < 501; i++, nlh = nlmsg_next(nlh, &left)) {
		assert_true(nlmsg_ok(nlh, left));
		assert_int_equal(nlh->nlmsg_seq, (uint32_t)(UINT32_MAX - 2 + i));
		assert_int_equal(nlh->nlmsg_type, i < 250 ? 30 : i == 250 ? 31 : 32);
		if (i == 250)
			continue;
		assert_int_equal(nlh->nlmsg_len, NLMSG_SPACE(4) + NLA_HDRLEN + 4);
		assert_int_equal(*(int *)NLMSG_DATA(nlh), i < 250 ? i : i - 251);
		assert_int_equal(nlh->nlmsg_flags, NLM_F_REQUEST | (i < 250 ? 0 : NLM_F_ACK));
	}
	assert_int_equal(left, 0);
	/* And again with the same one; nothing is sent of nothing. */
	assert_int_equal(netlink_exchange(&nl, &batch, take, &t), 0);
	assert_int_equal(sends, 1);
	assert_false(batch.sent);
	put(&batch, 30, 0, 1);
	assert_int_equal(netlink_exchange(&nl, &batch, take, &t), 0);
	assert_int_equal(sends, 2);
}

static void what_was_lost_of_a_batch_is_told_behind_what_came(void **state)
{
	struct taken t = {.n = 0};
	cleanup_netlink_batch struct netlink_batch batch = {0};
	struct datagram cut;

	(void)state;
	put(&batch, 30, 0, 1);
	script = SCRIPT(one(20, 1, 1), error(ENOBUFS), one(20, 1, 2));
	assert_int_equal(netlink_exchange(&nl, &batch, take, &t), -1);
	assert_int_equal(errno, ENOBUFS);
	assert_int_equal(t.n, 2);
	put(&batch, 30, 0, 1);
	cut = one(20, 2, 3);
	cut.size = 32769;
	script = SCRIPT(cut, one(20, 2, 4));
	assert_int_equal(netlink_exchange(&nl, &batch, take, &t), -1);
	assert_int_equal(errno, ENOBUFS);
	assert_int_equal(t.n, 3);
	/* An acknowledgement that was asked for and did not come. */
	put(&batch, 30, NLM_F_ACK, 1);
	put(&batch, 30, NLM_F_ACK, 2);
	refusal(3, 0);
	script = SCRIPT(datagram());
	assert_int_equal(netlink_exchange(&nl, &batch, take, &t), -1);
	assert_int_equal(errno, ENOBUFS);
	assert_true(batch.sent);
	/* What was not sent is known. */
	put(&batch, 30, 0, 1);
	send_error = EMSGSIZE;
	assert_int_equal(netlink_exchange(&nl, &batch, take, &t), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_false(batch.sent);
	assert_int_equal(batch.n, 0);
}

static void a_batch_without_memory_is_not_sent(void **state)
{
	struct taken t = {.n = 0};
	int failures = 0;

	(void)state;
	script = SCRIPT({0});
	for (unsigned long failing_one = 1;; failing_one++) {
		cleanup_netlink_batch struct netlink_batch batch = {0}, more = {0};

		fail_allocation(failing_one);
		put(&batch, 30, 0, 1);
		put_raw(&batch, 31, 100);
		put_raw(&batch, 31, 45000);
		put_raw(&batch, 31, 45000);
		put_raw(&more, 31, 100);
		netlink_append(&batch, &more);
		if (!allocation_failed())
			break;
		fail_allocation(0);
		put(&batch, 30, 0, 1);
		errno = 0;
		assert_int_equal(netlink_exchange(&nl, &batch, take, &t), -1);
		assert_int_equal(errno, ENOMEM);
		assert_int_equal(sends, 0);
		failures++;
	}
	assert_true(failures >= 3);
	fail_allocation(1);
	{
		struct cni_error err = {0};

		assert_null(netlink_open(NULL, NETLINK_ROUTE, &err));
		assert_int_equal(err.code, CNI_ERR_IO);
	}
	fail_allocation(0);
	netlink_close(NULL);
}

static void attributes_are_read_as_far_as_they_are_whole(void **state)
{
	const struct nlattr *a;
	struct nlattr *attrs[3];
	struct nlattr *tail;
	int left, n = 0;

	(void)state;
	number(20, 1, 5);
	words("one");
	tail = (void *)(store + used);
	words("two");
	assert_true(netlink_parse(last, 4, attrs, 2));
	assert_non_null(attrs[NLMSGERR_ATTR_MSG]);
	assert_null(attrs[2]);
	assert_false(netlink_parse(last, 1000, attrs, 2));
	netlink_for_each_attr(a, left, last, 4)
	{
		assert_int_equal(netlink_type(a), NLMSGERR_ATTR_MSG);
		n++;
	}
	assert_int_equal(n, 2);
	for (uint16_t len = 0; len < 20; len++) {
		const bool whole = len >= NLA_HDRLEN && len <= 8;

		tail->nla_len = len;
		n = 0;
		netlink_for_each_attr(a, left, last, 4)
		{
			if (++n == 3)
				break;
		}
		/* Four bytes left behind one of four may be another. */
		assert_true(n == 1 + whole || (len == 4 && n >= 2));
	}
	attrs[0] = (void *)(store + used);
	*attrs[0] = (struct nlattr){.nla_len = NLA_HDRLEN + 4};
	memcpy(attrs[0] + 1, "\1\0\2\0", 4);
	assert_int_equal(netlink_u32(attrs[0]), 0x20001);
	assert_int_equal(netlink_u16(attrs[0]), 1);
	attrs[0]->nla_len = NLA_HDRLEN + 3;
	assert_int_equal(netlink_u32(attrs[0]), 0);
	assert_int_equal(netlink_u16(attrs[0]), 1);
	attrs[0]->nla_len = NLA_HDRLEN + 1;
	assert_int_equal(netlink_u16(attrs[0]), 0);
	assert_int_equal(netlink_u32(NULL) + netlink_u16(NULL), 0);
}

static void news_come_a_part_at_a_time(void **state)
{
	static struct datagram many[1000];
	struct taken t = {.n = 0};

	(void)state;
	number(20, 0, 1);
	many[0] = datagram();
	for (size_t i = 1; i < ROWS(many); i++)
		many[i] = many[0];
	script = many;
	assert_int_equal(netlink_notifications(&nl, take, &t), 0);
	assert_int_equal(receives, 256);
	t = (struct taken){.stop_at = 3};
	assert_int_equal(netlink_notifications(&nl, take, &t), -7);
	assert_int_equal(receives, 259);
	script = SCRIPT(from(5, many[0]), error(ENOBUFS));
	t.n = 0;
	assert_int_equal(netlink_notifications(&nl, take, &t), -1);
	assert_int_equal(errno, ENOBUFS);
	assert_int_equal(t.n, 0);
}

/* Of the real kernel. */
static void a_generic_family_has_a_number_or_is_not_there(void **state)
{
	cleanup_netlink struct netlink *generic = NULL;
	struct cni_error err = {0};

	(void)state;
	scripted = false;
	generic = netlink_open(NULL, NETLINK_GENERIC, &err);
	assert_non_null(generic);
	assert_int_equal(netlink_family(generic, "nlctrl", &err), GENL_ID_CTRL);
	assert_int_equal(netlink_family(generic, "nosuch", &err), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(err.code, CNI_ERR_IO);
	assert_int_equal(netlink_family(generic, "nlctrl", &err), GENL_ID_CTRL);
	/* A socket of a protocol that is not there. */
	assert_null(netlink_open(NULL, 31, &err));
	assert_string_equal(err.msg, "cannot open a netlink socket");
}

#define test(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_reply_is_read_to_its_end_and_not_behind_it),
		test(only_the_kernel_is_believed),
		test(whoever_floods_the_socket_is_told),
		test(a_list_that_was_disturbed_is_read_again_and_not_for_ever),
		test(a_refusal_has_its_errno_and_the_kernels_words),
		test(an_errno_is_one_or_the_message_is_bad),
		test(a_reply_that_does_not_come_is_not_waited_for),
		test(what_is_cut_is_not_handed_over),
		test(fn_stops_a_reply),
		test(a_batch_goes_in_one_send_and_its_replies_have_positions),
		test(what_was_lost_of_a_batch_is_told_behind_what_came),
		test(a_batch_without_memory_is_not_sent),
		test(attributes_are_read_as_far_as_they_are_whole),
		test(news_come_a_part_at_a_time),
		test(a_generic_family_has_a_number_or_is_not_there),
	};

	return cmocka_run_group_tests(tests, use_failing_alloc, use_usual_alloc);
}
