/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A configuration list, the request to each plugin of it, its result, and resolv.conf. An
 * input is the list, a NUL, a plugin's standard output, a NUL, and the capabilities' arguments.
 */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cni.h"
#include "conf.h"
#include "fuzz.h"
#include "plugins/cnirun/chain.h"
#include "plugins/cnirun/program.h"
#include "plugins/cnirun/resolv.h"

static void check_resolv(const cJSON *result)
{
	cleanup_free char *text = NULL;
	struct cni_error err = {0};
	const int value = resolv_text(result, &text, &err);

	fuzz_check_outcome(value, &err);
	PROMISE(value == 0 || !text);
	if (text != NULL)
		fuzz_check_printable(text);
}

/* Every plugin's request is JSON with its name and version in it, and nothing reserved. */
static void check_requests(const struct chain *chain, const cJSON *prev)
{
	const cJSON *plugin;

	cJSON_ArrayForEach (plugin, chain->list->plugins) {
		cleanup_free char *text = chain_request(chain, plugin, prev, NULL);
		cleanup_json cJSON *request = NULL;
		struct cni_error err = {0};

		PROMISE(text);
		/* A plugin may be nested as deep as a whole list; prevResult, put into it, deeper.
		 */
		if (json_parse(text, strlen(text), "the request", &request, &err) < 0) {
			PROMISE_OF(prev || chain->attachment->capabilities, err.msg);
			PROMISE_OF(strstr(err.msg, "nested too deeply") ||
					   strstr(err.msg, "too many"),
				   err.msg);
			continue;
		}
		PROMISE(strcmp(json_get(request, "name")->valuestring, chain->list->name) == 0);
		PROMISE(!json_get(request, "capabilities"));
		PROMISE(!json_get(request, "cni.dev/valid-attachments"));
		PROMISE(!prev == !json_get(request, "prevResult"));
	}
}

/* What call() makes of a plugin's output. Return: what is left to be the result. */
static cJSON *check_answer(struct chain *chain, char *output, int status)
{
	const struct outcome outcome = {
		.status = status, .output = output, .output_len = strlen(output)};
	struct cni_error unreadable = {0};
	struct cni_error err = {0};
	cJSON *answer = NULL;
	int value;

	if (outcome.output_len > 0)
		fuzz_check_outcome(
			json_parse(output, outcome.output_len, "its output", &answer, &unreadable),
			&unreadable);
	value = chain_judge(chain, "plugin", "ADD", &outcome, &answer, &unreadable, &err);
	PROMISE((value < 0) == (err.msg[0] != '\0'));
	if (value < 0)
		chain_complain(chain, &err);
	err = (struct cni_error){0};
	if (value == 0 && answer != NULL) {
		value = chain_accept_result(chain, "plugin", &answer, &err);
		fuzz_check_outcome(value, &err);
	}
	if (value < 0) {
		cJSON_Delete(answer);
		return NULL;
	}
	return answer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	cleanup_free char *text = input_text(&input);
	cleanup_free char *output = input_text(&input);
	cleanup_json cJSON *capabilities = input_json(&input);
	cleanup_list struct network_list list = {0};
	cleanup_json cJSON *answer = NULL;
	cleanup_json cJSON *prev = NULL;
	struct cni_error err = {0};
	const struct attachment_parameters attachment = {.key = {"net", "c", "eth0"},
							 .capabilities = capabilities};
	struct chain chain = {.list = &list, .attachment = &attachment};
	const int value = list_parse(text, strlen(text), "the list", NULL, &list, &err);

	fuzz_check_outcome(value, &err);
	if (value < 0)
		return 0;
	PROMISE(cni_valid_network_name(list.name) && cJSON_GetArraySize(list.plugins) > 0);
	list_has_capability(&list, "portMappings");
	answer = check_answer(&chain, output, 256);
	PROMISE(!answer);
	answer = check_answer(&chain, output, 0);
	check_requests(&chain, NULL);
	if (answer != NULL) {
		check_resolv(answer);
		check_requests(&chain, answer);
		prev = chain_as_prev(&chain, answer);
		PROMISE(!prev == (list.version < CNI_0_4_0));
	}
	chain_free(&chain);
	return 0;
}
