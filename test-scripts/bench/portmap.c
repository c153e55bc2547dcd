/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netns-portmap beside the reference portmap plugin (iptables): ADD and DEL of two mappings, and
 * new connections per second through one, among the mappings of other containers.
 *
 * Each plugin has a host of its own, with a peer on a veth and a container behind a bridge. Others'
 * mappings are loaded directly, with nft and iptables-restore, in the form that the plugins give
 * them. The floor of DEL is a bare deletion of four elements over netlink, and closing the socket:
 * the kernel then waits until no packet can still see what was deleted (a grace period of RCU). How
 * long that takes depends on when the last such period ended, so before each of both there is a
 * pause: without it, what comes directly behind another deletion is in luck, or out of it.
 *
 * At 0 others ours makes its table in ADD and removes it in DEL, the reference plugin its chains.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../lib/host.h"
#include "bench.h"
#include "command.h"
#include "portmap_fill.h"

/* More mappings than these are not loaded for the reference plugin: its calls take seconds then. */
#define PEER_MAX 1000

struct side {
	const char *host; /* a network namespace; its peer and container are HOST-peer, HOST-c */
	const char *type; /* of the plugin */
	const char *path;
	char address[16];   /* of the container */
	const char *first;  /* configuration of the connections' mapping */
	const char *others; /* configuration of the calls that are timed */
	int filled;
};

static struct side ours = {.host = "ours", .type = "netns-portmap"};
static struct side peer = {.host = "peer", .type = "portmap", .path = PEERS "/portmap"};

/* A plugin's call on @side's host; entering the host is not timed. */
static double call(const struct side *side, const char *path, const char *operation,
		   const char *container, const char *input, char *output)
{
	const char *netns = host_format("/run/netns/%s-c", side->host);
	struct call c;
	double us;

	host_switch(side->host);
	us = command_run(call_plugin(&c, path, operation, container, netns, input), output,
			 OUTPUT_MAX);
	host_switch(NULL);
	free((void *)(uintptr_t)netns);
	return us;
}

/* Two mappings of the host's container. */
static const char *configuration(const struct side *side, const char *result, int port)
{
	return host_format("{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"type\":\"%s\","
			   "\"runtimeConfig\":{\"portMappings\":["
			   "{\"hostPort\":%d,\"containerPort\":80,\"protocol\":\"tcp\"},"
			   "{\"hostPort\":%d,\"containerPort\":81,\"protocol\":\"tcp\"}]},"
			   "\"prevResult\":%s}",
			   side->type, port, port + 1, result);
}

static struct sockaddr_in address_of(const char *host, uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		die("%s: not an address", host);
	return address;
}

/* A server in @side's container, in a process of its own: accept and close, for ever. */
static void serve(const struct side *side)
{
	const struct sockaddr_in address = address_of("0.0.0.0", 80);
	const char *container = host_format("%s-c", side->host);
	const int one = 1;
	int fd;
	pid_t pid;

	host_switch(container);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	host_switch(NULL);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 512) < 0)
		die("cannot listen in the container: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		die("cannot fork: %s", strerror(errno));
	while (pid == 0)
		close(accept(fd, NULL, NULL));
	close(fd);
}

