/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What starting costs, static against dynamic: VERSION of each plugin, for it does nothing else.
 *
 * usage: build/bench/static DYNAMIC-BINDIR STATIC-BINDIR [ROUNDS]
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

/* A plugin that starts more slowly without shared libraries than with them would be a mistake. */
#define GOAL 1.0

static double run_version(void *arg)
{
	static const char *const env[] = {"CNI_COMMAND=VERSION", NULL};
	const char *const argv[] = {arg, NULL};
	const struct command version = {
		.argv = argv, .envp = env, .input = "{\"cniVersion\":\"1.0.0\"}"};

	return bench_run(&version, NULL, 0);
}

int main(int argc, char **argv)
{
	static const char *const plugins[] = {"slirp4netns", "netns-portmap", "netns-stats"};
	const int rounds = argc > 3 ? atoi(argv[3]) : 200;

	if (argc < 3 || rounds < 1 || rounds > BENCH_MAX_ROUNDS)
		bench_die("usage: build/bench/static DYNAMIC-BINDIR STATIC-BINDIR [ROUNDS]");
	for (size_t i = 0; i < sizeof(plugins) / sizeof(plugins[0]); i++) {
		char title[64], path[2][4096];
		const struct goal goal[] = {{"static / dynamic", 1, 0, GOAL}};
		static struct candidate start[2];

		for (size_t k = 0; k < 2; k++) {
			snprintf(path[k], sizeof(path[k]), "%s/%s", argv[1 + k], plugins[i]);
			start[k] = (struct candidate){.name = k == 0 ? "dynamic, VERSION"
								     : "static, VERSION",
						      .run = run_version,
						      .arg = path[k]};
		}
		snprintf(title, sizeof(title), "Start of %s, static and dynamic", plugins[i]);
		bench_compare(title, start, 2, rounds, goal, 1);
	}
	return 0;
}
