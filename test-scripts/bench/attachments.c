/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ADD and DEL as the number of attachments grows: what the 500th container waits for.
 *
 * Three chains, each on a host of its own, each container with one published port:
 *
 *   ours, user mode    slirp4netns, netns-portmap (through slirp4netns's API)
 *   ours, bridged      the reference bridge and host-local, netns-portmap (nf_tables)
 *   reference          the reference bridge and host-local, portmap (iptables)
 *
 * A host has its own network, mounts and state, so that the bind mounts of one chain's namespaces
 * are not copied by the daemons of another. All attachments are there at the same time, up to the
 * largest number, and each call is timed, in turn: there are no levels to interpolate between, and
 * filling up is not time lost. DELs go from the newest to the oldest. What a call is among N
 * attachments is the median of those whose number is near N.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/host.h"
#include "bench.h"
#include "command.h"

#define WINDOW 25 /* calls that a figure is the median of */

static int home_mounts = -1; /* the subject's own */

static int open_mounts(void)
{
	const int fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

	host_must(fd, "/proc/self/ns/mnt");
	return fd;
}

/* Go on among the mounts @fd. */
static void use_mounts(int fd)
{
	host_must(setns(fd, CLONE_NEWNS), "cannot enter a mount namespace");
}

/* Mounts of a chain's own: an empty /run and /var/lib/cni. */
static int new_mounts(void)
{
	int fd;

	host_must(host_unshare(0), "cannot make a mount namespace");
	host_empty();
	fd = open_mounts();
	use_mounts(home_mounts);
	return fd;
}

/* Members of a configuration, apart from those that all have. */
static const char slirp_members[] = "\"type\":\"slirp4netns\"";
static const char bridge_members[] =
	"\"type\":\"bridge\",\"bridge\":\"cni0\",\"isGateway\":true,\"ipam\":{\"type\":"
	"\"host-local\",\"ranges\":[[{\"subnet\":\"10.22.0.0/16\"}]],\"routes\":[{\"dst\":"
	"\"0.0.0.0/0\"}]}";

struct chain {
	const char *name;
	const char *host; /* a network namespace, and the name of the CNI network */
	int mounts;       /* the host's */
	const char *interface_members;
	const char *interface_path;
	const char *portmap_type;
	const char *portmap_path;
	double *add, *del; /* us, by the number of attachments that were there before, and after */
	char **results;    /* of the chain, by attachment */
};

static char *interface_conf(const struct chain *chain, const char *prev)
{
	return host_format("{\"cniVersion\":\"1.0.0\",\"name\":\"%s\",%s%s%s}", chain->host,
			   chain->interface_members, prev != NULL ? ",\"prevResult\":" : "",
			   prev != NULL ? prev : "");
}

static char *portmap_conf(const struct chain *chain, int i, const char *prev)
{
	return host_format("{\"cniVersion\":\"1.0.0\",\"name\":\"%s\",\"type\":\"%s\","
			   "\"runtimeConfig\":{\"portMappings\":[{\"hostPort\":%d,"
			   "\"containerPort\":80,\"protocol\":\"tcp\"}]},\"prevResult\":%s}",
			   chain->host, chain->portmap_type, 10000 + i, prev);
}

static double call(const struct chain *chain, const char *path, const char *operation, int i,
		   const char *input, char *output)
{
	char container[32], netns[64];
	struct call c;
	double us;

	snprintf(container, sizeof(container), "container-%d", i);
	snprintf(netns, sizeof(netns), "/run/netns/%s-%d", chain->host, i);
	us = command_run(call_plugin(&c, path, operation, container, netns, input), output,
			 OUTPUT_MAX);
	if (us < 0)
		die("%s: %s of attachment %d failed", chain->name, operation, i);
	return us;
}

static void add(struct chain *chain, int i)
{
	static char result[OUTPUT_MAX];
	char name[48];
	char *input;

	snprintf(name, sizeof(name), "%s-%d", chain->host, i);
	use_mounts(chain->mounts);
	host_make(name);
	host_switch(chain->host);
	input = interface_conf(chain, NULL);
	chain->add[i] = call(chain, chain->interface_path, "ADD", i, input, result);
	free(input);
	input = portmap_conf(chain, i, result);
	chain->add[i] += call(chain, chain->portmap_path, "ADD", i, input, result);
	free(input);
	chain->results[i] = strdup(result);
	host_switch(NULL);
}

static void del(struct chain *chain, int i)
{
	char *input = portmap_conf(chain, i, chain->results[i]);

	use_mounts(chain->mounts);
	host_switch(chain->host);
	chain->del[i] = call(chain, chain->portmap_path, "DEL", i, input, NULL);
	free(input);
	input = interface_conf(chain, chain->results[i]);
	chain->del[i] += call(chain, chain->interface_path, "DEL", i, input, NULL);
	free(input);
	host_switch(NULL);
}

/* The calls among some numbers of others: a row for each chain. */
static void report(struct bench *b, const char *operation, struct chain *chains, size_t n_chains,
		   int n, bool adds)
{
	static const int numbers[] = {0, 50, 100, 250, 500};
	const int window = n < WINDOW ? n : WINDOW;

	for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]) && numbers[k] <= n; k++) {
		int from = numbers[k] - window / 2;

		if (from > n - window)
			from = n - window;
		if (from < 0)
			from = 0;
		bench_begin(b,
			    host_format("attachments: %s among %d to %d others", operation, from,
					from + window - 1),
			    UNIT_MS, window);
		for (size_t c = 0; c < n_chains; c++) {
			double *calls = adds ? chains[c].add : chains[c].del;
			struct candidate near = {.name = chains[c].name, .samples = calls + from};

			bench_row(b, &near, (size_t)window);
		}
	}
}

