/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Results in every version: what is read comes out as it came in its own version, can be printed in
 * each other one, what was printed is read again, and a second round changes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "cleanup.h"
#include "conf.h"
#include "fuzz.h"
#include "result.h"

/* What others rely on in a result that was accepted. */
static void check_model(const struct cni_result *result)
{
	struct ip_prefix prefix;
	struct ip_address address;

	for (size_t i = 0; i < result->n_interfaces; i++)
		PROMISE(!result->interfaces[i].name || *result->interfaces[i].name);
	for (size_t i = 0; i < result->n_ips; i++) {
		const struct cni_ip *ip = &result->ips[i];

		PROMISE(ip->interface >= RESULT_NOWHERE &&
			ip->interface < (int)result->n_interfaces);
		if (ip->address != NULL) {
			PROMISE(ip_prefix_parse(ip->address, &prefix) == 0);
			PROMISE(prefix.address.family == ip->family);
		}
		PROMISE(!ip->gateway || ip_address_parse(ip->gateway, &address) == 0);
	}
	for (size_t i = 0; i < result->n_routes; i++) {
		const struct cni_route *route = &result->routes[i];

		PROMISE(!route->dst || ip_prefix_parse(route->dst, &prefix) == 0);
		PROMISE(!route->gw || ip_address_parse(route->gw, &address) == 0);
	}
}

/* Who needs what cannot be used gets a sentence. */
static void check_faults(const struct cni_result *result)
{
	static const char *const lists[] = {"interfaces", "ips", "routes", "dns"};

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		struct cni_error err = {0};

		fuzz_check_outcome(result_require(result, lists[i], RESULT_ANY, NULL, &err), &err);
	}
}

static void check_round(const struct cni_result *result, enum cni_version version)
{
	cleanup_result struct cni_result second = {0};
	cleanup_json cJSON *first_tree = NULL;
	cleanup_json cJSON *second_tree = NULL;
	cleanup_json cJSON *read_back = NULL;
	cleanup_free char *first = NULL;
	cleanup_free char *again = NULL;
	struct cni_error err = {0};

	PROMISE(result_print(result, version, &first_tree, &err) == 0);
	first = fuzz_print(first_tree);
	PROMISE_OF(json_parse(first, strlen(first), "the print", &read_back, &err) == 0, err.msg);
	PROMISE_OF(result_parse(read_back, version, "the print", &second, &err) == 0, err.msg);
	check_model(&second);
	PROMISE(result_print(&second, version, &second_tree, &err) == 0);
	again = fuzz_print(second_tree);
	PROMISE_OF(strcmp(first, again) == 0, again);
}

/* In its own version: as it came. */
static void check_identity(const struct cni_result *result, const cJSON *json)
{
	cleanup_json cJSON *tree = NULL;
	cleanup_json cJSON *exact = json_copy(json);
	cleanup_free char *before = NULL;
	cleanup_free char *after = NULL;
	const cJSON *version = json_get(json, "cniVersion");
	struct cni_error err = {0};

	if (!cJSON_IsString(version) || !*version->valuestring)
		return;
	PROMISE(exact && result_print(result, result->version, &tree, &err) == 0);
	before = fuzz_print(exact);
	after = fuzz_print(tree);
	PROMISE_OF(strcmp(before, after) == 0, after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	const enum cni_version version = input_byte(&input) % CNI_VERSION_COUNT;
	cleanup_json cJSON *json = input_json(&input);
	cleanup_result struct cni_result result = {0};
	struct cni_error err = {0};
	int value;

	if (json == NULL)
		return 0;
	value = result_parse(json, version, "prevResult", &result, &err);
	fuzz_check_outcome(value, &err);
	if (value < 0)
		return 0;
	check_model(&result);
	check_faults(&result);
	check_identity(&result, json);
	result_find_interface(&result, "eth0", "/run/netns/x");
	for (enum cni_version v = CNI_0_1_0; v < CNI_VERSION_COUNT; v++)
		check_round(&result, v);
	return 0;
}
