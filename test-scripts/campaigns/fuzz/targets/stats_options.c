/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netns-stats's command line: `show` and `inspect` whole, on a machine without containers, and the
 * values that `top` and `serve` read. An input is the arguments, each ended by a NUL.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fuzz.h"
#include "plugins/netns-stats/commands.h"
#include "plugins/netns-stats/complain.h"
#include "plugins/netns-stats/options.h"
#include "plugins/netns-stats/serve.h"

#define ARGUMENTS_MAX 12

/* The subcommands that end by themselves; a plugin's call is protocol.c's. */
static int run(int argc, char **argv)
{
	if (strcmp(argv[1], "show") == 0)
		return show_main(argc - 1, argv + 1);
	if (strcmp(argv[1], "inspect") == 0)
		return inspect_main(argc - 1, argv + 1);
	return complain_usage("no command \"%.80s\"", argv[1]);
}

static void check_command_lines(int argc, char **argv)
{
	struct top_options top;
	struct serve_options serve;

	optind = 0;
	if (options_of_top(argc, argv, &top) == 0)
		PROMISE(top.interval_ms >= 100 && top.interval_ms <= 3600000);
	optind = 0;
	if (options_of_serve(argc, argv, &serve) == 0)
		PROMISE(serve.address && serve.limit_ms >= 10 && serve.limit_ms <= 60000);
}

static void check_values(const char *text)
{
	struct cni_error err = {0};
	char shown[160] = "";
	uint16_t port;
	int ms = -1;
	cleanup_close int fd = -1;

	if (options_seconds(text, 100, 3600000, &ms) == 0)
		PROMISE(ms >= 100 && ms <= 3600000);
	if (http_parse_port(text, &port) == 0)
		PROMISE(strtol(text, NULL, 10) == port);
	fd = http_listen_inet(text, shown, sizeof(shown), &err);
	if (fd < 0)
		fuzz_check_error(&err);
	else
		PROMISE(strrchr(shown, ':'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	char *argv[ARGUMENTS_MAX + 2] = {strdup("netns-stats")};
	char *copies[ARGUMENTS_MAX];
	int argc = 1;
	int status;

	while (input.left > 0 && argc <= ARGUMENTS_MAX) {
		copies[argc - 1] = input_text(&input);
		argv[argc] = copies[argc - 1];
		argc++;
	}
	for (int i = 1; i < argc; i++)
		check_values(argv[i]);
	opterr = 0;
	if (argc > 1)
		check_command_lines(argc - 1, argv + 1);
	if (argc > 1) {
		optind = 0;
		status = run(argc, argv);
		PROMISE(status >= 0 && status <= 3);
	}
	for (int i = 1; i < argc; i++)
		free(copies[i - 1]); /* getopt reorders argv */
	/* The first is never moved. */
	free(argv[0]);
	return 0;
}