/* For the plot: every call, in ms. */
static void keep(struct bench *b, const struct chain *chain, int n)
{
	cJSON *all = cJSON_GetObjectItemCaseSensitive(b->report, "curves");
	cJSON *curve = cJSON_CreateObject();
	cJSON *add_ms, *del_ms;

	if (all == NULL)
		all = cJSON_AddArrayToObject(b->report, "curves");
	cJSON_AddStringToObject(curve, "name", chain->name);
	add_ms = cJSON_AddArrayToObject(curve, "add");
	del_ms = cJSON_AddArrayToObject(curve, "del");
	for (int i = 0; i < n; i++) {
		cJSON_AddItemToArray(add_ms, cJSON_CreateNumber(chain->add[i] / 1e3));
		cJSON_AddItemToArray(del_ms, cJSON_CreateNumber(chain->del[i] / 1e3));
	}
	cJSON_AddItemToArray(all, curve);
}

static void run(struct bench *b)
{
	struct chain chains[] = {
		{.name = "ours, user mode: slirp4netns, netns-portmap",
		 .host = "user",
		 .interface_members = slirp_members,
		 .interface_path = host_format("%s/slirp4netns", b->bin),
		 .portmap_type = "netns-portmap",
		 .portmap_path = host_format("%s/netns-portmap", b->bin)},
		{.name = "ours, bridged: bridge, host-local, netns-portmap",
		 .host = "bridged",
		 .interface_members = bridge_members,
		 .interface_path = PEERS "/bridge",
		 .portmap_type = "netns-portmap",
		 .portmap_path = host_format("%s/netns-portmap", b->bin)},
		{.name = "reference: bridge, host-local, portmap (iptables)",
		 .host = "reference",
		 .interface_members = bridge_members,
		 .interface_path = PEERS "/bridge",
		 .portmap_type = "portmap",
		 .portmap_path = PEERS "/portmap"},
	};
	const size_t n_chains = sizeof(chains) / sizeof(chains[0]);
	const int n = b->quick ? 3 : 500;

	home_mounts = open_mounts();
	for (size_t c = 0; c < n_chains; c++) {
		chains[c].add = bench_alloc((size_t)n, sizeof(double));
		chains[c].del = bench_alloc((size_t)n, sizeof(double));
		chains[c].results = bench_alloc((size_t)n, sizeof(char *));
		chains[c].mounts = new_mounts();
		use_mounts(chains[c].mounts);
		host_make(chains[c].host);
		host_run("ip -n %s link set lo up", chains[c].host);
	}
	for (int i = 0; i < n; i++)
		for (size_t c = 0; c < n_chains; c++)
			add(&chains[c], i);
	for (int i = n; i-- > 0;)
		for (size_t c = 0; c < n_chains; c++)
			del(&chains[c], i);
	report(b, "ADD", chains, n_chains, n, true);
	report(b, "DEL", chains, n_chains, n, false);
	for (size_t c = 0; c < n_chains; c++)
		keep(b, &chains[c], n);
}

const struct subject subject_attachments = {
	.name = "attachments",
	.about = "ADD and DEL among up to 500 attachments, ours and the reference plugins'",
	.run = run,
};
