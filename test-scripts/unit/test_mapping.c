/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Port mappings: what is read, what is refused, what a record gives back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "cleanup.h"
#include "mapping.h"

/* Return: what mappings_read() returns for the JSON; the caller frees *out. */
static int read_text(const char *text, struct mapping **out, size_t *n, struct cni_error *err)
{
	cleanup_json cJSON *array = cJSON_Parse(text);

	assert_non_null(array);
	*err = (struct cni_error){0};
	return mappings_read(array, "maps", out, n, err);
}

/* The same for a record's. */
static int read_record_text(const char *text, struct mapping **out, size_t *n,
			    struct cni_error *err)
{
	cleanup_json cJSON *array = cJSON_Parse(text);

	assert_non_null(array);
	*err = (struct cni_error){0};
	return mappings_read_record(array, out, n, err);
}

static void forms_of_runtimes_are_read(void **state)
{
	cleanup_free struct mapping *m = NULL;
	struct cni_error err;
	char text[MAPPING_TEXT_MAX];
	size_t n;

	(void)state;
	assert_int_equal(read_text("[{\"hostPort\":8080,\"containerPort\":80},"
				   "{\"hostPort\":53,\"containerPort\":5353,\"protocol\":\"UDP\","
				   "\"hostIP\":\"\"},"
				   "{\"hostPort\":1,\"containerPort\":65535,\"protocol\":\"Sctp\","
				   "\"hostIP\":\"fd00::1\"},"
				   "{\"hostPort\":2,\"containerPort\":2,\"hostIP\":"
				   "\"::ffff:192.0.2.1\"},"
				   "{\"hostPort\":3,\"containerPort\":2,\"hostIP\":\"0.0.0.0\"}]",
				   &m, &n, &err),
			 0);
	assert_int_equal(n, 5);
	assert_string_equal(mapping_format(&m[0], text), "tcp 8080");
	assert_string_equal(mapping_format(&m[1], text), "udp 53");
	assert_string_equal(mapping_format(&m[2], text), "sctp [fd00::1]:1");
	assert_string_equal(mapping_format(&m[3], text), "tcp 192.0.2.1:2");
	assert_string_equal(mapping_format(&m[4], text), "tcp 0.0.0.0:3");
	assert_true(m[2].one_host && m[3].one_host && !m[4].one_host && !m[0].one_host);
	assert_int_equal(m[4].host_family, AF_INET);
	assert_int_equal(m[0].host_family, AF_UNSPEC);
	assert_int_equal(m[2].container_port, 65535);
}

static void nothing_asked_is_nothing_read(void **state)
{
	struct mapping *m;
	struct cni_error err;
	size_t n;

	(void)state;
	assert_int_equal(mappings_read(NULL, "maps", &m, &n, &err), 0);
	assert_null(m);
	assert_int_equal(read_text("[]", &m, &n, &err), 0);
	assert_null(m);
	assert_int_equal(n, 0);
}

static void what_is_no_mapping_is_refused_by_its_place(void **state)
{
	static const char *const bad[] = {
		"[7]",
		"[null]",
		"[{}]",
		"[{\"hostPort\":1}]",
		"[{\"containerPort\":1}]",
		"[{\"hostPort\":0,\"containerPort\":1}]",
		"[{\"hostPort\":65536,\"containerPort\":1}]",
		"[{\"hostPort\":-1,\"containerPort\":1}]",
		"[{\"hostPort\":80.5,\"containerPort\":1}]",
		"[{\"hostPort\":\"80\",\"containerPort\":1}]",
		"[{\"hostPort\":1,\"containerPort\":1e9}]",
		"[{\"hostPort\":1,\"containerPort\":1,\"protocol\":\"icmp\"}]",
		"[{\"hostPort\":1,\"containerPort\":1,\"protocol\":6}]",
		"[{\"hostPort\":1,\"containerPort\":1,\"hostIP\":\"host\"}]",
		"[{\"hostPort\":1,\"containerPort\":1,\"hostIP\":\"1.2.3.4/8\"}]",
		"[{\"hostPort\":1,\"containerPort\":1,\"hostIP\":[]}]",
	};
	struct mapping *m;
	struct cni_error err;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(read_text(bad[i], &m, &n, &err), -1);
		assert_int_equal(err.code, CNI_ERR_CONFIG);
		assert_non_null(strstr(err.msg, "maps"));
		assert_null(m);
	}
}

