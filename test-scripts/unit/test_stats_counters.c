/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lies between two readings, the record's form of them, the closing account. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "plugins/netns-stats/account.h"
#include "plugins/netns-stats/counters.h"

#define ROWS(rows) (sizeof(rows) / sizeof(*(rows)))

static void a_counter_that_went_down_has_wrapped_or_begun_anew(void **unused)
{
	static const struct {
		uint64_t begin, end, delta;
	} rows[] = {
		{0, 0, 0},
		{5, 12, 7},
		{0, UINT64_MAX, UINT64_MAX},
		{UINT64_MAX, UINT64_MAX, 0},
		{UINT64_MAX, 0, 1},
		{UINT64_MAX - 9, 10, 20},
		{UINT32_MAX, 0, 1},
		{UINT32_MAX - 9, 10, 20},
		{1000, 10, 10},                               /* the device is a new one */
		{UINT64_C(1) << 40, 10, 10},                  /* too far for 32 bits */
		{UINT32_MAX, UINT32_MAX - 1, UINT32_MAX - 1}, /* a wrap is not that long */
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_true(counter_delta(rows[i].begin, rows[i].end) == rows[i].delta);
}

static const struct counters full = {{UINT64_MAX, 2, 3, 4}, {5, 6, UINT64_MAX - 1, 8}};

static void a_reading_survives_its_record_to_the_last_digit(void **unused)
{
	cleanup_reading struct reading a = {.time = "2024-01-01T00:00:00.000Z"};
	cleanup_reading struct reading b = {0};
	cleanup_json cJSON *json = NULL;

	(void)unused;
	assert_int_equal(reading_add(&a, "eth0", 7, &full), 0);
	json = reading_print(&a);
	assert_non_null(json);
	assert_int_equal(reading_parse(json, &b), 0);
	assert_string_equal(b.time, a.time);
	assert_int_equal(b.n, 1);
	assert_int_equal(b.entries[0].index, 7);
	assert_string_equal(b.entries[0].name, "eth0");
	assert_memory_equal(&b.entries[0].counters, &full, sizeof(full));
}

static void damaged_entries_are_passed_over(void **unused)
{
	static const char *const rows[] = {
		"{}",
		"{\"interfaces\":7}",
		"{\"interfaces\":[7,null,{}]}",
		"{\"interfaces\":[{\"ifname\":\"a-name-that-is-too-long\",\"ifindex\":1}]}",
		"{\"interfaces\":[{\"ifname\":\"eth0\",\"ifindex\":1,\"rx\":{\"bytes\":\"-1\"}}]}",
		"{\"interfaces\":[{\"ifname\":\"eth0\",\"ifindex\":1,\"rx\":{\"bytes\":7}}]}",
		"{\"interfaces\":[{\"ifname\":\"eth0\",\"ifindex\":1,\"rx\":{\"bytes\":"
		"\"18446744073709551616\"}}]}",
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_json cJSON *json = cJSON_Parse(rows[i]);
		cleanup_reading struct reading r = {0};

		assert_non_null(json);
		assert_int_equal(reading_parse(json, &r), 0);
		assert_int_equal(r.n, 0);
	}
}

/* A record with a baseline of eth0, index 7. */
static cJSON *record_with(const struct counters *begin)
{
	cleanup_reading struct reading r = {.time = "2024-01-01T00:00:00.000Z"};
	cJSON *record = cJSON_Parse("{\"containerId\":\"a\",\"network\":\"n\",\"pod\":\"p\\\"q\"}");

	assert_int_equal(reading_add(&r, "eth0", 7, begin), 0);
	assert_true(cJSON_AddItemToObject(record, "begin", reading_print(&r)));
	return record;
}

static void an_account_is_one_line_of_exact_json(void **unused)
{
	static const struct counters begin = {{10, 1, 0, 0}, {20, 2, 0, 0}};
	static const struct counters end_counters = {{UINT64_MAX, 3, 0, 1}, {21, 3, 1, 0}};
	cleanup_json cJSON *record = record_with(&begin);
	cleanup_reading struct reading end = {.time = "2024-01-02T00:00:00.000Z"};
	cleanup_text struct text line = {0};
	struct cni_error err = {0};

	(void)unused;
	assert_int_equal(reading_add(&end, "eth0", 7, &end_counters), 0);
	assert_int_equal(account_print(record, &end, "DEL", &line, &err), 0);
	assert_string_equal(
		line.data,
		"{\"containerId\":\"a\",\"network\":\"n\",\"pod\":\"p\\\"q\","
		"\"begin\":\"2024-01-01T00:00:00.000Z\",\"end\":\"2024-01-02T00:00:00.000Z\","
		"\"reason\":\"DEL\",\"interfaces\":[{\"ifname\":\"eth0\",\"stats64\":{"
		"\"rx\":{\"bytes\":18446744073709551605,\"packets\":2,\"errors\":0,\"dropped\":1},"
		"\"tx\":{\"bytes\":1,\"packets\":1,\"errors\":1,\"dropped\":0}}}],"
		"\"complete\":true}\n");
}

static void an_interface_that_was_made_anew_has_counted_from_zero(void **unused)
{
	static const struct counters begin = {{1000, 10, 0, 0}, {1000, 10, 0, 0}};
	static const struct counters now = {{1500, 15, 0, 0}, {1500, 15, 0, 0}};
	cleanup_json cJSON *record = record_with(&begin);
	cleanup_reading struct reading end = {.time = "2024-01-02T00:00:00.000Z"};
	cleanup_text struct text line = {0};
	struct cni_error err = {0};

	(void)unused;
	assert_int_equal(reading_add(&end, "eth0", 8, &now), 0);
	assert_int_equal(account_print(record, &end, "DEL", &line, &err), 0);
	assert_non_null(strstr(line.data, "\"rx\":{\"bytes\":1500,"));
}

static void without_a_namespace_the_last_known_counters_close_the_account(void **unused)
{
	static const struct counters begin = {{10, 1, 0, 0}, {20, 2, 0, 0}};
	static const struct counters known = {{110, 2, 0, 0}, {20, 2, 0, 0}};
	cleanup_json cJSON *record = record_with(&begin);
	cleanup_reading struct reading last = {.time = "2024-01-01T12:00:00.000Z"};
	cleanup_text struct text line = {0};
	struct cni_error err = {0};

	(void)unused;
	assert_int_equal(reading_add(&last, "eth0", 7, &known), 0);
	assert_true(cJSON_AddItemToObject(record, "last", reading_print(&last)));
	assert_int_equal(account_print(record, NULL, "GC", &line, &err), 0);
	assert_non_null(strstr(line.data, "\"rx\":{\"bytes\":100,"));
	assert_non_null(strstr(line.data, "\"complete\":false}\n"));
	assert_non_null(strstr(line.data, "\"reason\":\"GC\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_counter_that_went_down_has_wrapped_or_begun_anew),
		cmocka_unit_test(a_reading_survives_its_record_to_the_last_digit),
		cmocka_unit_test(damaged_entries_are_passed_over),
		cmocka_unit_test(an_account_is_one_line_of_exact_json),
		cmocka_unit_test(an_interface_that_was_made_anew_has_counted_from_zero),
		cmocka_unit_test(without_a_namespace_the_last_known_counters_close_the_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
