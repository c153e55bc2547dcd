/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netns-stats: the plugin beside the Go plugin `tuning` that does nothing; `show` of 1,000
 * namespaces beside a loop of ip; a scrape of 1,000 attachments.
 *
 * Where a goal is a time, a machine's speed decides. The unit for it is what the kernel alone takes
 * to enter a namespace and dump its counters, by one thread that does nothing else; it took 7 us
 * where the goal of 20 us was set, so 20/7 of it is that goal on any machine. Both are judged.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../lib/host.h"
#include "address.h"
#include "bench.h"
#include "command.h"
#include "link.h"

#define STATE "/run/usernet-cni/netns-stats/net"
#define PORT 9732

static const char *stats;
static int count;
static const char **paths; /* of the namespaces */

/*
 * Namespaces with what a container has, and a registration for each
 */

static void make_interface(void)
{
	cleanup_link_batch struct link_batch *batch = link_batch_new();
	cleanup_netlink struct netlink *sk = NULL;
	struct ifreq request = {.ifr_name = "eth0", .ifr_flags = IFF_TAP | IFF_NO_PI};
	const int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	struct ip_prefix address;
	struct cni_error err = {0};
	struct link link;

	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0 || ioctl(fd, TUNSETPERSIST, 1) < 0)
		die("cannot make a tap: %s", strerror(errno));
	close(fd);
	sk = netlink_open(NULL, NETLINK_ROUTE, &err);
	if (sk == NULL || ip_prefix_parse("10.0.2.100/24", &address) < 0 ||
	    link_get(sk, "eth0", &link, &err) < 1)
		die("cannot find the tap: %s", err.msg);
	link_batch_up(batch, 1);
	link_batch_up(batch, link.index);
	link_batch_add_address(batch, link.index, &address);
	if (link_batch_commit(batch, sk, &err) < 0)
		die("%s: %s", err.msg, err.details);
}

static void write_registration(int i, const char *netns)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), STATE "/%08x%056x@eth0.json", (unsigned int)i * 2654435761U,
		 (unsigned int)i);
	f = fopen(path, "we");
	if (f == NULL)
		die("%s: %s", path, strerror(errno));
	fprintf(f,
		"{\"containerId\":\"%08x%056x\",\"network\":\"net\",\"ifName\":\"eth0\","
		"\"netns\":\"%s\",\"pod\":\"web-%d\",\"podNamespace\":\"prod\",\"begin\":{\"time\":"
		"\"\",\"interfaces\":[]},\"result\":{\"cniVersion\":\"1.1.0\",\"interfaces\":[{"
		"\"name\":\"eth0\",\"sandbox\":\"%s\"}],\"ips\":[{\"address\":\"10.0.2.100/24\","
		"\"interface\":0}]}}",
		(unsigned int)i * 2654435761U, (unsigned int)i, netns, i, netns);
	fclose(f);
}

static void prepare(void)
{
	host_run("mkdir -m 700 -p /run/usernet-cni " STATE);
	host_run("chmod 700 /run/usernet-cni/netns-stats");
	paths = bench_alloc((size_t)count, sizeof(*paths));
	for (int i = 0; i < count; i++) {
		const char *name = host_format("n%d", i);

		paths[i] = host_format("/run/netns/%s", name);
		host_make(name);
		host_switch(name);
		make_interface();
		host_switch(NULL);
		write_registration(i, paths[i]);
	}
}

/*
 * The plugin
 */

static const char *configuration(const char *type)
{
	return host_format("{\"cniVersion\":\"1.0.0\",\"name\":\"bench\",\"type\":\"%s\","
			   "\"prevResult\":{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":"
			   "\"eth0\",\"mac\":\"02:00:00:00:00:01\",\"sandbox\":\"%s\"}],\"ips\":["
			   "{\"address\":\"10.0.2.100/24\",\"gateway\":\"10.0.2.2\","
			   "\"interface\":0}]}}",
			   type, paths[0]);
}

struct plugin {
	const char *path;
	const char *operation;
	const char *conf;
};

