/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starting a plugin: what the operating system takes for a program of no libraries, for one that
 * links the C library alone, for ours as they are linked usually and statically, and for Go's.
 * VERSION is the operation: it reads the environment and prints its result.
 */
#include <stdio.h>
#include <unistd.h>

#include "../lib/host.h"
#include "bench.h"
#include "command.h"

static double run_version(void *arg)
{
	struct call c;

	return command_run(call_plugin(&c, arg, "VERSION", "", "", "{\"cniVersion\":\"1.0.0\"}"),
			   NULL, 0);
}

static void run(struct bench *b)
{
	static const char *const plugins[] = {"slirp4netns", "netns-portmap", "netns-stats"};
	struct candidate c[] = {
		{.name = "/bin/true: the C library, and nothing to do",
		 .arg = (void *)(uintptr_t) "/bin/true"},
		{.name = "dynamic"},
		{.name = "Go plugin loopback", .arg = (void *)(uintptr_t)PEERS "/loopback"},
		{.name = "static"},
	};
	const size_t n = sizeof(c) / sizeof(c[0]);

	for (size_t i = 0; i < n; i++)
		c[i].run = run_version;
	for (size_t i = 0; i < sizeof(plugins) / sizeof(plugins[0]); i++) {
		char *fixed = host_format("%s/static/bin/%s", b->build, plugins[i]);
		const bool with_static = access(fixed, X_OK) == 0;

		c[1].arg = host_format("%s/%s", b->bin, plugins[i]);
		c[3].arg = fixed;
		bench_compare(b, host_format("start: VERSION of %s", plugins[i]), UNIT_MS,
			      bench_rounds(b, 150), c, with_static ? n : n - 1);
		bench_figure(b, host_format("%s: dynamic / true", plugins[i]),
			     c[1].median / c[0].median, "x");
		if (with_static)
			bench_goal(b, host_format("%s: static / dynamic", plugins[i]),
				   c[3].median / c[1].median, "x", AT_MOST, 1);
		else
			bench_note(b, "no %s was built (make static): dynamic alone", fixed);
	}
}

const struct subject subject_start = {
	.name = "start",
	.about = "what starting a plugin takes, linked dynamically and statically",
	.run = run,
};
