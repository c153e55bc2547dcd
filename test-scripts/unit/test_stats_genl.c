/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What netns-stats makes of replies over generic netlink, whoever sends them. */
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
#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <linux/tcp_metrics.h>
#include <netlink/genl/genl.h>

#include "netlink.h"
#include "plugins/netns-stats/detail.h"

/* <linux/netdev.h> is newer than the headers of Debian 12. */
#define QUEUE_GET 10
#define NAPI_GET 11
#define QSTATS_GET 12

/*
 * A kernel that replies as it is told, and others that send, too. A request gets the messages of
 * its family and command that it was not sent yet, up to the one that ends a reply; where there are
 * none the kernel refuses it.
 */

enum family {
	ETHTOOL = 20,
	NETDEV,
	METRICS,
};

enum event_kind {
	VALID,
	END, /* of a list, or an acknowledgement */
	FAILURE,
	DISTURBED_END,
};

struct event {
	enum family family;
	int command;
	enum event_kind kind;
	uint32_t sender; /* 0: the kernel */
	const char *attributes;
	size_t len;
	bool sent;
};

static struct event events[64];
static size_t n_events;

/* The attributes of all events; those of the next one are from @begun on. */
static _Alignas(8) char buf[8192];
static size_t used, begun;

static struct {
	struct nlmsghdr head;
	struct genlmsghdr genl;
} asked;
static bool has_families, acknowledge;
static char asked_family[GENL_NAMSIZ];
static unsigned int requests, family_requests;
static int asked_links[32]; /* the interface index in each request */

static struct nlattr *attribute(int type, const void *data, size_t len)
{
	struct nlattr *a = (void *)(buf + used);

	assert_true(used + NLA_ALIGN(NLA_HDRLEN + len) <= sizeof(buf));
	memset(a, 0, NLA_ALIGN(NLA_HDRLEN + len));
	a->nla_type = (uint16_t)type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + len);
	memcpy((char *)a + NLA_HDRLEN, data, len);
	used += NLA_ALIGN(a->nla_len);
	return a;
}

static void u32(int type, uint32_t value)
{
	attribute(type, &value, sizeof(value));
}

static void u64(int type, uint64_t value)
{
	attribute(type, &value, sizeof(value));
}

static struct nlattr *open_nest(int type)
{
	return attribute(type | NLA_F_NESTED, "", 0);
}

static void close_nest(struct nlattr *nest)
{
	nest->nla_len = (uint16_t)(buf + used - (char *)nest);
}

/* A message of the reply to @command; one that is VALID has the attributes since the last one. */
static void event(enum family family, int command, enum event_kind kind, uint32_t sender)
{
	assert_true(n_events < sizeof(events) / sizeof(*events));
	events[n_events++] = (struct event){.family = family,
					    .command = command,
					    .kind = kind,
					    .sender = sender,
					    .attributes = buf + begun,
					    .len = used - begun};
	begun = used;
}

/* A whole reply of one message. */
static void reply(enum family family, int command)
{
	event(family, command, VALID, 0);
	event(family, command, END, 0);
}

static void queue(enum event_kind kind, uint32_t sender, uint32_t id)
{
	if (kind == VALID)
		u32(1, id);
	event(NETDEV, QUEUE_GET, kind, sender);
}

/* The interface that a request is about: in a header of ethtool's, an attribute of netdev's. */
static int asked_link(struct nlmsghdr *nlh)
{
	const bool second = (nlh->nlmsg_type == NETDEV && asked.genl.cmd == QUEUE_GET) ||
			    (nlh->nlmsg_type == ETHTOOL && asked.genl.cmd == ETHTOOL_MSG_STATS_GET);
	struct nlattr *a;

	if (nlh->nlmsg_type == METRICS)
		return 0;
	a = nlmsg_find_attr(nlh, GENL_HDRLEN, second ? 2 : 1);
	assert_non_null(a);
	if (nlh->nlmsg_type == ETHTOOL)
		a = nla_find(nla_data(a), nla_len(a), ETHTOOL_A_HEADER_DEV_INDEX);
	assert_non_null(a);
	return (int)nla_get_u32(a);
}

ssize_t __wrap_sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
		      socklen_t to_len);
ssize_t __wrap_sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
		      socklen_t to_len)
{
	struct nlmsghdr *nlh = (void *)(uintptr_t)data;

	(void)fd, (void)flags, (void)to, (void)to_len;
	assert_true(len >= sizeof(asked));
	memcpy(&asked, data, sizeof(asked));
	acknowledge = false;
	if (nlh->nlmsg_type == GENL_ID_CTRL) {
		family_requests++;
		nla_strlcpy(asked_family, nlmsg_find_attr(nlh, GENL_HDRLEN, CTRL_ATTR_FAMILY_NAME),
			    sizeof(asked_family));
	} else {
		assert_true(requests < sizeof(asked_links) / sizeof(*asked_links));
		asked_links[requests++] = asked_link(nlh);
	}
	return (ssize_t)len;
}

