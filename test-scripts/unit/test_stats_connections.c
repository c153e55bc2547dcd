/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which connection of the exporter's has to go when there are too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include <cmocka.h>

#include "plugins/netns-stats/connections.h"

#define MAX 6
#define PER_CLIENT 4

/* The clock is ours, by the linker: connections.c asks it. */
static int64_t now = NS_PER_S;

int64_t __wrap_monotonic_ns(void);
int64_t __wrap_monotonic_ns(void)
{
	return now++;
}

static struct connections all;
static struct connection *made[64];
static size_t n_made;

static int begin(void **unused)
{
	(void)unused;
	connections_init(&all, MAX, PER_CLIENT);
	n_made = 0;
	return 0;
}

static int end_all(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < n_made; i++)
		connections_remove(&all, made[i]);
	assert_null(all.clients);
	assert_int_equal(all.n, 0);
	return 0;
}

/* One from this address. */
static struct connection *from(const char *address)
{
	struct sockaddr_storage peer = {0};
	struct sockaddr_in6 *in6 = (void *)&peer;
	struct sockaddr_in *in = (void *)&peer;

	if (inet_pton(AF_INET, address, &in->sin_addr) == 1)
		peer.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, address, &in6->sin6_addr) == 1)
		peer.ss_family = AF_INET6;
	else
		peer.ss_family = AF_UNIX;
	made[n_made] = connections_add(&all, &peer, -1);
	assert_non_null(made[n_made]);
	return made[n_made++];
}

static bool is_there(const struct connection *c)
{
	return c->client != NULL;
}

static void addresses_of_one_network_are_one_client(void **unused)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"2001:db8::1", "2001:db8::ffff:2", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"::1", "::2", false},
		{"127.0.0.1", "::1", false},
		{"unix", "unix", true},
		{"unix", "0.0.0.0", false},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct connection *a = from(rows[i].a), *b = from(rows[i].b);

		assert_true((a->client == b->client) == rows[i].same);
		end_all(NULL);
		n_made = 0;
	}
}

static void one_more_of_a_client_ends_its_oldest_idle_one(void **unused)
{
	struct connection *other = from("192.0.2.9"), *answered = from("192.0.2.1");
	struct connection *idle = from("192.0.2.1"), *next = from("192.0.2.1");

	(void)unused;
	connections_respond(&all, answered);
	from("192.0.2.1");
	assert_true(is_there(idle));
	from("192.0.2.1");
	assert_false(is_there(idle));
	assert_true(is_there(answered) && is_there(next) && is_there(other));
	assert_int_equal(all.ended, 1);
	/* When all of them are answered, the oldest of those. */
	for (size_t i = 0; i < n_made; i++)
		if (made[i] != other && is_there(made[i]))
			connections_respond(&all, made[i]);
	assert_true(is_there(from("192.0.2.1")));
	assert_false(is_there(answered));
	assert_true(is_there(other));
}

static void one_more_of_all_ends_one_of_who_has_most(void **unused)
{
	struct connection *first = from("192.0.2.9"), *many = from("192.0.2.1");

	(void)unused;
	from("192.0.2.1");
	from("192.0.2.1");
	from("192.0.2.3");
	from("192.0.2.4");
	assert_int_equal(all.n, MAX);
	assert_true(is_there(from("192.0.2.5")));
	assert_int_equal(all.n, MAX);
	assert_true(is_there(first));
	assert_false(is_there(many));
}

static void readers_of_who_has_most_are_ended_and_nobody_elses(void **unused)
{
	struct connection *waiting = from("192.0.2.1"), *other = from("192.0.2.9");
	struct connection *slow[2] = {from("192.0.2.1"), from("192.0.2.1")};

	(void)unused;
	connections_respond(&all, other);
	connections_respond(&all, slow[0]);
	connections_respond(&all, slow[1]);
	connections_end_readers(&all);
	assert_true(is_there(waiting) && is_there(other));
	assert_false(is_there(slow[0]) || is_there(slow[1]));
}

static void each_phase_has_its_time(void **unused)
{
	struct connection *idle = from("192.0.2.1"), *answered = from("192.0.2.2");
	const int64_t start = now;

	(void)unused;
	connections_respond(&all, answered);
	assert_in_range(connections_end_overdue(&all, start), start,
			start + CONNECTION_REQUEST_LIMIT);
	assert_true(is_there(idle));
	assert_in_range(connections_end_overdue(&all, start + CONNECTION_REQUEST_LIMIT),
			start + CONNECTION_REQUEST_LIMIT, start + 2 * CONNECTION_RESPONSE_LIMIT);
	assert_false(is_there(idle));
	assert_true(is_there(answered));
	assert_true(connections_end_overdue(&all, start + CONNECTION_RESPONSE_LIMIT + 10) ==
		    INT64_MAX);
	assert_false(is_there(answered));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(addresses_of_one_network_are_one_client, begin,
						end_all),
		cmocka_unit_test_setup_teardown(one_more_of_a_client_ends_its_oldest_idle_one,
						begin, end_all),
		cmocka_unit_test_setup_teardown(one_more_of_all_ends_one_of_who_has_most, begin,
						end_all),
		cmocka_unit_test_setup_teardown(readers_of_who_has_most_are_ended_and_nobody_elses,
						begin, end_all),
		cmocka_unit_test_setup_teardown(each_phase_has_its_time, begin, end_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