#define MAP(port, rest) "{\"hostPort\":" #port ",\"containerPort\":1" rest "}"
#define AT(address) ",\"hostIP\":\"" address "\""
#define UDP ",\"protocol\":\"udp\""

#define TO(port, to, rest) "{\"hostPort\":" #port ",\"containerPort\":" #to rest "}"

/* In one word each: "tcp 8080>80". */
static void assert_mappings(const struct mapping *m, size_t n, const char *const *expected)
{
	for (size_t i = 0; i < n; i++) {
		char text[MAPPING_TEXT_MAX];
		char whole[MAPPING_TEXT_MAX + 8];

		snprintf(whole, sizeof(whole), "%s>%u", mapping_format(&m[i], text),
			 m[i].container_port);
		assert_non_null(expected[i]);
		assert_string_equal(whole, expected[i]);
	}
	assert_null(expected[n]);
}

static void what_is_asked_for_twice_or_covered_is_one(void **state)
{
	static const struct {
		const char *text;
		const char *left[4];
	} cases[] = {
		{MAP(1, "") "," MAP(2, "") "," MAP(1, UDP), {"tcp 1>1", "tcp 2>1", "udp 1>1"}},
		{MAP(1, "") "," MAP(2, "") "," MAP(1, ""), {"tcp 1>1", "tcp 2>1"}},
		{MAP(1, "") "," MAP(1, "") "," MAP(1, ""), {"tcp 1>1"}},
		{MAP(1, AT("0.0.0.0")) "," MAP(1, AT("::")), {"tcp 0.0.0.0:1>1", "tcp [::]:1>1"}},
		{MAP(1, AT("::")) "," MAP(1, AT("0.0.0.0")) "," MAP(1, ""), {"tcp 1>1"}},
		{MAP(1, "") "," MAP(1, AT("0.0.0.0")), {"tcp 1>1"}},
		{MAP(1, AT("0.0.0.0")) "," MAP(1, ""), {"tcp 1>1"}},
		{MAP(1, AT("::")) "," MAP(1, AT("::0")), {"tcp [::]:1>1"}},
		/* One address goes before every address. */
		{MAP(1, "") "," MAP(1, AT("192.0.2.1")), {"tcp 1>1", "tcp 192.0.2.1:1>1"}},
		{TO(1, 7, "") "," TO(1, 8, AT("192.0.2.1")), {"tcp 1>7", "tcp 192.0.2.1:1>8"}},
		{MAP(1, AT("192.0.2.1")) "," MAP(1, AT("192.0.2.2")),
		 {"tcp 192.0.2.1:1>1", "tcp 192.0.2.2:1>1"}},
		{MAP(1, AT("192.0.2.1")) "," MAP(1, AT("::ffff:192.0.2.1")), {"tcp 192.0.2.1:1>1"}},
		{MAP(1, AT("fd00::1")) "," MAP(1, AT("fd00:0::1")), {"tcp [fd00::1]:1>1"}},
	};
	struct cni_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		cleanup_free struct mapping *m = NULL;
		cleanup_free struct mapping *recorded = NULL;
		char text[400];
		size_t asked = 0;
		size_t left;
		size_t n;

		snprintf(text, sizeof(text), "[%s]", cases[i].text);
		for (const char *at = text; (at = strstr(at, "hostPort")) != NULL; at++)
			asked++;
		assert_int_equal(read_text(text, &m, &left, &err), 0);
		assert_mappings(m, left, cases[i].left);
		/* No record of ours has one twice. */
		assert_int_equal(read_record_text(text, &recorded, &n, &err),
				 left < asked ? -1 : 0);
	}
}

