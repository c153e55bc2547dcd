/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's three kinds of text files of counters as JSON, and what in them is not a counter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cleanup.h"
#include "isolated.h"
#include "plugins/netns-stats/detail.h"

/* What of such a file is written. */
static const char *added(void (*add)(struct json_write *w, char *data), const char *file)
{
	static char result[1024];
	cleanup_text struct text out = {0};
	struct json_write w = {.out = &out};
	char data[1024];

	snprintf(data, sizeof(data), "%s", file);
	add(&w, data);
	snprintf(result, sizeof(result), "%s", out.data ?: "");
	return result;
}

static void names_stand_above_their_values(void **unused)
{
	(void)unused;
	assert_string_equal(
		added(detail_write_paired_lines, "Ip: A B\nIp: 1 23\nTcp: Max\nTcp: -1\n"),
		"\"Ip\":{\"A\":1,\"B\":23},\"Tcp\":{\"Max\":-1}");
	/* As many as there are of both. */
	assert_string_equal(added(detail_write_paired_lines, "Ip: A B\nIp: 1\n"),
			    "\"Ip\":{\"A\":1}");
	assert_string_equal(added(detail_write_paired_lines, "Ip: A\nIp: 1 2\n"),
			    "\"Ip\":{\"A\":1}");
	assert_string_equal(added(detail_write_paired_lines, "Ip:\nIp:\n"), "\"Ip\":{}");
	/* A line of names without values ends it, and so does one that has no name. */
	assert_string_equal(added(detail_write_paired_lines, "Ip: A\nIp: 1\nTcp: B"),
			    "\"Ip\":{\"A\":1}");
	assert_string_equal(added(detail_write_paired_lines, "nonsense\nIp: 1\nTcp: B\nTcp: 2\n"),
			    "");
	assert_string_equal(added(detail_write_paired_lines, "Ip: A\nnonsense\nTcp: B\nTcp: 2\n"),
			    "");
}

static void names_and_values_take_turns(void **unused)
{
	(void)unused;
	assert_string_equal(
		added(detail_write_sockets, "TCP: inuse 1 orphan 0\nnonsense\nUDP: mem 5\n"),
		"\"TCP\":{\"inuse\":1,\"orphan\":0},\"UDP\":{\"mem\":5}");
	assert_string_equal(added(detail_write_sockets, "TCP: inuse 1 orphan\n"),
			    "\"TCP\":{\"inuse\":1}");
	assert_string_equal(added(detail_write_sockets, ""), "");
}

static void one_counter_is_on_a_line(void **unused)
{
	(void)unused;
	assert_string_equal(
		added(detail_write_lines, "Ip6In    \t12\nIp6Out\t3\nnone\n\nx \ny  4\n"),
		"\"Snmp6\":{\"Ip6In\":12,\"Ip6Out\":3,\"y\":4}");
	assert_string_equal(added(detail_write_lines, ""), "\"Snmp6\":{}");
}

static void what_is_not_a_number_of_json_is_left_out(void **unused)
{
	static const struct {
		const char *text;
		bool number;
	} rows[] = {
		{"0", true},
		{"-0", true},
		{"7", true},
		{"-1", true},
		{"18446744073709551615", true},
		{"99999999999999999999", true},
		{"123456789012345678901", false},
		{"-12345678901234567890", true},
		{"", false},
		{"-", false},
		{"--1", false},
		{"+1", false},
		{"01", false},
		{"00", false},
		{"-01", false},
		{"1.5", false},
		{"1e9", false},
		{"0x1", false},
		{"1 ", false},
		{"a", false},
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_int_equal(detail_is_number(rows[i].text), rows[i].number);
	assert_string_equal(added(detail_write_sockets, "A: b x c 1 d 01 e 2\n"),
			    "\"A\":{\"c\":1,\"e\":2}");
}

static void a_name_that_breaks_out_of_json_does_not(void **unused)
{
	(void)unused;
	assert_string_equal(added(detail_write_sockets, "A\"\\: b\"c 1\n"),
			    "\"A\\\"\\\\\":{\"b\\\"c\":1}");
}

static void a_file_is_read_whole_or_not_at_all(void **unused)
{
	static char big[DETAIL_FILE_MAX + 100];
	cleanup_free char *text = NULL;
	cleanup_free char *cut = NULL;
	cleanup_free char *empty = NULL;

	(void)unused;
	need_isolation();
	assert_null(detail_read_file("/run/none"));
	assert_null(detail_read_file("/run")); /* it can be opened, and not be read */
	assert_true(make_file("/run/text", "some text\n"));
	text = detail_read_file("/run/text");
	assert_string_equal(text, "some text\n");
	assert_true(make_file("/run/empty", ""));
	empty = detail_read_file("/run/empty");
	assert_string_equal(empty, "");
	memset(big, 'x', sizeof(big) - 1);
	assert_true(make_file("/run/big", big));
	cut = detail_read_file("/run/big");
	assert_int_equal(strlen(cut), DETAIL_FILE_MAX);
}

static void the_protocols_of_this_namespace_are_there(void **unused)
{
	cleanup_text struct text out = {0};
	struct json_write w = {.out = &out};

	(void)unused;
	json_write_object(&w, NULL);
	detail_protocols(&w);
	json_write_object_end(&w);
	assert_int_equal(strncmp(out.data, "{\"protocols\":{\"Ip\":{\"Forwarding\":", 33), 0);
	assert_non_null(strstr(out.data, "},\"Tcp\":{"));
	assert_non_null(strstr(out.data, "\"TcpExt\":{"));
	assert_non_null(strstr(out.data, "\"UDP\":{\"inuse\":"));
	assert_string_equal(out.data + out.len - 3, "}}}");
	assert_null(strstr(out.data, ",}"));
	assert_null(strstr(out.data, ",,"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_stand_above_their_values),
		cmocka_unit_test(names_and_values_take_turns),
		cmocka_unit_test(one_counter_is_on_a_line),
		cmocka_unit_test(what_is_not_a_number_of_json_is_left_out),
		cmocka_unit_test(a_name_that_breaks_out_of_json_does_not),
		cmocka_unit_test(a_file_is_read_whole_or_not_at_all),
		cmocka_unit_test(the_protocols_of_this_namespace_are_there),
	};

	return cmocka_run_group_tests(tests, isolate, NULL);
}
