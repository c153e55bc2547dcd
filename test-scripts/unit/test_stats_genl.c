/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What netns-stats makes of answers over generic netlink, whoever sends them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "../../plugins/netns-stats/detail_genl.c"

/* A tree of attributes. */
static _Alignas(8) char buf[4096];
static size_t used;

static struct nlattr *attribute(int type, const void *data, size_t len)
{
	struct nlattr *a = (void *)(buf + used);

	memset(a, 0, NLA_ALIGN(NLA_HDRLEN + len));
	a->nla_type = (uint16_t)type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + len);
	memcpy((char *)a + NLA_HDRLEN, data, len);
	used += NLA_ALIGN(a->nla_len);
	return a;
}

static struct nlattr *u32(int type, uint32_t value)
{
	return attribute(type, &value, sizeof(value));
}

static struct nlattr *u64(int type, uint64_t value)
{
	return attribute(type, &value, sizeof(value));
}

static struct nlattr *open_nest(int type)
{
	return attribute(type | NLA_F_NESTED, "", 0);
}

static void close_nest(struct nlattr *nest)
{
	nest->nla_len = (uint16_t)(buf + used - (char *)nest);
}

static const struct nlattr *all(void)
{
	return (const void *)buf;
}

/* What was written, which begins anew, as the attributes do. */
static const char *taken(struct json_write *w)
{
	static char text[2048];

	snprintf(text, sizeof(text), "%s", w->out->data ?: "");
	text_reset(w->out);
	w->comma = false;
	used = 0;
	return text;
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
		memset(buf, 0xff, sizeof(buf)); /* what is behind it is not its own */
		assert_true(number_of(attribute(1, bytes, len)) == numbers[len]);
		used = 0;
	}
}

static void values_have_their_form(void **unused)
{
	static const struct {
		enum form form;
		uint64_t value;
		const char *text;
	} rows[] = {
		{NUMBER, UINT64_MAX, "\"n\":18446744073709551615"},
		{NUMBER, 0, "\"n\":0"},
		{BOOLEAN, 0, "\"n\":false"},
		{BOOLEAN, 1, "\"n\":true"},
		{DIRECTION, 0, "\"n\":\"rx\""},
		{DIRECTION, 1, "\"n\":\"tx\""},
		{DUPLEX, DUPLEX_HALF, "\"n\":\"half\""},
		{DUPLEX, DUPLEX_FULL, "\"n\":\"full\""},
		{DUPLEX, DUPLEX_UNKNOWN, ""},
		{DUPLEX, 2, ""},
		{SPEED, 0, ""},
		{SPEED, (uint32_t)SPEED_UNKNOWN, ""},
		{SPEED, 10000, "\"n\":10000"},
	};
	cleanup_text struct text out = {0};
	struct json_write w = {.out = &out};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		add_value(&w, "n", rows[i].form, rows[i].value);
		assert_string_equal(taken(&w), rows[i].text);
	}
}