static void one_host_port_for_two_container_ports_is_refused_with_both(void **state)
{
	static const struct {
		const char *one, *other, *third;
		const char *msg;
	} cases[] = {
		{TO(1, 7, ""), TO(1, 8, ""), MAP(2, ""),
		 "maps asks for host port tcp 1 for container port 7 and for tcp 1 for container "
		 "port 8: leave one out"},
		{TO(1, 7, ""), TO(1, 8, AT("0.0.0.0")), MAP(2, ""),
		 "maps asks for host port tcp 1 for container port 7 and for tcp 0.0.0.0:1 for "
		 "container port 8: leave one out"},
		{TO(1, 7, ""), TO(1, 8, AT("::")), TO(1, 7, AT("0.0.0.0")),
		 "maps asks for host port tcp 1 for container port 7 and for tcp [::]:1 for "
		 "container port 8: leave one out"},
		{TO(1, 7, UDP AT("192.0.2.1")), TO(1, 8, UDP AT("192.0.2.1")),
		 TO(1, 9, AT("192.0.2.1")),
		 "maps asks for host port udp 192.0.2.1:1 for container port 7 and for udp "
		 "192.0.2.1:1 for container port 8: leave one out"},
	};
	static const unsigned int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
						 {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct cni_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *const maps[] = {cases[i].one, cases[i].other, cases[i].third};

		for (size_t o = 0; o < 6; o++) {
			struct mapping *m;
			char text[400];
			size_t n;

			snprintf(text, sizeof(text), "[%s,%s,%s]", maps[orders[o][0]],
				 maps[orders[o][1]], maps[orders[o][2]]);
			assert_int_equal(read_text(text, &m, &n, &err), -1);
			assert_int_equal(err.code, CNI_ERR_CONFIG);
			assert_string_equal(err.msg, cases[i].msg);
			assert_null(m);
			assert_int_equal(n, 0);
		}
	}
}

/* The judge's own: each that is not the first of its group, and what it was shown. */
static int is_not_first(const struct mapping_group *group, size_t index, void *arg,
			struct cni_error *err)
{
	unsigned int *calls = arg;

	(void)err;
	(*calls)++;
	for (size_t i = 0; i < group->n; i++) {
		assert_int_equal(group->members[i]->host_port, group->members[0]->host_port);
		assert_int_equal(group->members[i]->protocol, group->members[0]->protocol);
	}
	return index > 0;
}

static int is_an_error(const struct mapping_group *group, size_t index, void *arg,
		       struct cni_error *err)
{
	(void)arg;
	return group->members[index]->host_port == 2 ? cni_error(err, CNI_ERR_CONFIG, "no") : 1;
}

static void what_a_judge_says_is_left_out_and_the_rest_keeps_its_order(void **state)
{
	cleanup_free struct mapping *m = NULL;
	struct cni_error err;
	unsigned int calls = 0;
	size_t n;

	(void)state;
	assert_int_equal(
		read_text("[" MAP(3, "") "," MAP(1, AT("192.0.2.1")) "," MAP(1, "") "," MAP(
				  2, UDP) "," MAP(2, "") "," MAP(1, AT("fd00::1")) "]",
			  &m, &n, &err),
		0);
	assert_int_equal(mappings_leave_out(m, &n, is_an_error, NULL, &err), -1);
	assert_string_equal(err.msg, "no");
	assert_int_equal(n, 6);
	assert_int_equal(mappings_leave_out(m, &n, is_not_first, &calls, &err), 0);
	assert_int_equal(calls, 6);
	assert_mappings(m, n,
			(const char *const[]){"tcp 3>1", "tcp 1>1", "udp 2>1", "tcp 2>1", NULL});
}

