/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network configuration lists: what is a list, in which version, and what a result's dns becomes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "isolated.h"

#include "cleanup.h"
#include "conf.h"
#include "plugins/cnirun/list.h"
#include "plugins/cnirun/resolv.h"

#define PLUGINS "\"plugins\":[{\"type\":\"a\"}]"

static int parse(const char *text, const char *directory, struct network_list *list,
		 struct cni_error *err)
{
	*err = (struct cni_error){0};
	return list_parse(text, strlen(text), "the list", directory, list, err);
}

static void the_version_is_the_highest_that_both_sides_know(void **unused)
{
	static const struct {
		const char *members;
		const char *version; /* NULL: there is none */
	} rows[] = {
		{"", "0.1.0"},
		{"\"cniVersion\":\"\",", "0.1.0"},
		{"\"cniVersion\":\"0.4.0\",", "0.4.0"},
		{"\"cniVersion\":\"9.0.0\",", NULL},
		{"\"cniVersions\":[\"9.0.0\"],", NULL},
		{"\"cniVersions\":[],", "0.1.0"},
		{"\"cniVersions\":[\"0.3.1\",\"9.0.0\",\"1.0.0\",\"0.4.0\"],", "1.0.0"},
		{"\"cniVersion\":\"9.0.0\",\"cniVersions\":[\"0.3.0\"],", "0.3.0"},
		{"\"cniVersion\":\"1.1.0\",\"cniVersions\":[\"0.3.0\"],", "1.1.0"},
		{"\"cniVersions\":[1],", NULL},
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_list struct network_list list = {0};
		struct cni_error err;
		char text[256];

		snprintf(text, sizeof(text), "{\"name\":\"n\",%s" PLUGINS "}", rows[i].members);
		if ((parse(text, NULL, &list, &err) == 0) != (rows[i].version != NULL))
			fail_msg("%s: %s", text, err.msg);
		if (rows[i].version != NULL)
			assert_string_equal(cni_version_name(list.version), rows[i].version);
	}
}

static void a_plugin_is_named_by_one_component_of_a_path(void **unused)
{
	static const struct {
		const char *plugins, *why; /* NULL: they are taken */
	} rows[] = {
		{"[{\"type\":\"a\"},{\"type\":\"b.c\"}]", NULL},
		{"[{\"type\":\"...\"}]", NULL},
		{"[]", "has no plugins"},
		{"null", "has no plugins"},
		{"[{}]", "plugins[0].type"},
		{"[{\"type\":\"a\"},{\"type\":\"\"}]", "plugins[1].type"},
		{"[{\"type\":\"../a\"}]", "plugins[0].type"},
		{"[{\"type\":\".\"}]", "plugins[0].type"},
		{"[{\"type\":\"..\"}]", "plugins[0].type"},
		{"[{\"type\":\"a\",\"capabilities\":1}]", "plugins[0].capabilities"},
		{"[1]", "plugins[0]"},
		{"{}", "plugins"},
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_list struct network_list list = {0};
		struct cni_error err;
		char text[256];

		snprintf(text, sizeof(text), "{\"name\":\"n\",\"plugins\":%s}", rows[i].plugins);
		if ((parse(text, NULL, &list, &err) == 0) != (rows[i].why == NULL) ||
		    (rows[i].why != NULL && strstr(err.msg, rows[i].why) == NULL))
			fail_msg("%s: %s", text, err.msg);
	}
}

static void flags_are_booleans_or_their_names(void **unused)
{
	static const struct {
		const char *value;
		int flag; /* -1: refused */
	} rows[] = {
		{"true", 1},     {"false", 0}, {"\"true\"", 1}, {"\"FALSE\"", 0},
		{"\"yes\"", -1}, {"1", -1},    {"null", 0},     {"\"\"", -1},
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_list struct network_list list = {0};
		struct cni_error err;
		char text[256];

		snprintf(text, sizeof(text), "{\"name\":\"n\",\"disableCheck\":%s," PLUGINS "}",
			 rows[i].value);
		if (parse(text, NULL, &list, &err) != (rows[i].flag < 0 ? -1 : 0))
			fail_msg("%s: %s", text, err.msg);
		if (rows[i].flag >= 0)
			assert_int_equal(list.disable_check, rows[i].flag);
	}
}

