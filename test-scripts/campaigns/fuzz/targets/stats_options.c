// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * netns-stats's command line: `show` and `inspect` whole, on a machine without containers, and the
 * values that `top` and `serve` read. An input is the arguments, each ended by a NUL.
 */
#include "plugins/netns-stats/serve.h"

#include <getopt.h>

#include "fuzz.h"
#include "plugins/netns-stats/commands.h"

#define ARGUMENTS_MAX 12

int stats_main(int argc, char **argv);

static void check_values(const char *text)
{
	struct cni_error err = {0};
	char shown[160] = "";
	uint16_t port;
	int ms = -1;
	cleanup_close int fd = -1;

	if (parse_seconds(text, 100, 3600000, &ms) == 0)
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
	/* These two do not end by themselves; a plugin's call is protocol.c's. */
	if (argc > 1 && strcmp(argv[1], "top") != 0 && strcmp(argv[1], "serve") != 0) {
		optind = 0;
		opterr = 0;
		status = stats_main(argc, argv);
		PROMISE(status >= 0 && status <= 3);
	}
	for (int i = 1; i < argc; i++)
		free(copies[i - 1]); /* getopt reorders argv */
	/* The first is never moved. */
	free(argv[0]);
	return 0;
}