static double run_plugin(void *arg)
{
	const struct plugin *p = arg;
	struct call c;

	return command_run(call_plugin(&c, p->path, p->operation, "bench", paths[0], p->conf), NULL,
			   0);
}

static double run_del_after_add(void *arg)
{
	struct plugin add = *(struct plugin *)arg;

	add.operation = "ADD";
	return run_plugin(&add) < 0 ? -1 : run_plugin(arg);
}

static void plugin_calls(struct bench *b)
{
	static const char *const operations[] = {"ADD", "DEL", "VERSION"};

	for (size_t i = 0; i < 3; i++) {
		struct plugin us = {stats, operations[i], configuration("netns-stats")};
		struct plugin them = {PEERS "/tuning", operations[i], configuration("tuning")};
		struct candidate c[] = {
			{.name = "netns-stats", .run = run_plugin, .arg = &us},
			{.name = "Go plugin tuning, doing nothing",
			 .run = run_plugin,
			 .arg = &them},
		};

		if (strcmp(operations[i], "DEL") == 0)
			c[0].run = run_del_after_add;
		bench_compare(b, host_format("stats: %s", operations[i]), UNIT_MS,
			      bench_rounds(b, 150), c, 2);
		bench_goal(b, host_format("%s / tuning", operations[i]), c[0].median / c[1].median,
			   "x", AT_MOST, 0.6);
	}
}

/*
 * show
 */

/* show --netns of the first @n; 0: of the registrations. */
static const char **show_argv(int n)
{
	const char **argv = bench_alloc((size_t)n + 6, sizeof(*argv));
	const char *const head[] = {stats, "show", "--format", "json", "--netns"};

	memcpy(argv, head, sizeof(head));
	if (n == 0)
		argv[4] = NULL;
	else
		memcpy(argv + 5, paths, (size_t)n * sizeof(*argv));
	return argv;
}

static double run_command(void *arg)
{
	static const char *const envp[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	const struct command command = {.argv = arg, .envp = envp};

	return command_run(&command, NULL, 0);
}

/* Enter a namespace, ask for its counters, read the reply; nothing else. */
static void visit(const char *path)
{
	struct {
		struct nlmsghdr h;
		struct if_stats_msg stats;
	} request = {.h = {.nlmsg_len = sizeof(request),
			   .nlmsg_type = RTM_GETSTATS,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		     .stats = {.filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64)}};
	const int ns = open(path, O_RDONLY | O_CLOEXEC);
	bool more = true;
	int fd;

	if (ns < 0 || setns(ns, CLONE_NEWNET) < 0)
		die("%s: %s", path, strerror(errno));
	close(ns);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0)
		die("netlink: %s", strerror(errno));
	while (more) {
		char buf[32768] __attribute__((aligned(4)));
		ssize_t len = recv(fd, buf, sizeof(buf), 0);

		if (len <= 0)
			die("netlink: %s", strerror(errno));
		for (const struct nlmsghdr *h = (const void *)buf; NLMSG_OK(h, len);
		     h = NLMSG_NEXT(h, len))
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
				more = false;
	}
	close(fd);
}

static double run_visits(void *arg)
{
	const double start = command_now();
	double us;

	(void)arg;
	for (int i = 0; i < count; i++)
		visit(paths[i]);
	us = command_now() - start;
	host_switch(NULL);
	return us;
}

static long peak(int n)
{
	static const char *const envp[] = {NULL};
	const struct command command = {.argv = show_argv(n), .envp = envp};
	const long kib = command_peak_memory(&command);

	if (kib < 0)
		die("cannot measure the memory of show");
	return kib;
}