static void a_record_gives_back_what_was_read(void **state)
{
	cleanup_free struct mapping *m = NULL;
	cleanup_free struct mapping *again = NULL;
	cleanup_json cJSON *printed = NULL;
	struct cni_error err;
	size_t n;
	size_t n_again;

	(void)state;
	assert_int_equal(read_record_text("[" MAP(1, ",\"id\":7") "," MAP(2, AT("::")) "," MAP(
						  3, UDP AT("192.0.2.1")) "]",
					  &m, &n, &err),
			 0);
	printed = mappings_print(m, n);
	assert_non_null(printed);
	assert_int_equal(mappings_read_record(printed, &again, &n_again, &err), 0);
	assert_int_equal(n, n_again);
	assert_memory_equal(m, again, n * sizeof(*m));
	assert_int_equal(m[0].id, 7);
}

static void members_are_known_in_any_case_and_others_passed_over(void **state)
{
	cleanup_free struct mapping *m = NULL;
	struct mapping *none;
	struct cni_error err;
	char text[MAPPING_TEXT_MAX];
	size_t n;

	(void)state;
	assert_int_equal(read_text("[{\"HostPort\":8080,\"ContainerPort\":80,\"Protocol\":\"UDP\","
				   "\"HostIP\":\"192.0.2.1\",\"id\":\"web\",\"range\":[]}]",
				   &m, &n, &err),
			 0);
	assert_string_equal(mapping_format(m, text), "udp 192.0.2.1:8080");
	assert_int_equal(m->container_port, 80);
	assert_int_equal(m->id, 0);
	assert_int_equal(read_text("[" MAP(1, ",\"HOSTPORT\":1") "]", &none, &n, &err), -1);
	assert_int_equal(err.code, CNI_ERR_CONFIG);
	assert_non_null(strstr(err.msg, "hostPort and as HOSTPORT"));
	assert_int_equal(read_record_text("[" MAP(1, ",\"id\":\"web\"") "]", &none, &n, &err), -1);
	assert_null(none);
}

static void what_is_not_recorded_is_found(void **state)
{
	cleanup_free struct mapping *recorded = NULL;
	const struct mapping *missing;
	struct cni_error err;
	size_t n;

	(void)state;
	assert_int_equal(read_text("[" MAP(3, "") "," MAP(1, AT("192.0.2.1")) "," MAP(2, UDP) "]",
				   &recorded, &n, &err),
			 0);
	for (size_t i = 0; i < n; i++) {
		struct mapping other = recorded[i];

		assert_int_equal(mappings_compare(&recorded[i], 1, recorded, n, &missing, &err), 0);
		assert_null(missing);
		other.container_port++;
		assert_int_equal(mappings_compare(&other, 1, recorded, n, &missing, &err), 0);
		assert_ptr_equal(missing, &other);
		other = recorded[i];
		other.host_port += 7;
		assert_int_equal(mappings_compare(&other, 1, recorded, n, &missing, &err), 0);
		assert_ptr_equal(missing, &other);
	}
	assert_int_equal(mappings_compare(recorded, n, NULL, 0, &missing, &err), 0);
	assert_ptr_equal(missing, &recorded[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_of_runtimes_are_read),
		cmocka_unit_test(nothing_asked_is_nothing_read),
		cmocka_unit_test(what_is_no_mapping_is_refused_by_its_place),
		cmocka_unit_test(what_is_asked_for_twice_or_covered_is_one),
		cmocka_unit_test(one_host_port_for_two_container_ports_is_refused_with_both),
		cmocka_unit_test(what_a_judge_says_is_left_out_and_the_rest_keeps_its_order),
		cmocka_unit_test(a_record_gives_back_what_was_read),
		cmocka_unit_test(members_are_known_in_any_case_and_others_passed_over),
		cmocka_unit_test(what_is_not_recorded_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
