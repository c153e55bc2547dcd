/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cnirun's command line and environment. An input is a byte, the subcommand; CNI_ARGS, CAP_ARGS and
 * CNI_IFNAME; and the arguments; each ended by a NUL, "-" for a variable that is not set.
 */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cni.h"
#include "conf.h"
#include "fuzz.h"
#include "plugins/cnirun/options.h"
#include "plugins/cnirun/publish.h"

#define ARGUMENTS_MAX 12

static void check_mappings(const cJSON *mappings)
{
	const cJSON *mapping;

	PROMISE(cJSON_GetArraySize(mappings) <= PUBLISH_MAX);
	cJSON_ArrayForEach (mapping, mappings) {
		const cJSON *host = json_get(mapping, "hostPort");
		const cJSON *container = json_get(mapping, "containerPort");

		PROMISE(host->valueint >= 1 && host->valueint <= 65535);
		PROMISE(container->valueint >= 1 && container->valueint <= 65535);
	}
}

/* An absolute path in its shortest form, and an id that fits the grammar. */
static void check_attachment(const struct options *options, const char *netns)
{
	cleanup_attachment_parameters struct attachment_parameters a = {0};
	struct cni_error err = {0};
	const int value = options_attachment(options, "net", netns, &a, &err);

	fuzz_check_outcome(value, &err);
	if (value < 0)
		return;
	PROMISE(attachment_is_valid(&a.key));
	PROMISE_OF(a.netns[0] == '/' && strlen(a.netns) < PATH_MAX, a.netns);
	PROMISE_OF(!strstr(a.netns, "//") && !strstr(a.netns, "/../") && !strstr(a.netns, "/./"),
		   a.netns);
}

static void check_options(struct options *options, int argc)
{
	static const char text[] =
		"{\"name\":\"n\",\"cniVersion\":\"1.1.0\",\"plugins\":[{\"type\":\"t\","
		"\"capabilities\":{\"portMappings\":true,\"mac\":false}}]}";
	cleanup_list struct network_list list = {0};
	struct cni_error err = {0};

	PROMISE(options->n_rest >= 0 && options->n_rest < argc);
	PROMISE(options->rest[options->n_rest] == NULL);
	PROMISE(options->pid >= 0 && options->limit_ms >= 1000 && options->limit_ms <= 3600000);
	PROMISE(cni_valid_ifname(options->ifname));
	if (options->publish)
		check_mappings(json_get(options->capabilities, "portMappings"));
	if (options->capabilities != NULL)
		free(fuzz_print(options->capabilities));
	if (options->n_rest > 0)
		check_attachment(options, options->rest[0]);
	if (list_parse(text, strlen(text), "a list", NULL, &list, &err) < 0)
		abort();
	fuzz_check_outcome(options_check_capabilities(options, &list, &err), &err);
}

/* A message about an option names one that was given. */
static void check_message(const struct cni_error *err, int argc, char **argv)
{
	static const char unknown[] = "there is no option ";
	const char *name = err->msg + strlen(unknown);
	bool given = false;

	if (strncmp(err->msg, unknown, strlen(unknown)) != 0)
		return;
	PROMISE_OF(*name == '-', err->msg);
	for (int i = 1; i < argc; i++)
		given |= argv[i][0] == '-' && argv[i][1] != '\0';
	PROMISE(given);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	const unsigned int command = 1u << input_byte(&input) % 6;
	cleanup_options struct options options = {0};
	char *argv[ARGUMENTS_MAX + 2] = {NULL};
	char *copies[ARGUMENTS_MAX + 1];
	struct cni_error err = {0};
	int argc = 1;
	int value;

	input_variable(&input, "CNI_ARGS");
	input_variable(&input, "CAP_ARGS");
	input_variable(&input, "CNI_IFNAME");
	copies[0] = argv[0] = strdup("add");
	for (; input.left > 0 && argc <= ARGUMENTS_MAX; argc++)
		copies[argc] = argv[argc] = input_text(&input);
	value = options_parse(argc, argv, command, &options, &err);
	fuzz_check_outcome(value, &err);
	if (value == 0)
		check_options(&options, argc);
	else
		check_message(&err, argc, argv);
	for (int i = 0; i < argc; i++)
		free(copies[i]); /* getopt reorders argv */
	return 0;
}