static void the_plugins_of_a_directory_come_in_order_and_make_the_list_complete(void **unused)
{
	cleanup_list struct network_list list = {0};
	cleanup_list struct network_list inlined = {0};
	struct cni_error err;

	(void)unused;
	need_isolation();
	assert_int_equal(mkdir("/run/l", 0755) | mkdir("/run/l/n", 0755), 0);
	assert_true(make_file("/run/l/n/20.conf", "{\"type\":\"second\"}"));
	assert_true(make_file("/run/l/n/10.conf",
			      "{\"type\":\"first\",\"capabilities\":{\"x\":true}}"));
	assert_true(make_file("/run/l/n/30.json", "not read"));
	if (parse("{\"name\":\"n\"}", "/run/l", &list, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(cJSON_GetArraySize(list.plugins), 2);
	assert_string_equal(json_get(cJSON_GetArrayItem(list.plugins, 0), "type")->valuestring,
			    "first");
	assert_string_equal(json_get(cJSON_GetArrayItem(list.plugins, 1), "type")->valuestring,
			    "second");
	assert_true(cJSON_IsTrue(json_get(list.conf, "loadOnlyInlinedPlugins")));
	assert_true(list_has_capability(&list, "x"));
	assert_false(list_has_capability(&list, "y"));
	assert_int_equal(parse("{\"name\":\"n\",\"loadOnlyInlinedPlugins\":true," PLUGINS "}",
			       "/run/l", &inlined, &err),
			 0);
	assert_int_equal(cJSON_GetArraySize(inlined.plugins), 1);
}

static void a_result_s_dns_is_words_on_lines(void **unused)
{
	static const struct {
		const char *dns;
		const char *text; /* NULL: none */
		bool refused;
	} rows[] = {
		{"{}", NULL, false},
		{"{\"search\":[\"a\"]}", NULL, false},
		{"{\"nameservers\":[\"10.0.2.3\",\"fd00::3\"]}",
		 "nameserver 10.0.2.3\nnameserver fd00::3\n", false},
		{"{\"nameservers\":[\"10.0.2.3\"],\"domain\":\"d\"}",
		 "nameserver 10.0.2.3\ndomain d\n", false},
		{"{\"nameservers\":[\"10.0.2.3\"],\"domain\":\"d\",\"search\":[\"a\",\"b\"]}",
		 "nameserver 10.0.2.3\nsearch a b\n", false},
		{"{\"nameservers\":[\"10.0.2.3\"],\"options\":[\"ndots:2\"]}",
		 "nameserver 10.0.2.3\noptions ndots:2\n", false},
		{"{\"nameservers\":[\"one\"]}", NULL, true},
		{"{\"nameservers\":[1]}", NULL, true},
		{"{\"nameservers\":[\"10.0.2.3\"],\"search\":[\"a b\"]}", NULL, true},
		{"{\"nameservers\":[\"10.0.2.3\"],\"search\":[\"a\\nnameserver 192.0.2.1\"]}", NULL,
		 true},
		{"{\"nameservers\":[\"10.0.2.3\"],\"domain\":\"d;\"}", NULL, true},
		{"{\"nameservers\":[\"10.0.2.3\"],\"options\":[\"#\"]}", NULL, true},
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_json cJSON *result = cJSON_CreateObject();
		cleanup_free char *text = NULL;
		struct cni_error err = {0};

		assert_true(cJSON_AddItemToObject(result, "dns", cJSON_Parse(rows[i].dns)));
		if (resolv_text(result, &text, &err) != (rows[i].refused ? -1 : 0))
			fail_msg("%s: %s", rows[i].dns, err.msg);
		if (rows[i].text == NULL)
			assert_null(text);
		else
			assert_string_equal(text, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_version_is_the_highest_that_both_sides_know),
		cmocka_unit_test(a_plugin_is_named_by_one_component_of_a_path),
		cmocka_unit_test(flags_are_booleans_or_their_names),
		cmocka_unit_test(
			the_plugins_of_a_directory_come_in_order_and_make_the_list_complete),
		cmocka_unit_test(a_result_s_dns_is_words_on_lines),
	};

	return cmocka_run_group_tests(tests, isolate, NULL);
}
