/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What cnirun hands to a plugin: the request, its environment, where it is looked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cleanup.h"
#include "conf.h"
#include "isolated.h"
#include "plugins/cnirun/chain.h"

static unsigned int allocations, failing; /* the allocation of cJSON's that fails; 0: none */

static void *counting_malloc(size_t size)
{
	return ++allocations == failing ? NULL : malloc(size);
}

static cJSON *json_of(const char *text)
{
	struct cni_error err;
	cJSON *json = NULL;

	if (json_parse(text, strlen(text), "the text", &json, &err) < 0)
		fail_msg("%s", err.msg);
	return json;
}

static void a_request_is_whole_or_none(void **unused)
{
	static const char expected[] =
		"{\"type\":\"one\",\"big\":12345678901234567,\"cniVersion\":\"1.1.0\",\"name\":"
		"\"net\","
		"\"runtimeConfig\":{\"mac\":\"02:00:00:00:00:01\"},\"prevResult\":{\"a\":1},"
		"\"cni.dev/valid-attachments\":[7],\"cni.dev/attachments\":[7]}";
	cleanup_json cJSON *plugin = json_of(
		"{\"type\":\"one\",\"name\":\"other\",\"cniVersion\":\"0.1.0\",\"prevResult\":{},"
		"\"cni.dev/"
		"x\":1,\"big\":12345678901234567,\"capabilities\":{\"mac\":true,\"ips\":false,"
		"\"aliases\":true}}");
	cleanup_json cJSON *capabilities =
		json_of("{\"mac\":\"02:00:00:00:00:01\",\"ips\":[\"x\"],\"portMappings\":[]}");
	cleanup_json cJSON *prev = json_of("{\"a\":1}");
	cleanup_json cJSON *valid = json_of("{\"v\":[7]}");
	const struct attachment_parameters attachment = {.capabilities = capabilities};
	const struct network_list list = {.name = "net", .version = CNI_1_1_0};
	struct chain chain = {.list = &list, .attachment = &attachment};
	unsigned int made = 0;
	char *text;

	(void)unused;
	cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = counting_malloc, .free_fn = free});
	for (failing = 1;; failing++) {
		allocations = 0;
		text = chain_request(&chain, plugin, prev, json_get(valid, "v"));
		if (text != NULL) {
			assert_string_equal(text, expected);
			made++;
		}
		free(text);
		if (allocations < failing)
			break;
	}
	failing = 0;
	cJSON_InitHooks(NULL);
	assert_int_equal(made, 1);
	/* Without what one operation or another has. */
	chain.attachment = NULL;
	text = chain_request(&chain, plugin, NULL, NULL);
	assert_string_equal(text, "{\"type\":\"one\",\"big\":12345678901234567,\"cniVersion\":"
				  "\"1.1.0\",\"name\":\"net\"}");
	free(text);
}

static const char *variable_of(const struct chain_environment *env, const char *name)
{
	const char *found = NULL;

	for (size_t i = 0; env->list[i] != NULL; i++) {
		if (strncmp(env->list[i], name, strlen(name)) == 0 &&
		    env->list[i][strlen(name)] == '=') {
			assert_null(found);
			found = env->list[i] + strlen(name) + 1;
		}
	}
	return found;
}

static void the_environment_is_ours_with_the_variables_of_the_spec(void **unused)
{
	struct attachment_parameters a = {.key = {"net", "id", "eth0"}};
	struct chain chain = {.attachment = &a, .path = "/p:/q"};
	struct chain_environment env = {0};

	(void)unused;
	setenv("CNI_COMMAND", "old", 1);
	setenv("CNI_ARGS", "old", 1);
	setenv("CNI_WHATEVER", "old", 1);
	setenv("CNI", "kept", 1);
	assert_int_equal(chain_make_environment(&chain, "ADD", &env), 0);
	assert_string_equal(variable_of(&env, "CNI_COMMAND"), "ADD");
	assert_string_equal(variable_of(&env, "CNI_PATH"), "/p:/q");
	assert_string_equal(variable_of(&env, "CNI_CONTAINERID"), "id");
	assert_string_equal(variable_of(&env, "CNI_IFNAME"), "eth0");
	assert_string_equal(variable_of(&env, "CNI_NETNS"), "");
	assert_string_equal(variable_of(&env, "CNI_ARGS"), "");
	assert_string_equal(variable_of(&env, "CNI"), "kept");
	assert_null(variable_of(&env, "CNI_WHATEVER"));
	chain_environment_free(&env);

	env = (struct chain_environment){0};
	chain.attachment = NULL;
	assert_int_equal(chain_make_environment(&chain, "GC", &env), 0);
	assert_string_equal(variable_of(&env, "CNI_COMMAND"), "GC");
	assert_null(variable_of(&env, "CNI_CONTAINERID"));
	assert_null(variable_of(&env, "CNI_ARGS"));
	chain_environment_free(&env);
	unsetenv("CNI_COMMAND");
	unsetenv("CNI_ARGS");
	unsetenv("CNI_WHATEVER");
	unsetenv("CNI");
}

static void a_plugin_is_the_first_regular_file_of_its_name(void **unused)
{
	struct cni_error err = {0};
	char out[PATH_MAX];

	(void)unused;
	need_isolation();
	assert_int_equal(mkdir("/run/a", 0755) | mkdir("/run/b", 0755) | mkdir("/run/c", 0755), 0);
	assert_int_equal(mkdir("/run/a/one", 0755), 0);
	assert_true(make_file("/run/b/one", ""));
	assert_true(make_file("/run/c/one", ""));
	assert_true(make_file("/run/c/two", ""));
	assert_int_equal(chdir("/run/c"), 0);
	assert_int_equal(chain_find_plugin("one", "/run/none:/run/a::/run/b:/run/c", out, &err), 0);
	assert_string_equal(out, "/run/b/one");
	assert_int_equal(chain_find_plugin("two", "/run/a:/run/b:/run/c:", out, &err), 0);
	assert_string_equal(out, "/run/c/two");
	assert_int_equal(chain_find_plugin("two", "/run/a::/run/b:", out, &err), -1);
	assert_int_equal(err.code, CNI_ERR_CONFIG);
	assert_non_null(strstr(err.msg, "no plugin \"two\" in /run/a::/run/b:"));
	assert_int_equal(chdir("/"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_whole_or_none),
		cmocka_unit_test(the_environment_is_ours_with_the_variables_of_the_spec),
		cmocka_unit_test(a_plugin_is_the_first_regular_file_of_its_name),
	};

	return cmocka_run_group_tests(tests, isolate, NULL);
}
