// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The unit of bench-stats: what the kernel takes for entering a namespace and one RTM_GETSTATS dump
 * there, by one thread that does nothing else. A machine's speed changes with its load; a figure in
 * these units does so less.
 *
 * usage: bench-stats-unit PATH...: prints microseconds per namespace.
 */
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

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
	int more = 1, fd;

	if (ns < 0 || setns(ns, CLONE_NEWNET))
		goto failed;
	close(ns);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0)
		goto failed;
	while (more) {
		char buf[32768] __attribute__((aligned(4)));
		ssize_t len = recv(fd, buf, sizeof(buf), 0);

		if (len <= 0)
			goto failed;
		for (const struct nlmsghdr *h = (const void *)buf; NLMSG_OK(h, len);
		     h = NLMSG_NEXT(h, len))
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
				more = 0;
	}
	close(fd);
	return;
failed:
	perror(path);
	exit(1);
}

int main(int argc, char **argv)
{
	const double begin = now_us();

	for (int i = 1; i < argc; i++)
		visit(argv[i]);
	printf("%.3f\n", (now_us() - begin) / (argc - 1));
	return 0;
}