static void members_that_are_known_are_an_object(void **unused)
{
	cleanup_text struct text out = {0};
	struct json_write w = {.out = &out};
	struct question q = {.w = &w, .members = queue_members};

	(void)unused;
	u32(1, 7);
	u32(99, 1);
	u32(3, 1);
	object_answer(&q, all(), (int)used);
	assert_string_equal(taken(&w), "{\"id\":7,\"type\":\"tx\"}");
	object_answer(&q, all(), 0);
	assert_string_equal(taken(&w), "{}");
	u32(4, 5);
	members_answer(&q, all(), (int)used);
	assert_string_equal(taken(&w), "\"napi_id\":5");
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
	cleanup_text struct text out = {0};
	struct json_write w = {.out = &out};
	struct question q = {.w = &w};
	struct nlattr *group;

	(void)unused;
	statistics(ETHTOOL_STATS_ETH_MAC, 2, 0, 21);
	statistics(ETHTOOL_STATS_ETH_PHY, 0);    /* nothing in it */
	statistics(ETHTOOL_STATS_ETH_PHY, 1, 1); /* one more than there are names */
	statistics(N_GROUPS, 1, 0);              /* a group of a later kernel */
	statistics(ETHTOOL_STATS_RMON, 1, 3);
	u32(99, 1);
	stats_answer(&q, all(), (int)used);
	assert_string_equal(taken(&w),
			    "\"eth-mac\":{\"FramesTransmittedOK\":10,\"FrameTooLongErrors\":11},"
			    "\"rmon\":{\"etherStatsJabbers\":10}");
	/* Counters before the group's name, and a second name. */
	group = open_nest(ETHTOOL_A_STATS_GRP);
	{
		struct nlattr *stat = open_nest(ETHTOOL_A_STATS_GRP_STAT);

		u64(0, 1);
		close_nest(stat);
		u32(ETHTOOL_A_STATS_GRP_ID, ETHTOOL_STATS_ETH_CTRL);
		u32(ETHTOOL_A_STATS_GRP_ID, ETHTOOL_STATS_ETH_MAC);
		stat = open_nest(ETHTOOL_A_STATS_GRP_STAT);
		u64(2, 5);
		close_nest(stat);
	}
	close_nest(group);
	stats_answer(&q, all(), (int)used);
	assert_string_equal(taken(&w), "\"eth-ctrl\":{\"UnsupportedOpcodesReceived\":5}");
}

