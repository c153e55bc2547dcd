/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * This build beside another one, `--before DIR`: what a change of the code has cost or brought.
 *
 * Both work on one host, with one state directory, in alternation: each call leaves what it found,
 * so neither sees the other. A figure is a ratio of medians, this build's by the other's. There are
 * no goals, since the author of a change says what it may cost.
 *
 * Two designs: each subject takes the other build's executables as one more candidate, or a subject
 * of its own calls what the others call. The first would measure everything that the others do, but
 * the rounds of the peers, which take most of the time, would be paid for as well. The second takes
 * three minutes, which is why it is used.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/host.h"
#include "bench.h"
#include "command.h"
#include "portmap_fill.h"
#include "slirp.h"

#define CONTAINER "before"
#define NETNS "/run/netns/" CONTAINER
#define NAMESPACES 500
#define OTHERS 5000

/* One operation of one build's plugin: what is timed, and what comes before and behind it. */
struct work {
	const char *path;
	const char *first;     /* an operation, or NULL */
	const char *operation; /* the one that is timed */
	const char *last;      /* an operation, or NULL */
	const char *conf;
	bool with_result; /* of @first, as the prevResult of @operation */
};

static double call(const struct work *work, const char *operation, const char *conf, char *output)
{
	struct call c;

	return command_run(call_plugin(&c, work->path, operation, CONTAINER, NETNS, conf), output,
			   OUTPUT_MAX);
}

static double run_work(void *arg)
{
	static char result[OUTPUT_MAX];
	static char conf[2 * OUTPUT_MAX];
	const struct work *work = arg;
	double us;

	if (work->first != NULL && call(work, work->first, work->conf, result) < 0)
		return -1;
	if (work->with_result)
		snprintf(conf, sizeof(conf), "%.*s,\"prevResult\":%s}", (int)strlen(work->conf) - 1,
			 work->conf, result);
	us = call(work, work->operation, work->with_result ? conf : work->conf, NULL);
	if (work->last != NULL && call(work, work->last, work->conf, NULL) < 0)
		return -1;
	return us;
}