static void put_error(struct nl_msg *msg, int error)
{
	const struct nlmsgerr failure = {.error = error};

	nlmsg_put(msg, 0, asked.head.nlmsg_seq, NLMSG_ERROR, 0, 0);
	nlmsg_append(msg, (void *)(uintptr_t)&failure, sizeof(failure), NLMSG_ALIGNTO);
}

static void put_end(struct nl_msg *msg, bool disturbed)
{
	if (!(asked.head.nlmsg_flags & NLM_F_DUMP)) {
		put_error(msg, 0);
		return;
	}
	nlmsg_put(msg, 0, asked.head.nlmsg_seq, NLMSG_DONE, 4, disturbed ? NLM_F_DUMP_INTR : 0);
	memset(nlmsg_data(nlmsg_hdr(msg)), 0, 4);
}

static void put_family(struct nl_msg *msg)
{
	static const struct {
		const char *name;
		enum family id;
	} families[] = {
		{ETHTOOL_GENL_NAME, ETHTOOL}, {"netdev", NETDEV}, {TCP_METRICS_GENL_NAME, METRICS}};

	if (acknowledge || !has_families) {
		put_error(msg, acknowledge ? 0 : -ENOENT);
		return;
	}
	genlmsg_put(msg, 0, asked.head.nlmsg_seq, GENL_ID_CTRL, 0, 0, CTRL_CMD_NEWFAMILY, 1);
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (strcmp(families[i].name, asked_family) == 0)
			nla_put_u16(msg, CTRL_ATTR_FAMILY_ID, (uint16_t)families[i].id);
	acknowledge = true;
}

/* Return: the sender. */
static uint32_t put_next(struct nl_msg *msg)
{
	struct event *e = events;

	while (e < events + n_events &&
	       (e->sent || e->family != asked.head.nlmsg_type || e->command != asked.genl.cmd))
		e++;
	if (e == events + n_events) {
		put_error(msg, -EOPNOTSUPP);
		return 0;
	}
	e->sent = true;
	if (e->kind == VALID) {
		genlmsg_put(msg, 0, asked.head.nlmsg_seq, (int)e->family, 0, 0, 1, 1);
		nlmsg_append(msg, (void *)(uintptr_t)e->attributes, e->len, NLMSG_ALIGNTO);
	} else if (e->kind == FAILURE) {
		put_error(msg, -EOPNOTSUPP);
	} else {
		put_end(msg, e->kind == DISTURBED_END);
	}
	return e->sender;
}

ssize_t __wrap_recvfrom(int fd, void *to, size_t size, int flags, struct sockaddr *from,
			socklen_t *from_len);
ssize_t __wrap_recvfrom(int fd, void *to, size_t size, int flags, struct sockaddr *from,
			socklen_t *from_len)
{
	cleanup_nl_msg struct nl_msg *msg = nlmsg_alloc();
	size_t len;

	(void)fd, (void)flags, (void)from_len;
	if (asked.head.nlmsg_type == GENL_ID_CTRL)
		put_family(msg);
	else
		((struct sockaddr_nl *)(void *)from)->nl_pid = put_next(msg);
	len = nlmsg_hdr(msg)->nlmsg_len;
	assert_true(len <= size);
	memcpy(to, nlmsg_hdr(msg), len);
	return (ssize_t)len;
}

/* What is written of @links with the replies that were prepared, which begin anew. */
static const char *details_of(struct link *links, size_t n)
{
	static char text[2048];
	const struct sample s = {.links = links, .n_links = n};
	cleanup_text struct text out = {0};
	struct json_write w = {.out = &out};

	requests = family_requests = 0;
	detail_genl(&s, &w);
	for (size_t i = 0; i < n_events; i++)
		assert_true(events[i].sent); /* an event that nobody asked for is a mistake here */
	snprintf(text, sizeof(text), "%s", out.data ?: "");
	n_events = used = begun = 0;
	return text;
}

/* Of one link, eth0; without what is around the link's own members. */
static const char *details(void)
{
	static char text[2048];
	struct link links[] = {{.index = 3, .name = "eth0"}};
	const char *all = details_of(links, 1);
	const char *begin = strstr(all, "\"eth0\":{");
	const char *end = strstr(all, "}},\"tcp_metrics\":[]");

	if (begin == NULL)
		return "";
	assert_non_null(end);
	begin += strlen("\"eth0\":{");
	snprintf(text, sizeof(text), "%.*s", (int)(end - begin), begin);
	return text;
}