static void tcp_metrics_are_in_the_units_of_their_names(void **unused)
{
	cleanup_text struct text out = {0};
	struct json_write w = {.out = &out};
	struct question q = {.w = &w};
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
	metrics_answer(&q, all(), (int)used);
	assert_string_equal(taken(&w), "{\"destination\":\"192.0.2.1\",\"source\":\"192.0.2.2\","
				       "\"age_ms\":77,\"rtt_us\":1000,\"rttvar_us\":2000,"
				       "\"ssthresh\":3,\"cwnd\":4,\"reordering\":5}");
	attribute(TCP_METRICS_ATTR_ADDR_IPV6, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	attribute(TCP_METRICS_ATTR_SADDR_IPV6, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
	attribute(TCP_METRICS_ATTR_SADDR_IPV4, "\1\2\3", 3);
	u32(TCP_METRICS_ATTR_FOPEN_MSS, 1);
	u32(TCP_METRICS_ATTR_FOPEN_SYN_DROPS, 2);
	metrics_answer(&q, all(), (int)used);
	assert_string_equal(taken(&w),
			    "{\"destination\":\"fd00::1\",\"fopen_mss\":1,\"fopen_syn_drops\":2}");
}

/* A kernel that replies as it is told, and others that send, too. */

enum event_kind {
	VALID,
	END, /* of a list, or an acknowledgement */
	FAILURE,
	DISTURBED_END,
};

struct event {
	enum event_kind kind;
	uint32_t sender; /* 0: the kernel */
	uint32_t value;
};

static const struct event *events;
static struct {
	struct nlmsghdr head;
	struct genlmsghdr genl;
} asked;
static unsigned int sent, families_asked;
static int family;
static struct netlink socket_of_nobody = {.fd = -1, .explains = true};

ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
	       socklen_t to_len)
{
	(void)fd, (void)flags, (void)to, (void)to_len;
	assert_true(len >= sizeof(asked));
	memcpy(&asked, data, sizeof(asked));
	if (asked.head.nlmsg_type == GENL_ID_CTRL)
		families_asked++;
	else
		sent++;
	return (ssize_t)len;
}

static void put_failure(struct nl_msg *msg, int error)
{
	const struct nlmsgerr failure = {.error = error};

	nlmsg_put(msg, 0, asked.head.nlmsg_seq, NLMSG_ERROR, 0, 0);
	nlmsg_append(msg, (void *)(uintptr_t)&failure, sizeof(failure), NLMSG_ALIGNTO);
}

static void put_valid(struct nl_msg *msg, int type, uint8_t command)
{
	genlmsg_put(msg, 0, asked.head.nlmsg_seq, type, 0, 0, command, 1);
}

static uint32_t make_reply(struct nl_msg *msg)
{
	if (asked.head.nlmsg_type == GENL_ID_CTRL && family < 0) {
		put_failure(msg, -ENOENT);
	} else if (asked.head.nlmsg_type == GENL_ID_CTRL) {
		put_valid(msg, GENL_ID_CTRL, CTRL_CMD_NEWFAMILY);
		nla_put_u16(msg, CTRL_ATTR_FAMILY_ID, (uint16_t)family);
		asked.head.nlmsg_type = 0; /* its acknowledgement is next */
	} else if (asked.head.nlmsg_type == 0) {
		put_failure(msg, 0);
	} else {
		const struct event e = *events++;

		assert_true(e.value != UINT32_MAX); /* the script's end, and nobody has stopped */
		if (e.kind == VALID) {
			put_valid(msg, 7, 1);
			nla_put_u32(msg, 1, e.value);
		} else if (e.kind == FAILURE) {
			put_failure(msg, -EOPNOTSUPP);
		} else if (e.value % 2 == 0) {
			nlmsg_put(msg, 0, asked.head.nlmsg_seq, NLMSG_DONE, 4,
				  e.kind == END ? 0 : NLM_F_DUMP_INTR);
			memset(nlmsg_data(nlmsg_hdr(msg)), 0, 4);
		} else {
			put_failure(msg, 0);
		}
		return e.sender;
	}
	return 0;
}

ssize_t recvfrom(int fd, void *to, size_t size, int flags, struct sockaddr *from,
		 socklen_t *from_len)
{
	cleanup_nl_msg struct nl_msg *msg = nlmsg_alloc();
	const uint32_t sender = make_reply(msg);
	const size_t len = nlmsg_hdr(msg)->nlmsg_len;

	(void)fd, (void)flags, (void)from_len;
	assert_true(len <= size);
	memcpy(to, nlmsg_hdr(msg), len);
	((struct sockaddr_nl *)(void *)from)->nl_pid = sender;
	return (ssize_t)len;
}

#define SCRIPT(...)                          \
	(const struct event[])               \
	{                                    \
		__VA_ARGS__,                 \
		{                            \
			VALID, 0, UINT32_MAX \
		}                            \
	}

static int scripted(void **unused)
{
	(void)unused;
	sent = families_asked = 0;
	return 0;
}

static void only_the_kernel_is_believed_and_ends_an_answer(void **unused)
{
	cleanup_text struct text out = {0};
	struct json_write w = {.out = &out};
	struct question q = {.nl = &socket_of_nobody,
			     .w = &w,
			     .answer = object_answer,
			     .members = queue_members};

	(void)unused;
	events = SCRIPT({VALID, 0, 1}, {VALID, 42, 666}, {END, 42, 0}, {END, 42, 1},
			{FAILURE, 42, 0}, {VALID, 0, 2}, {END, 0, 0});
	genl_ask(&q, message(7, 1, true));
	assert_string_equal(taken(&w), "{\"id\":1},{\"id\":2}");
	assert_int_equal(events->value, UINT32_MAX);
	events = SCRIPT({FAILURE, 0, 0});
	genl_ask(&q, message(7, 1, true));
	events = SCRIPT({END, 0, 1});
	genl_ask(&q, message(7, 1, true));
	assert_string_equal(taken(&w), "");
	assert_int_equal(sent, 3);
}

static void a_list_that_was_disturbed_is_said_once(void **unused)
{
	cleanup_text struct text out = {0};
	struct json_write w = {.out = &out};
	struct question q = {.nl = &socket_of_nobody,
			     .w = &w,
			     .answer = object_answer,
			     .members = queue_members};

	(void)unused;
	json_write_array(&w, "list");
	events = SCRIPT({VALID, 0, 1}, {DISTURBED_END, 0, 0}, {VALID, 0, 1}, {VALID, 0, 2},
			{END, 0, 0});
	genl_ask(&q, message(7, 1, true));
	assert_string_equal(taken(&w), "\"list\":[{\"id\":1},{\"id\":2}");
	assert_int_equal(sent, 2);
}

/* What is asked of a link is up to the test: nothing of the second. */
static void ask_nothing_of_2(struct question *q, int fam, int ifindex)
{
	assert_int_equal(fam, family);
	if (ifindex != 2)
		json_write_u64(q->w, "index", (unsigned int)ifindex);
}

static void links_with_nothing_to_say_are_left_out(void **unused)
{
	struct link links[] = {
		{.index = 1, .name = "lo", .flags = IFF_LOOPBACK},
		{.index = 2, .name = "dumb"},
		{.index = 3, .name = "a\"b"},
		{.index = 4, .name = "c"},
	};
	struct sample s = {.links = links, .n_links = 4};
	cleanup_text struct text out = {0};
	struct json_write w = {.out = &out};
	struct question q = {.nl = &socket_of_nobody, .w = &w};

	(void)unused;
	family = 20;
	add_by_link(&q, &s, "fam", ask_nothing_of_2);
	assert_string_equal(taken(&w), "\"fam\":{\"a\\\"b\":{\"index\":3},\"c\":{\"index\":4}}");
	s.n_links = 2;
	text_add(&out, "before");
	add_by_link(&q, &s, "fam", ask_nothing_of_2);
	assert_int_equal(out.len, strlen("before"));
	family = -1;
	s.n_links = 4;
	add_by_link(&q, &s, "fam", ask_nothing_of_2);
	assert_int_equal(out.len, strlen("before"));
	assert_int_equal(families_asked, 3);
}

static void lists_are_asked_of_one_link_and_are_left_out_where_empty(void **unused)
{
	cleanup_text struct text out = {0};
	struct json_write w = {.out = &out};
	struct question q = {.nl = &socket_of_nobody, .w = &w};

	(void)unused;
	events = SCRIPT({VALID, 0, 5}, {VALID, 0, 6}, {END, 0, 0}, {END, 0, 0}, {FAILURE, 0, 0});
	ask_netdev(&q, 20, 3);
	assert_string_equal(taken(&w), "\"queues\":[{\"id\":5},{\"id\":6}]");
	assert_int_equal(sent, 3);
	family = 9;
	events = SCRIPT({VALID, 0, 5}, {END, 0, 0});
	add_tcp_metrics(&q);
	assert_memory_equal(out.data, "\"tcp_metrics\":[{", 16);
	assert_string_equal(out.data + out.len - 2, "}]");
	taken(&w);
	family = -1;
	add_tcp_metrics(&q);
	assert_int_equal(out.len, 0);
}

static void a_link_is_asked_for_its_state_modes_and_statistics(void **unused)
{
	cleanup_text struct text out = {0};
	struct json_write w = {.out = &out};
	struct question q = {.nl = &socket_of_nobody, .w = &w};

	(void)unused;
	/* The first attribute of each answer is 1, which is a header there: nothing is said. */
	events = SCRIPT({VALID, 0, 5}, {END, 0, 1}, {VALID, 0, 5}, {END, 0, 1}, {FAILURE, 0, 0});
	ask_ethtool(&q, 20, 3);
	assert_string_equal(taken(&w), "");
	assert_int_equal(sent, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_is_as_long_as_its_attribute),
		cmocka_unit_test(values_have_their_form),
		cmocka_unit_test(members_that_are_known_are_an_object),
		cmocka_unit_test(groups_of_statistics_have_the_names_of_their_counters),
		cmocka_unit_test(tcp_metrics_are_in_the_units_of_their_names),
		cmocka_unit_test_setup(only_the_kernel_is_believed_and_ends_an_answer, scripted),
		cmocka_unit_test_setup(a_list_that_was_disturbed_is_said_once, scripted),
		cmocka_unit_test_setup(links_with_nothing_to_say_are_left_out, scripted),
		cmocka_unit_test_setup(lists_are_asked_of_one_link_and_are_left_out_where_empty,
				       scripted),
		cmocka_unit_test_setup(a_link_is_asked_for_its_state_modes_and_statistics,
				       scripted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