static void host_up(struct side *side)
{
	static const char bridge[] =
		"{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"type\":\"bridge\",\"bridge\":"
		"\"cni0\",\"isGateway\":true,\"ipam\":{\"type\":\"host-local\",\"dataDir\":"
		"\"/run/host-local-%s\",\"ranges\":[[{\"subnet\":\"10.22.0.0/16\"}]],\"routes\":"
		"[{\"dst\":\"0.0.0.0/0\"}]}}";
	const char *h = side->host;
	static char result[OUTPUT_MAX];
	const char *at;

	host_run("ip netns add %s", h);
	host_run("ip netns add %s-peer", h);
	host_run("ip netns add %s-c", h);
	host_run("ip -n %s link set lo up", h);
	host_run("ip -n %s-c link set lo up", h);
	host_run("ip -n %s link add uplink type veth peer name eth0 netns %s-peer", h, h);
	host_run("ip -n %s address add 10.99.0.1/24 dev uplink", h);
	host_run("ip -n %s link set uplink up", h);
	host_run("ip -n %s-peer address add 10.99.0.2/24 dev eth0", h);
	host_run("ip -n %s-peer link set eth0 up", h);
	host_run("ip -n %s-peer route add 10.22.0.0/16 via 10.99.0.1", h);
	host_run("ip netns exec %s sysctl -qw net.ipv4.ip_forward=1", h);
	/* A node tracks connections anyway; the first rule to ask for it would pay for it. */
	host_feed("add table inet node\n"
		  "add chain inet node c { type filter hook forward priority 0; }\n"
		  "add rule inet node c ct state established accept\n",
		  "ip netns exec %s nft -f -", h);
	if (call(side, PEERS "/bridge", "ADD", "bench", host_format(bridge, h), result) < 0)
		die("the bridge plugin failed");
	at = strstr(result, "10.22.");
	if (at == NULL || sscanf(at, "%15[0-9.]", side->address) != 1)
		die("the bridge plugin gave no address");
	side->first = configuration(side, result, 8080);
	side->others = configuration(side, result, 9000);
	serve(side);
}

/*
 * Others' mappings
 */

/* Those of ours from @from to @to, two to a container, and as many elements for the floor. */
static void fill_ours(int from, int to)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	fprintf(f, "add element inet floor m {");
	for (int i = from; i < to; i++)
		fprintf(f, " tcp . %d : 10.22.0.1 . 80,", 10000 + i);
	fprintf(f, " }\n");
	fclose(f);
	portmap_fill(ours.host, from, to);
	host_feed(text, "ip netns exec %s nft -f -", ours.host);
	free(text);
}

static void fill_peer(int from, int to)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	fprintf(f, "*nat\n");
	for (int i = from; i < to; i += 2)
		fprintf(f, ":CNI-DN-%020x - [0:0]\n", (unsigned int)i);
	for (int i = from; i < to; i += 2) {
		fprintf(f,
			"-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment \"dnat name: net id: "
			"%064x\" -m multiport --dports %d,%d -j CNI-DN-%020x\n",
			(unsigned int)i, 10000 + i, 10001 + i, (unsigned int)i);
		for (int port = 10000 + i; port < 10002 + i; port++) {
			const char *const sources[] = {"10.22.0.0/16", "127.0.0.1/32"};

			for (size_t k = 0; k < 2; k++)
				fprintf(f,
					"-A CNI-DN-%020x -s %s -p tcp -m tcp --dport %d -j "
					"CNI-HOSTPORT-SETMARK\n",
					(unsigned int)i, sources[k], port);
			fprintf(f,
				"-A CNI-DN-%020x -p tcp -m tcp --dport %d -j DNAT --to-destination "
				"10.22.%d.%d:80\n",
				(unsigned int)i, port, 1 + i / 512, i / 2 % 256);
		}
	}
	fprintf(f, "COMMIT\n");
	fclose(f);
	host_feed(text, "ip netns exec %s iptables-restore --noflush", peer.host);
	free(text);
}

/*
 * The floor
 */

static void put_batch(char **at, uint16_t type)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(*at);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->res_id = htons(NFNL_SUBSYS_NFTABLES);
	*at += nlh->nlmsg_len;
}

/* Four elements of the map inet floor m. */
static void send_elements(int fd, uint16_t type, uint16_t flags)
{
	char buffer[4096] __attribute__((aligned(4)));
	char *at = buffer;
	struct nlmsghdr *nlh;
	struct nfgenmsg *nfg;
	struct nlattr *list;

	put_batch(&at, NFNL_MSG_BATCH_BEGIN);
	nlh = mnl_nlmsg_put_header(at);
	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = NFPROTO_INET;
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, "floor");
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, "m");
	list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (uint8_t i = 0; i < 4; i++) {
		const uint8_t key[8] = {IPPROTO_UDP, 0, 0, 0, 250, i};
		struct nlattr *element = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
		struct nlattr *value = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_KEY);

		mnl_attr_put(nlh, NFTA_DATA_VALUE, sizeof(key), key);
		mnl_attr_nest_end(nlh, value);
		if (type == NFT_MSG_NEWSETELEM) {
			value = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_DATA);
			mnl_attr_put(nlh, NFTA_DATA_VALUE, sizeof(key), key);
			mnl_attr_nest_end(nlh, value);
		}
		mnl_attr_nest_end(nlh, element);
	}
	mnl_attr_nest_end(nlh, list);
	at += nlh->nlmsg_len;
	put_batch(&at, NFNL_MSG_BATCH_END);
	if (send(fd, buffer, (size_t)(at - buffer), 0) < 0)
		die("netlink: %s", strerror(errno));
	if (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
		die("map inet floor m: the kernel refused");
}

