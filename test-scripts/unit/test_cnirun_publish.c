/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --publish: what is understood, what is refused with which message, and all mappings or an error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cni.h"
#include "plugins/cnirun/publish.h"

#define ROWS(rows) (sizeof(rows) / sizeof(*(rows)))
#define LONG "1234567890123456789012345678901234567890"

static unsigned int allocations, failing; /* the allocation of cJSON's that fails; 0: none */

static void *counting_malloc(size_t size)
{
	return ++allocations == failing ? NULL : malloc(size);
}

/* The mappings as "HOST>CONTAINER/PROTOCOL[@ADDRESS]", each ended by a space. */
static const char *printed(const cJSON *mappings)
{
	static char text[512];
	const cJSON *m;

	text[0] = '\0';
	cJSON_ArrayForEach (m, mappings) {
		const cJSON *host = cJSON_GetObjectItem(m, "hostIP");

		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%d>%d/%s%s%s ",
			 cJSON_GetObjectItem(m, "hostPort")->valueint,
			 cJSON_GetObjectItem(m, "containerPort")->valueint,
			 cJSON_GetObjectItem(m, "protocol")->valuestring, host != NULL ? "@" : "",
			 host != NULL ? host->valuestring : "");
	}
	return text;
}

static void every_form_of_the_manual_is_understood(void **unused)
{
	static const struct {
		const char *text, *mappings;
	} rows[] = {
		{"80", "80>80/tcp "},
		{"1", "1>1/tcp "},
		{"65535", "65535>65535/tcp "},
		{"00080", "80>80/tcp "},
		{"8080:80", "8080>80/tcp "},
		{"8080:80/udp", "8080>80/udp "},
		{"8080/sctp", "8080>8080/sctp "},
		{"8080-8082", "8080>8080/tcp 8081>8081/tcp 8082>8082/tcp "},
		{"8080-8081:80-81/tcp", "8080>80/tcp 8081>81/tcp "},
		{"7-7", "7>7/tcp "},
		{"127.0.0.1:8080", "8080>8080/tcp@127.0.0.1 "},
		{"127.0.0.1:8080:80", "8080>80/tcp@127.0.0.1 "},
		{"[fd00::1]:8080:80/udp", "8080>80/udp@fd00::1 "},
		{"[::]:1-2", "1>1/tcp@:: 2>2/tcp@:: "},
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++) {
		cJSON *mappings = cJSON_CreateArray();
		struct cni_error err = {0};

		if (publish_parse(rows[i].text, mappings, &err) < 0)
			fail_msg("%s: %s", rows[i].text, err.msg);
		assert_string_equal(printed(mappings), rows[i].mappings);
		cJSON_Delete(mappings);
	}
}

static void everything_else_is_refused_by_what_is_wrong(void **unused)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"", "ports are"},
		{"0", "ports are"},
		{"65536", "ports are"},
		{"000080", "ports are"},
		{"-80", "ports are"},
		{"+80", "ports are"},
		{" 80", "ports are"},
		{"80 ", "ports are"},
		{"80-", "ports are"},
		{"80-79", "ports are"},
		{"80-81-82", "ports are"},
		{"0-5", "ports are"},
		{"80:", "ports are"},
		{":80", "ports are"},
		{"80:80:80", "ports are"},
		{"80:0", "ports are"},
		{"80:65536", "ports are"},
		{"80/", "there is no such protocol"},
		{"80/tcpp", "there is no such protocol"},
		{"80/tcp/udp", "ports are"},
		{"80/icmp", "there is no such protocol"},
		{"80-82:80-81", "not equally long"},
		{"80:80-81", "not equally long"},
		{"127.0.0.1", "ports are"},
		{"127.0.0:80", "that is not an address"},
		{"127.0.0.256:80", "that is not an address"},
		{"[127.0.0.1]:80", "that is not an address"},
		{"[fd00::1]80", "that is not an address"},
		{"[fd00::1", "that is not an address"},
		{"[]:80", "that is not an address"},
		{"fd00::1:80", "ports are"},
		{"1-8193", "more than 8192"},
		{"[" LONG LONG LONG "12345]:80", "too long"},
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++) {
		cJSON *mappings = cJSON_CreateArray();
		struct cni_error err = {0};

		if (publish_parse(rows[i].text, mappings, &err) == 0)
			fail_msg("%s was taken", rows[i].text);
		assert_int_equal(err.code, CNI_ERR_CONFIG);
		if (strstr(err.msg, rows[i].why) == NULL)
			fail_msg("%s: %s", rows[i].text, err.msg);
		assert_int_equal(cJSON_GetArraySize(mappings), 0);
		cJSON_Delete(mappings);
	}
}

static void the_limit_is_of_all_options_together(void **unused)
{
	cJSON *mappings = cJSON_CreateArray();
	struct cni_error err = {0};

	(void)unused;
	assert_int_equal(publish_parse("1-8191", mappings, &err), 0);
	assert_int_equal(publish_parse("9000-9001", mappings, &err), -1);
	assert_int_equal(publish_parse("9000", mappings, &err), 0);
	assert_int_equal(publish_parse("9001", mappings, &err), -1);
	assert_int_equal(cJSON_GetArraySize(mappings), PUBLISH_MAX);
	cJSON_Delete(mappings);
}

static void want_of_memory_is_an_error(void **unused)
{
	unsigned int refused = 0;

	(void)unused;
	cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = counting_malloc, .free_fn = free});
	for (failing = 2;; failing++) {
		struct cni_error err = {0};
		cJSON *mappings;
		int value;

		allocations = 0;
		mappings = cJSON_CreateArray(); /* the first */
		value = publish_parse("127.0.0.1:80-81", mappings, &err);
		if (value == 0)
			assert_string_equal(printed(mappings),
					    "80>80/tcp@127.0.0.1 81>81/tcp@127.0.0.1 ");
		else
			assert_int_equal(err.code, CNI_ERR_IO);
		refused += value < 0;
		cJSON_Delete(mappings);
		if (allocations < failing) {
			assert_int_equal(value, 0);
			break;
		}
	}
	assert_int_equal(refused, failing - 2);
	failing = 0;
	cJSON_InitHooks(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_of_the_manual_is_understood),
		cmocka_unit_test(everything_else_is_refused_by_what_is_wrong),
		cmocka_unit_test(the_limit_is_of_all_options_together),
		cmocka_unit_test(want_of_memory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
