/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Results as other people's plugins print them (foreign-results.jsonl), through the model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "conf.h"
#include "result.h"

/* Tests run at the top of the tree. */
#define RESULTS "test-scripts/lib/foreign-results.jsonl"

static void for_each_result(void (*fn)(const cJSON *line, const cJSON *result))
{
	FILE *file = fopen(RESULTS, "re");
	cleanup_free char *text = NULL;
	size_t size = 0;
	size_t n = 0;
	ssize_t len;

	if (file == NULL)
		fail_msg("cannot open " RESULTS ", is this the top of the tree?");
	while ((len = getline(&text, &size, file)) > 0) {
		cleanup_json cJSON *line = NULL;
		struct cni_error err;

		if (json_parse(text, (size_t)len, "a line", &line, &err) < 0)
			fail_msg("%s: %s", text, err.msg);
		fn(line, json_get(line, "result"));
		n++;
	}
	fclose(file);
	assert_true(n >= 19);
}

static char *print(const cJSON *json)
{
	cleanup_json cJSON *exact = json_copy(json);
	char *text = cJSON_PrintUnformatted(exact);

	assert_non_null(text);
	return text;
}

static void assert_same_text(const cJSON *line, const cJSON *actual, const cJSON *expected)
{
	cleanup_free char *is = print(actual);
	cleanup_free char *should = print(expected);

	if (strcmp(is, should) != 0)
		fail_msg("%s:\n     is %s\nshould %s", cJSON_GetStringValue(json_get(line, "of")),
			 is, should);
}

static void passes(const cJSON *line, const cJSON *json)
{
	cleanup_result struct cni_result result = {0};
	cleanup_json cJSON *printed = NULL;
	struct cni_error err;

	assert_int_equal(result_parse(json, CNI_1_1_0, "prevResult", &result, &err), 0);
	assert_int_equal(result_print(&result, result.version, &printed, &err), 0);
	assert_same_text(line, printed, json);
}

static void every_result_is_passed_on_as_it_came(void **state)
{
	(void)state;
	for_each_result(passes);
}

static void converts(const cJSON *line, const cJSON *json)
{
	cleanup_result struct cni_result result = {0};
	struct cni_error err;

	assert_int_equal(result_parse(json, CNI_1_1_0, "prevResult", &result, &err), 0);
	for (unsigned int v = CNI_0_3_0; v < CNI_VERSION_COUNT; v++) {
		cleanup_result struct cni_result again = {0};
		cleanup_json cJSON *first = NULL;
		cleanup_json cJSON *second = NULL;

		assert_int_equal(result_print(&result, v, &first, &err), 0);
		assert_int_equal(result_parse(first, CNI_0_1_0, "r", &again, &err), 0);
		assert_int_equal(again.version, v);
		assert_int_equal(again.n_interfaces, result.n_interfaces);
		assert_int_equal(again.n_ips, result.n_ips);
		assert_int_equal(again.n_routes, result.n_routes);
		assert_int_equal(result_print(&again, v, &second, &err), 0);
		assert_same_text(line, second, first);
	}
}

static void every_result_can_be_had_in_every_version(void **state)
{
	(void)state;
	for_each_result(converts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_result_is_passed_on_as_it_came),
		cmocka_unit_test(every_result_can_be_had_in_every_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