static void show(struct bench *b)
{
	static const char *const loop[] = {
		"/bin/sh", "-c", "for ns in /run/netns/*; do ip -n ${ns##*/} -s -j link; done",
		NULL};
	struct candidate loops[] = {
		{.name = "netns-stats show --format json", .run = run_command},
		{.name = "for ...; do ip -n NS -s -j link; done",
		 .run = run_command,
		 .arg = (void *)(uintptr_t)loop},
	};
	struct candidate c[] = {
		{.name = "one namespace", .run = run_command, .arg = show_argv(1)},
		{.name = "all namespaces, by path", .run = run_command, .arg = show_argv(count)},
		{.name = "all registrations", .run = run_command, .arg = show_argv(0)},
		{.name = "enter each and RTM_GETSTATS, bare", .run = run_visits},
	};
	const int some = count / 5;
	double each, bare;

	loops[0].arg = show_argv(count);
	bench_compare(b, host_format("stats: show of %d namespaces and a loop of ip", count),
		      UNIT_MS, b->quick ? 1 : 2, loops, 2);
	bench_goal(b, "show, times faster", loops[1].median / loops[0].median, "x", AT_LEAST, 60);
	bench_compare(b, host_format("stats: show of %d namespaces", count), UNIT_MS,
		      bench_rounds(b, 40), c, 4);
	each = (c[1].median - c[0].median) / (count - 1);
	bare = c[3].median / count;
	bench_goal(b, "each namespace beyond the first", each, "us", AT_MOST, 20);
	bench_figure(b, "entering one and a bare dump", bare, "us");
	bench_goal(b, "each namespace / the bare", each / bare, "x", AT_MOST, 20.0 / 7);
	bench_goal(b, "more memory per namespace",
		   (double)(peak(count) - peak(some)) / (count - some), "KiB", AT_MOST, 0.5);
}

/*
 * A scrape
 */

static int connect_exporter(void)
{
	const struct sockaddr_in address = {.sin_family = AF_INET,
					    .sin_port = htons(PORT),
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		die("the exporter does not listen: %s", strerror(errno));
	return fd;
}

/* From connecting to the last byte. A response is reused for 0.1 s: the pause is longer. */
static double run_scrape(void *arg)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: bench\r\n\r\n";
	static const char metric[] = "container_network_receive_bytes_total{";
	static char answer[8 << 20];
	const struct timespec pause = {.tv_nsec = 150000000};
	double start, us;
	size_t have = 0;
	int found = 0, fd;
	ssize_t n;

	(void)arg;
	nanosleep(&pause, NULL);
	start = command_now();
	fd = connect_exporter();
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
		die("cannot ask the exporter: %s", strerror(errno));
	while ((n = read(fd, answer + have, sizeof(answer) - 1 - have)) > 0)
		have += (size_t)n;
	us = command_now() - start;
	close(fd);
	answer[have] = '\0';
	for (const char *at = answer; (at = strstr(at, metric)) != NULL; at++)
		found++;
	if (found != count)
		die("a scrape has %d of %d attachments", found, count);
	return us;
}

static void scrape(struct bench *b)
{
	struct candidate c = {.name = "from connecting to the last byte", .run = run_scrape};
	int words[2];
	char line[256];
	pid_t pid;

	if (pipe2(words, O_CLOEXEC) < 0)
		die("cannot make a pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		dup2(words[1], 2);
		execl(stats, stats, "serve", "--listen", "127.0.0.1:9732", NULL);
		_exit(127);
	}
	close(words[1]);
	if (pid < 0 || read(words[0], line, sizeof(line)) <= 0) /* it says that it listens */
		die("the exporter does not start");
	bench_compare(b, host_format("stats: a scrape of %d attachments", count), UNIT_MS,
		      bench_rounds(b, 25), &c, 1);
	bench_goal(b, "a scrape", c.median / 1e3, "ms", AT_MOST, 50);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	close(words[0]);
}

static void run(struct bench *b)
{
	count = b->quick ? 20 : 1000;
	stats = host_format("%s/netns-stats", b->bin);
	host_run("ip link set lo up");
	prepare();
	plugin_calls(b);
	show(b);
	scrape(b);
}

const struct subject subject_stats = {
	.name = "stats",
	.about = "netns-stats beside `tuning` and a loop of ip, over 1,000 namespaces",
	.run = run,
};