static int nf_socket(void)
{
	const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	if (fd < 0)
		die("netlink: %s", strerror(errno));
	return fd;
}

/* Longer than a grace period; by a part of a timer tick more or less, not in step with it. */
static void pause_before_deletion(void)
{
	const struct timespec pause = {.tv_nsec = 20000000 + random() % 4000000};

	nanosleep(&pause, NULL);
}

static double run_floor(void *arg)
{
	double start, us;
	int fd;

	(void)arg;
	host_switch(ours.host);
	fd = nf_socket();
	send_elements(fd, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
	close(fd);
	pause_before_deletion();
	start = command_now();
	fd = nf_socket();
	send_elements(fd, NFT_MSG_DELSETELEM, 0);
	close(fd);
	us = command_now() - start;
	host_switch(NULL);
	return us;
}

/*
 * Calls
 */

static double run_add(void *arg)
{
	const struct side *side = arg;

	return call(side, side->path, "ADD", "other", side->others, NULL);
}

static double run_del(void *arg)
{
	const struct side *side = arg;

	pause_before_deletion();
	return call(side, side->path, "DEL", "other", side->others, NULL);
}

struct level {
	double add, del_floors; /* us; in units of the floor beside it */
};

static struct level measure_calls(struct bench *b, int others, bool with_peer)
{
	/* The order is that of a round: each mapping is added before it is deleted. */
	struct candidate c[] = {
		{.name = "netns-portmap, ADD", .run = run_add, .arg = &ours},
		{.name = "netns-portmap, DEL", .run = run_del, .arg = &ours},
		{.name = "floor of DEL: four elements deleted, netlink alone", .run = run_floor},
		{.name = "reference portmap, ADD", .run = run_add, .arg = &peer},
		{.name = "reference portmap, DEL", .run = run_del, .arg = &peer},
	};
	const char *title = host_format("portmap: two mappings, %d others published", others);

	bench_compare(b, title, UNIT_MS, bench_rounds(b, 25), c, with_peer ? 5 : 3);
	if (with_peer) {
		const double faster = c[3].median / c[0].median;
		const char *what = host_format("ADD, times faster, %d others", others);

		if (others == 0 || others == PEER_MAX)
			bench_goal(b, what, faster, "x", AT_LEAST, others == 0 ? 25 : 40);
		else
			bench_figure(b, what, faster, "x");
		bench_goal(b, host_format("DEL, times faster, %d others", others),
			   c[4].median / c[1].median, "x", AT_LEAST, 3);
	}
	bench_goal(b, host_format("DEL / its floor, %d others", others), c[1].median / c[2].median,
		   "x", AT_MOST, 1.3);
	return (struct level){c[0].median, c[1].median / c[2].median};
}

/*
 * Connections
 */

struct target {
	const char *from; /* network namespace */
	const char *address;
	uint16_t port;
};

/* Connect, wait for the close, again, for a tenth of a second. Return: connections per second. */
static double run_connections(void *arg)
{
	const struct target *target = arg;
	const struct sockaddr_in address = address_of(target->address, target->port);
	const struct linger reset = {.l_onoff = 1}; /* no TIME_WAIT: ports would run out */
	double start, now;
	unsigned int n = 0;
	char byte;

	host_switch(target->from);
	start = now = command_now();
	for (; now < start + 1e5; n++, now = command_now()) {
		const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
		    read(fd, &byte, 1) != 0)
			die("no connection to %s port %u", target->address, target->port);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fd);
	}
	host_switch(NULL);
	return n / ((now - start) / 1e6);
}