static double run_command(void *arg)
{
	static const char *const envp[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	const struct command command = {.argv = arg, .envp = envp};

	return command_run(&command, NULL, 0);
}

static void compare(struct bench *b, const char *title, int rounds, double (*run)(void *arg),
		    void *before, void *now)
{
	struct candidate c[] = {
		{.name = "before", .run = run, .arg = before},
		{.name = "now", .run = run, .arg = now},
	};

	bench_compare(b, host_format("before: %s", title), UNIT_MS, bench_rounds(b, rounds), c, 2);
	bench_figure(b, host_format("%s, now / before", title), c[1].median / c[0].median, "x");
}

static void compare_plugin(struct bench *b, const char *plugin, const char *title, int rounds,
			   const struct work *work)
{
	struct work before = *work, now = *work;

	before.path = host_format("%s/%s", b->before, plugin);
	now.path = host_format("%s/%s", b->bin, plugin);
	compare(b, host_format("%s, %s", plugin, title), rounds, run_work, &before, &now);
}

/* ADD, CHECK and DEL; the state directory is left as it was. */
static void compare_operations(struct bench *b, const char *plugin, const char *where, int rounds,
			       const char *conf, bool with_result)
{
	const struct work add = {.operation = "ADD", .last = "DEL", .conf = conf};
	const struct work check = {.first = "ADD",
				   .operation = "CHECK",
				   .last = "DEL",
				   .conf = conf,
				   .with_result = with_result};
	const struct work del = {.first = "ADD", .operation = "DEL", .conf = conf};

	compare_plugin(b, plugin, host_format("ADD%s", where), rounds, &add);
	compare_plugin(b, plugin, host_format("CHECK%s", where), rounds, &check);
	compare_plugin(b, plugin, host_format("DEL%s", where), rounds, &del);
}

static void compare_starts(struct bench *b)
{
	static const char *const plugins[] = {"slirp4netns", "netns-portmap", "netns-stats"};
	const struct work version = {.operation = "VERSION", .conf = "{\"cniVersion\":\"1.0.0\"}"};

	for (size_t i = 0; i < sizeof(plugins) / sizeof(plugins[0]); i++)
		compare_plugin(b, plugins[i], "VERSION", 150, &version);
}

/* A container behind a bridge. Return: the result of the plugin that made it. */
static const char *make_bridged(void)
{
	static const char conf[] =
		"{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"type\":\"bridge\",\"bridge\":"
		"\"cni0\",\"isGateway\":true,\"ipam\":{\"type\":\"host-local\",\"dataDir\":"
		"\"/run/host-local\",\"ranges\":[[{\"subnet\":\"10.22.0.0/16\"}]]}}";
	const struct work bridge = {.path = PEERS "/bridge"};
	static char result[OUTPUT_MAX];

	if (call(&bridge, "ADD", conf, result) < 0)
		die("the bridge plugin failed");
	return result;
}

/* Two mappings beside @others that are published already. */
static const char *portmap_conf(const char *result)
{
	return host_format("{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"type\":\"netns-portmap\","
			   "\"runtimeConfig\":{\"portMappings\":["
			   "{\"hostPort\":9000,\"containerPort\":80,\"protocol\":\"tcp\"},"
			   "{\"hostPort\":9001,\"containerPort\":81,\"protocol\":\"tcp\"}]},"
			   "\"prevResult\":%s}",
			   result);
}

static void compare_portmap(struct bench *b, const char *result)
{
	const struct work keeper = {.path = host_format("%s/netns-portmap", b->before)};
	const char *conf = portmap_conf(result);
	struct call c;

	compare_operations(b, "netns-portmap", " (nftables, the first)", 40, conf, false);
	/* One that stays, so that the table does. */
	if (command_run(call_plugin(&c, keeper.path, "ADD", "keeper", NETNS,
				    host_format("{\"cniVersion\":\"1.0.0\",\"name\":\"net\","
						"\"type\":\"netns-portmap\",\"runtimeConfig\":{"
						"\"portMappings\":[{\"hostPort\":8000,"
						"\"containerPort\":80,\"protocol\":\"tcp\"}]},"
						"\"prevResult\":%s}",
						result)),
			NULL, 0) < 0)
		die("the mapping that stays cannot be added");
	compare_operations(b, "netns-portmap", " (nftables, one other)", 40, conf, false);
	portmap_fill(NULL, 0, b->quick ? 100 : OTHERS);
	compare_operations(b, "netns-portmap",
			   host_format(" (nftables, %d others)", b->quick ? 100 : OTHERS), 40, conf,
			   false);
}

static void compare_stats(struct bench *b, const char *result)
{
	const int n = b->quick ? 20 : NAMESPACES;
	const char **before = bench_alloc((size_t)n + 6, sizeof(*before));
	const char **now = bench_alloc((size_t)n + 6, sizeof(*now));
	const char *const head[] = {NULL, "show", "--format", "json", "--netns"};

	compare_operations(b, "netns-stats", "", 80,
			   host_format("{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"type\":"
				       "\"netns-stats\",\"prevResult\":%s}",
				       result),
			   false);
	memcpy(before, head, sizeof(head));
	memcpy(now, head, sizeof(head));
	before[0] = host_format("%s/netns-stats", b->before);
	now[0] = host_format("%s/netns-stats", b->bin);
	for (int i = 0; i < n; i++) {
		host_make(host_format("s%d", i));
		before[5 + i] = now[5 + i] = host_format("/run/netns/s%d", i);
	}
	compare(b, host_format("netns-stats show of %d namespaces", n), 60, run_command,
		(void *)(uintptr_t)before, (void *)(uintptr_t)now);
	before[6] = now[6] = NULL;
	compare(b, "netns-stats show of one namespace", 150, run_command, (void *)(uintptr_t)before,
		(void *)(uintptr_t)now);
}

/* add and del of a shipped list, by the cnirun and the plugins of one build. */
static double run_add_del(void *arg)
{
	const char *bin = arg;
	const char *cnirun = host_format("%s/cnirun", bin);
	const char *const envp[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
				    host_format("CNI_PATH=%s", bin), "NETCONFPATH=/run/net.d",
				    NULL};
	const char *argv[] = {cnirun, "add", "usernet", NETNS, NULL};
	const struct command command = {.argv = argv, .envp = envp};
	const double add = command_run(&command, NULL, 0);
	double del;

	argv[1] = "del";
	del = add < 0 ? -1 : command_run(&command, NULL, 0);
	return del < 0 ? -1 : add + del;
}

static double run_cnirun(void *arg)
{
	const char *bin = arg;
	const char *const envp[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
				    host_format("CNI_PATH=%s", bin), "NETCONFPATH=/run/net.d",
				    NULL};
	const char *const argv[] = {
		host_format("%s/cnirun", bin), "--network", "usernet", "--", "/bin/true", NULL};
	const struct command command = {.argv = argv, .envp = envp};

	return command_run(&command, NULL, 0);
}

static void compare_cnirun(struct bench *b)
{
	if (mkdir("/run/net.d", 0755) < 0)
		die("cannot make /run/net.d: %s", strerror(errno));
	host_run("cp conf/40-all.conflist /run/net.d");
	compare(b, "cnirun add and del of slirp4netns, netns-portmap, netns-stats", 40, run_add_del,
		(void *)(uintptr_t)b->before, (void *)(uintptr_t)b->bin);
	compare(b, "cnirun -- true", 40, run_cnirun, (void *)(uintptr_t)b->before,
		(void *)(uintptr_t)b->bin);
}

static void run(struct bench *b)
{
	static const char slirp[] =
		"{\"cniVersion\":\"1.1.0\",\"name\":\"before\",\"type\":\"slirp4netns\","
		"\"slirp4netnsPath\":\"" DAEMON "\"}";
	const char *result;

	if (b->before == NULL) {
		bench_note(b, "--before DIR, the executables of another build, was not given");
		return;
	}
	host_run("ip link set lo up");
	host_run("sysctl -qw net.ipv4.ip_forward=1");
	host_make(CONTAINER);
	compare_starts(b);
	compare_operations(b, "slirp4netns", "", 60, slirp, true);
	compare_cnirun(b);
	result = make_bridged();
	compare_stats(b, result);
	compare_portmap(b, result);
}

const struct subject subject_before = {
	.name = "before",
	.about = "this build beside another one, of which --before says the folder",
	.run = run,
};