static int fresh(void **unused)
{
	(void)unused;
	n_events = used = begun = 0;
	has_families = true;
	return 0;
}

static void a_number_is_as_long_as_its_attribute(void **unused)
{
	static const unsigned char bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	static const uint64_t numbers[] = {
		0,
		1,
		0x201,
		0x201,
		0x4030201,
		0x4030201,
		0x4030201,
		0x4030201,
		0x807060504030201,
		0x807060504030201,
	};

	(void)unused;
	for (size_t len = 0; len < sizeof(numbers) / sizeof(*numbers); len++) {
		char expected[64];

		attribute(1, bytes, len);
		attribute(99, "\xff\xff\xff\xff\xff\xff\xff\xff", 8); /* what is behind it */
		reply(NETDEV, QUEUE_GET);
		snprintf(expected, sizeof(expected), "\"queues\":[{\"id\":%llu}]",
			 (unsigned long long)numbers[len]);
		assert_string_equal(details(), expected);
	}
}

static void values_have_their_form(void **unused)
{
	static const struct {
		enum family family;
		int command, type;
		uint64_t value;
		const char *text;
	} rows[] = {
		{NETDEV, QUEUE_GET, 1, UINT64_MAX, "\"queues\":[{\"id\":18446744073709551615}]"},
		{NETDEV, QUEUE_GET, 1, 0, "\"queues\":[{\"id\":0}]"},
		{ETHTOOL, ETHTOOL_MSG_LINKSTATE_GET, ETHTOOL_A_LINKSTATE_LINK, 0, "\"link\":false"},
		{ETHTOOL, ETHTOOL_MSG_LINKSTATE_GET, ETHTOOL_A_LINKSTATE_LINK, 1, "\"link\":true"},
		{NETDEV, QUEUE_GET, 3, 0, "\"queues\":[{\"type\":\"rx\"}]"},
		{NETDEV, QUEUE_GET, 3, 1, "\"queues\":[{\"type\":\"tx\"}]"},
		{ETHTOOL, ETHTOOL_MSG_LINKMODES_GET, ETHTOOL_A_LINKMODES_DUPLEX, DUPLEX_HALF,
		 "\"duplex\":\"half\""},
		{ETHTOOL, ETHTOOL_MSG_LINKMODES_GET, ETHTOOL_A_LINKMODES_DUPLEX, DUPLEX_FULL,
		 "\"duplex\":\"full\""},
		{ETHTOOL, ETHTOOL_MSG_LINKMODES_GET, ETHTOOL_A_LINKMODES_DUPLEX, DUPLEX_UNKNOWN,
		 ""},
		{ETHTOOL, ETHTOOL_MSG_LINKMODES_GET, ETHTOOL_A_LINKMODES_DUPLEX, 2, ""},
		{ETHTOOL, ETHTOOL_MSG_LINKMODES_GET, ETHTOOL_A_LINKMODES_SPEED, 0, ""},
		{ETHTOOL, ETHTOOL_MSG_LINKMODES_GET, ETHTOOL_A_LINKMODES_SPEED,
		 (uint32_t)SPEED_UNKNOWN, ""},
		{ETHTOOL, ETHTOOL_MSG_LINKMODES_GET, ETHTOOL_A_LINKMODES_SPEED, 10000,
		 "\"speed\":10000"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		u64(rows[i].type, rows[i].value);
		reply(rows[i].family, rows[i].command);
		assert_string_equal(details(), rows[i].text);
	}
}

static void members_that_are_known_are_an_object(void **unused)
{
	(void)unused;
	u32(1, 7);
	u32(99, 1);
	u32(3, 1);
	event(NETDEV, QUEUE_GET, VALID, 0);
	event(NETDEV, QUEUE_GET, VALID, 0); /* nothing in it */
	u32(4, 5);
	reply(NETDEV, QUEUE_GET);
	assert_string_equal(details(),
			    "\"queues\":[{\"id\":7,\"type\":\"tx\"},{},{\"napi_id\":5}]");
}

static void statistics(uint32_t id, int n, ...)
{
	struct nlattr *group = open_nest(ETHTOOL_A_STATS_GRP), *stat;
	va_list types;

	u32(ETHTOOL_A_STATS_GRP_ID, id);
	va_start(types, n);
	for (int i = 0; i < n; i++) {
		stat = open_nest(ETHTOOL_A_STATS_GRP_STAT);
		u64(va_arg(types, int), (uint64_t)i + 10);
		close_nest(stat);
	}
	va_end(types);
	close_nest(group);
}

static void groups_of_statistics_have_the_names_of_their_counters(void **unused)
{
	struct nlattr *group, *stat;

	(void)unused;
	statistics(ETHTOOL_STATS_ETH_MAC, 2, 0, 21);
	statistics(ETHTOOL_STATS_ETH_PHY, 0);     /* nothing in it */
	statistics(ETHTOOL_STATS_ETH_PHY, 1, 1);  /* one more than there are names */
	statistics(ETHTOOL_STATS_RMON + 1, 1, 0); /* a group of a later kernel */
	statistics(ETHTOOL_STATS_RMON, 1, 3);
	u32(99, 1);
	reply(ETHTOOL, ETHTOOL_MSG_STATS_GET);
	assert_string_equal(details(),
			    "\"eth-mac\":{\"FramesTransmittedOK\":10,\"FrameTooLongErrors\":11},"
			    "\"rmon\":{\"etherStatsJabbers\":10}");
	/* Counters before the group's name, and a second name. */
	group = open_nest(ETHTOOL_A_STATS_GRP);
	stat = open_nest(ETHTOOL_A_STATS_GRP_STAT);
	u64(0, 1);
	close_nest(stat);
	u32(ETHTOOL_A_STATS_GRP_ID, ETHTOOL_STATS_ETH_CTRL);
	u32(ETHTOOL_A_STATS_GRP_ID, ETHTOOL_STATS_ETH_MAC);
	stat = open_nest(ETHTOOL_A_STATS_GRP_STAT);
	u64(2, 5);
	close_nest(stat);
	close_nest(group);
	reply(ETHTOOL, ETHTOOL_MSG_STATS_GET);
	assert_string_equal(details(), "\"eth-ctrl\":{\"UnsupportedOpcodesReceived\":5}");
}

static void tcp_metrics_are_in_the_units_of_their_names(void **unused)
{
	struct nlattr *values;

	(void)unused;
	attribute(TCP_METRICS_ATTR_ADDR_IPV4, "\xc0\0\2\1", 4);
	attribute(TCP_METRICS_ATTR_SADDR_IPV4, "\xc0\0\2\2", 4);
	u64(TCP_METRICS_ATTR_AGE, 77);
	values = open_nest(TCP_METRICS_ATTR_VALS);
	u32(TCP_METRIC_RTT_US + 1, 8000);
	u32(TCP_METRIC_RTTVAR_US + 1, 8000);
	u32(TCP_METRIC_SSTHRESH + 1, 3);
	u32(TCP_METRIC_CWND + 1, 4);
	u32(TCP_METRIC_REORDERING + 1, 5);
	u32(TCP_METRIC_RTT + 1, 6);
	close_nest(values);
	event(METRICS, TCP_METRICS_CMD_GET, VALID, 0);
	attribute(TCP_METRICS_ATTR_ADDR_IPV6, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	attribute(TCP_METRICS_ATTR_SADDR_IPV6, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
	attribute(TCP_METRICS_ATTR_SADDR_IPV4, "\1\2\3", 3);
	u32(TCP_METRICS_ATTR_FOPEN_MSS, 1);
	u32(TCP_METRICS_ATTR_FOPEN_SYN_DROPS, 2);
	reply(METRICS, TCP_METRICS_CMD_GET);
	assert_string_equal(
		details_of(NULL, 0),
		"\"tcp_metrics\":[{\"destination\":\"192.0.2.1\",\"source\":\"192.0.2.2\","
		"\"age_ms\":77,\"rtt_us\":1000,\"rttvar_us\":2000,"
		"\"ssthresh\":3,\"cwnd\":4,\"reordering\":5},"
		"{\"destination\":\"fd00::1\",\"fopen_mss\":1,\"fopen_syn_drops\":2}]");
}

static void only_the_kernel_is_believed_and_ends_an_answer(void **unused)
{
	(void)unused;
	queue(VALID, 0, 1);
	queue(VALID, 42, 666);
	queue(END, 42, 0);
	queue(FAILURE, 42, 0);
	queue(VALID, 0, 2);
	queue(END, 0, 0);
	event(ETHTOOL, ETHTOOL_MSG_LINKSTATE_GET, END, 42);
	u32(ETHTOOL_A_LINKSTATE_LINK, 1);
	reply(ETHTOOL, ETHTOOL_MSG_LINKSTATE_GET);
	assert_string_equal(details(), "\"link\":true}},\"netdev\":{\"eth0\":{"
				       "\"queues\":[{\"id\":1},{\"id\":2}]");
	queue(FAILURE, 0, 0);
	event(ETHTOOL, ETHTOOL_MSG_LINKSTATE_GET, END, 0);
	assert_string_equal(details(), "");
	assert_int_equal(requests, 7);
}

static void a_list_that_was_disturbed_is_said_once(void **unused)
{
	(void)unused;
	queue(VALID, 0, 1);
	queue(DISTURBED_END, 0, 0);
	queue(VALID, 0, 1);
	queue(VALID, 0, 2);
	queue(END, 0, 0);
	assert_string_equal(details(), "\"queues\":[{\"id\":1},{\"id\":2}]");
	assert_int_equal(requests, 8);
}

static void links_with_nothing_to_say_are_left_out(void **unused)
{
	struct link links[] = {
		{.index = 1, .name = "lo", .flags = IFF_LOOPBACK},
		{.index = 2, .name = "dumb"},
		{.index = 3, .name = "a\"b"},
		{.index = 4, .name = "c"},
	};

	(void)unused;
	queue(FAILURE, 0, 0);
	for (uint32_t id = 3; id <= 4; id++) {
		queue(VALID, 0, id);
		queue(END, 0, 0);
	}
	assert_string_equal(details_of(links, 4),
			    "\"netdev\":{\"a\\\"b\":{\"queues\":[{\"id\":3}]},"
			    "\"c\":{\"queues\":[{\"id\":4}]}},\"tcp_metrics\":[]");
	/* Three of each family about each link but lo, and the list that is about none. */
	assert_int_equal(requests, 19);
	for (size_t i = 0; i < 18; i++)
		assert_int_equal(asked_links[i], 2 + i % 9 / 3);
	assert_string_equal(details_of(links, 2), "\"tcp_metrics\":[]");
	has_families = false;
	assert_string_equal(details_of(links, 4), "");
	assert_int_equal(family_requests, 3);
	assert_int_equal(requests, 0);
}

static void lists_are_asked_of_one_link_and_are_left_out_where_empty(void **unused)
{
	(void)unused;
	queue(VALID, 0, 5);
	queue(VALID, 0, 6);
	queue(END, 0, 0);
	event(NETDEV, NAPI_GET, END, 0);
	event(NETDEV, QSTATS_GET, FAILURE, 0);
	assert_string_equal(details(), "\"queues\":[{\"id\":5},{\"id\":6}]");
	assert_int_equal(requests, 7);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(asked_links[i], 3);
	u32(2, 8);
	reply(NETDEV, NAPI_GET);
	u32(8, 9);
	reply(NETDEV, QSTATS_GET);
	assert_string_equal(details(), "\"napi\":[{\"id\":8}],\"stats\":[{\"rx_packets\":9}]");
}

static void a_link_is_asked_for_its_state_modes_and_statistics(void **unused)
{
	(void)unused;
	/* The first attribute of each reply is 1, which is a header there: nothing is said. */
	for (int command = ETHTOOL_MSG_LINKSTATE_GET; command != 0;
	     command = command == ETHTOOL_MSG_LINKSTATE_GET ? ETHTOOL_MSG_LINKMODES_GET : 0) {
		u32(1, 5);
		reply(ETHTOOL, command);
	}
	event(ETHTOOL, ETHTOOL_MSG_STATS_GET, FAILURE, 0);
	assert_string_equal(details(), "");
	assert_int_equal(requests, 7);
	u32(ETHTOOL_A_LINKSTATE_SQI, 3);
	reply(ETHTOOL, ETHTOOL_MSG_LINKSTATE_GET);
	u32(ETHTOOL_A_LINKMODES_LANES, 4);
	reply(ETHTOOL, ETHTOOL_MSG_LINKMODES_GET);
	statistics(ETHTOOL_STATS_RMON, 1, 0);
	reply(ETHTOOL, ETHTOOL_MSG_STATS_GET);
	assert_string_equal(details(), "\"sqi\":3,\"lanes\":4,"
				       "\"rmon\":{\"etherStatsUndersizePkts\":10}");
}

#define test(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_number_is_as_long_as_its_attribute),
		test(values_have_their_form),
		test(members_that_are_known_are_an_object),
		test(groups_of_statistics_have_the_names_of_their_counters),
		test(tcp_metrics_are_in_the_units_of_their_names),
		test(only_the_kernel_is_believed_and_ends_an_answer),
		test(a_list_that_was_disturbed_is_said_once),
		test(links_with_nothing_to_say_are_left_out),
		test(lists_are_asked_of_one_link_and_are_left_out_where_empty),
		test(a_link_is_asked_for_its_state_modes_and_statistics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