static void connections(struct bench *b)
{
	struct target direct = {"ours-peer", ours.address, 80};
	struct target published = {"ours-peer", "10.99.0.1", 8080};
	struct target bare = {"ours-peer", "10.99.0.1", 9999};
	struct target peer_direct = {"peer-peer", peer.address, 80};
	struct target peer_published = {"peer-peer", "10.99.0.1", 8080};
	struct candidate c[] = {
		{.name = host_format("not mapped, among %d mappings of ours", ours.filled),
		 .run = run_connections,
		 .arg = &direct},
		{.name = host_format("published by netns-portmap, among %d", ours.filled),
		 .run = run_connections,
		 .arg = &published},
		{.name = "published by a single dnat rule, beside them",
		 .run = run_connections,
		 .arg = &bare},
		{.name = host_format("not mapped, among %d of the peer's", peer.filled),
		 .run = run_connections,
		 .arg = &peer_direct},
		{.name = host_format("published by the peer, among %d", peer.filled),
		 .run = run_connections,
		 .arg = &peer_published},
	};
	const int rounds = bench_rounds(b, 60);
	const size_t n = (size_t)rounds;

	host_feed("add table ip bare\n"
		  "add chain ip bare c { type nat hook prerouting priority -101; }\n",
		  "ip netns exec %s nft -f -", ours.host);
	host_run("ip netns exec %s nft add rule ip bare c tcp dport 9999 dnat to %s:80", ours.host,
		 ours.address);
	bench_compare(b, "portmap: new connections per second from a peer over veth", UNIT_RATE,
		      rounds, c, 5);
	/* Neighbours in time are compared: the machine's other work slows both. */
	bench_goal(b, "published / not mapped", bench_neighbours(&c[1], &c[0], n), "x", AT_LEAST,
		   0.95);
	bench_figure(b, "a single dnat rule / not mapped", bench_neighbours(&c[2], &c[0], n), "x");
	bench_figure(b, "published / a single dnat rule", bench_neighbours(&c[1], &c[2], n), "x");
	bench_figure(b, "published by the peer / not mapped", bench_neighbours(&c[4], &c[3], n),
		     "x");
}

static void add_first(void)
{
	if (call(&ours, ours.path, "ADD", "first", ours.first, NULL) < 0 ||
	    call(&peer, peer.path, "ADD", "first", peer.first, NULL) < 0)
		die("the mapping of the connections cannot be added");
}

static void run(struct bench *b)
{
	const int levels[] = {0, 100, 1000, 10000};
	const size_t n = b->quick ? 2 : 4;
	struct level first = {0}, last = {0};

	ours.path = host_format("%s/netns-portmap", b->bin);
	host_up(&ours);
	host_up(&peer);
	host_feed("add table inet floor\n"
		  "add map inet floor m { type inet_proto . inet_service : ipv4_addr . "
		  "inet_service; }\n"
		  "add element inet floor m { tcp . 1 : 10.22.0.1 . 80 }\n",
		  "ip netns exec %s nft -f -", ours.host);
	for (size_t i = 0; i < n; i++) {
		const int level = levels[i];

		/* After level 0, which is to have no other at all. */
		if (i == 1)
			add_first();
		if (level > ours.filled)
			fill_ours(ours.filled, level);
		ours.filled = level;
		if (level <= PEER_MAX && level > peer.filled)
			fill_peer(peer.filled, level);
		if (level <= PEER_MAX)
			peer.filled = level;
		last = measure_calls(b, level, level <= PEER_MAX);
		if (i == 0)
			first = last;
	}
	bench_goal(b, host_format("ADD, %d others / none", levels[n - 1]), last.add / first.add,
		   "x", AT_MOST, 1.2);
	bench_goal(b, host_format("DEL in floors, %d others / none", levels[n - 1]),
		   last.del_floors / first.del_floors, "x", AT_MOST, 1.2);
	connections(b);
}

const struct subject subject_portmap = {
	.name = "portmap",
	.about = "netns-portmap beside the reference portmap plugin, among up to 10,000 mappings",
	.run = run,
};
