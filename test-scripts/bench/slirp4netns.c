/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The slirp4netns plugin: ADD against a bare slirp4netns that reaches ready with the same options;
 * DEL against what ending that takes (the kernel unregisters the interface); VERSION against Go
 * plugins; CHECK, memory and size.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/host.h"
#include "bench.h"
#include "command.h"
#include "slirp.h"

#define NETNS "/run/netns/bench"

static const char conf[] = "{\"cniVersion\":\"1.1.0\",\"name\":\"bench\",\"type\":\"slirp4netns\","
			   "\"slirp4netnsPath\":\"" DAEMON "\"}";
static const char *plugin;
static char result[OUTPUT_MAX];

static double call(const char *operation, const char *input, char *output)
{
	struct call c;

	return command_run(call_plugin(&c, plugin, operation, "bench", NETNS, input), output,
			   OUTPUT_MAX);
}

struct bare {
	double ready; /* us */
	double end;   /* from the signal until it has been reaped */
};

/* Start the daemon bare, until it is ready, and end it. */
static struct bare start_and_end(const char *const *options, int sig)
{
	struct bare took = {.ready = -1};
	const char *argv[24] = {DAEMON, "-c", "-r", "9", "--netns-type=path"};
	const char *const envp[] = {NULL};
	const struct command command = {.argv = argv, .envp = envp};
	size_t n = 5;
	int ready[2];
	double start;
	char byte;
	pid_t pid;

	while (*options != NULL)
		argv[n++] = *options++;
	argv[n++] = NETNS;
	argv[n++] = "tap0";
	if (pipe2(ready, O_CLOEXEC) < 0)
		die("cannot make a pipe: %s", strerror(errno));
	start = command_now();
	pid = command_start(&command, ready[1]);
	close(ready[1]);
	if (read(ready[0], &byte, 1) == 1)
		took.ready = command_now() - start;
	close(ready[0]);
	start = command_now();
	kill(pid, sig);
	waitpid(pid, NULL, 0);
	took.end = command_now() - start;
	return took;
}

static double run_bare(void *arg)
{
	return start_and_end(arg, SIGKILL).ready;
}

static double run_bare_end(void *arg)
{
	const struct bare took = start_and_end(arg, SIGTERM);

	return took.ready < 0 ? -1 : took.end;
}

static double run_add(void *arg)
{
	const double us = call("ADD", conf, result);

	(void)arg;
	return call("DEL", conf, NULL) < 0 ? -1 : us;
}

static double run_check(void *arg)
{
	char input[sizeof(result) + sizeof(conf) + 32];
	double us;

	(void)arg;
	if (call("ADD", conf, result) < 0)
		return -1;
	snprintf(input, sizeof(input), "%.*s,\"prevResult\":%s}", (int)strlen(conf) - 1, conf,
		 result);
	us = call("CHECK", input, NULL);
	return call("DEL", conf, NULL) < 0 ? -1 : us;
}

static double run_del(void *arg)
{
	(void)arg;
	return call("ADD", conf, result) < 0 ? -1 : call("DEL", conf, NULL);
}

static double run_version(void *arg)
{
	struct call c;

	return command_run(call_plugin(&c, arg, "VERSION", "", "", "{\"cniVersion\":\"1.0.0\"}"),
			   NULL, 0);
}

static void size(struct bench *b)
{
	struct call c;
	const long kib = command_peak_memory(call_plugin(&c, plugin, "ADD", "bench", NETNS, conf));
	struct stat st;

	if (kib < 0 || call("DEL", conf, NULL) < 0 || stat(plugin, &st) < 0)
		die("cannot measure memory and size");
	printf("\nSize\n");
	bench_goal(b, "peak memory of ADD", (double)kib, "KiB", AT_MOST, 3072);
	bench_goal(b, "stripped plugin", (double)st.st_size, "B", AT_MOST, 150000);
}

static void run(struct bench *b)
{
	static const char *const same[] = {SAME_OPTIONS("/run/bench.sock"), NULL};
	static const char *const none[] = {NULL};
	struct candidate add[] = {
		{.name = "bare slirp4netns -c -r, same options, ready",
		 .run = run_bare,
		 .arg = (void *)(uintptr_t)same},
		{.name = "slirp4netns plugin, ADD", .run = run_add},
		{.name = "bare slirp4netns -c -r, unconfined, ready",
		 .run = run_bare,
		 .arg = (void *)(uintptr_t)none},
	};
	struct candidate version[] = {
		{.name = "slirp4netns plugin, VERSION", .run = run_version},
		{.name = "Go plugin loopback, VERSION",
		 .run = run_version,
		 .arg = (void *)(uintptr_t)PEERS "/loopback"},
		{.name = "Go plugin portmap, VERSION",
		 .run = run_version,
		 .arg = (void *)(uintptr_t)PEERS "/portmap"},
	};
	struct candidate rest[] = {
		{.name = "slirp4netns plugin, CHECK", .run = run_check},
		{.name = "slirp4netns plugin, DEL", .run = run_del},
		{.name = "bare slirp4netns, SIGTERM until reaped",
		 .run = run_bare_end,
		 .arg = (void *)(uintptr_t)same},
	};

	plugin = host_format("%s/slirp4netns", b->bin);
	version[0].arg = (void *)(uintptr_t)plugin;
	host_make("bench");
	bench_compare(b, "slirp4netns: ADD", UNIT_MS, bench_rounds(b, 100), add, 3);
	bench_goal(b, "ADD / bare, same options", add[1].median / add[0].median, "x", AT_MOST, 1.8);
	bench_compare(b, "slirp4netns: VERSION", UNIT_MS, bench_rounds(b, 100), version, 3);
	bench_goal(b, "VERSION / loopback", version[0].median / version[1].median, "x", AT_MOST,
		   0.6);
	bench_goal(b, "VERSION / portmap", version[0].median / version[2].median, "x", AT_MOST,
		   0.6);
	bench_compare(b, "slirp4netns: CHECK and DEL", UNIT_MS, bench_rounds(b, 60), rest, 3);
	bench_figure(b, "DEL / a bare slirp4netns's end", rest[1].median / rest[2].median, "x");
	size(b);
}

const struct subject subject_slirp4netns = {
	.name = "slirp4netns",
	.about = "the interface plugin beside a bare slirp4netns and Go plugins",
	.run = run,
};
