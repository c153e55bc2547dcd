/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What bench-portmap measures with: times in microseconds, connections per second.
 *
 *   run PLUGIN COMMAND CONTAINER CONFIGURATION   one call of a plugin, from fork to exit
 *   floor                                        delete four elements of map inet floor m and close
 *   accept ADDRESS PORT                          accept and close, for ever
 *   connect ADDRESS PORT SECONDS                 connect, wait for the close, again
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int run(char **argv)
{
	const double start = now();
	const pid_t pid = fork();
	char netns[64];
	int status;

	if (pid == 0) {
		const int null = open("/dev/null", O_WRONLY);

		snprintf(netns, sizeof(netns), "/run/netns/%s", argv[3]);
		setenv("CNI_COMMAND", argv[2], 1);
		setenv("CNI_CONTAINERID", argv[3], 1);
		setenv("CNI_NETNS", netns, 1);
		setenv("CNI_IFNAME", "eth0", 1);
		setenv("CNI_PATH", "/usr/lib/cni", 1);
		if (dup2(open(argv[4], O_RDONLY), 0) < 0 || dup2(null, 1) < 0)
			die(argv[4]);
		execl(argv[1], argv[1], NULL);
		die(argv[1]);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0) {
		fprintf(stderr, "%s %s %s failed\n", argv[1], argv[2], argv[3]);
		return 1;
	}
	printf("%.0f\n", now() - start);
	return 0;
}

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

static void send_elements(int fd, uint16_t type, uint16_t flags)
{
	char buffer[4096];
	char *at = buffer;
	struct nlmsghdr *nlh;
	struct nfgenmsg *nfg;
	struct nlattr *list;

	put_batch(&at, NFNL_MSG_BATCH_BEGIN);
	nlh = mnl_nlmsg_put_header(at);
	nlh->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | type;
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
		die("netlink");
	if (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0) {
		fprintf(stderr, "map inet floor m: no such map?\n");
		exit(1);
	}
}

static int floor_of_deletion(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	double start;

	send_elements(fd, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
	close(fd);
	start = now();
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	send_elements(fd, NFT_MSG_DELSETELEM, 0);
	close(fd);
	printf("%.0f\n", now() - start);
	return 0;
}

static struct sockaddr_in address_of(char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[3]))};

	if (inet_pton(AF_INET, argv[2], &address.sin_addr) != 1)
		die(argv[2]);
	return address;
}

static int accept_all(char **argv)
{
	const struct sockaddr_in address = address_of(argv);
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	const int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 512) < 0)
		die("listen");
	for (;;)
		close(accept(fd, NULL, NULL));
}

static int connect_all(char **argv)
{
	const struct sockaddr_in address = address_of(argv);
	const struct linger reset = {.l_onoff = 1}; /* no TIME_WAIT: ports would run out */
	const double start = now();
	const double end = start + atof(argv[4]) * 1e6;
	unsigned int n = 0;
	char byte;

	for (; now() < end; n++) {
		const int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
			die("connect");
		if (read(fd, &byte, 1) != 0)
			die("read");
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fd);
	}
	printf("%.0f\n", n / ((now() - start) / 1e6));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "connect") == 0)
		return connect_all(argv);
	if (argc == 4 && strcmp(argv[1], "accept") == 0)
		return accept_all(argv);
	if (argc == 6 && strcmp(argv[1], "run") == 0)
		return run(argv + 1);
	if (argc == 2 && strcmp(argv[1], "floor") == 0)
		return floor_of_deletion();
	fprintf(stderr, "usage: run, floor, accept or connect: see the source\n");
	return 2;
}
