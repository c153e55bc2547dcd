/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Links, addresses and routes of a network namespace of the test's own, with pairs of virtual
 * Ethernet devices in it. The pairs are made by requests of the test's own: the library does not
 * make links.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "isolated.h"
#include "link.h"
#include "netns.h"

static bool have_veth = true;

/* A namespace for each test: the one before ends with its links. */
static int fresh(void **state)
{
	(void)state;
	return isolated ? unshare(CLONE_NEWNET) : 0;
}

#define need()                    \
	do {                      \
		(void)state;      \
		need_isolation(); \
	} while (0)

#define need_veth()                                              \
	do {                                                     \
		make_veth("a0", "b0");                           \
		if (!have_veth)                                  \
			skip_because("this kernel has no veth"); \
	} while (0)

static struct netlink *open_link(void)
{
	struct cni_error err = {0};
	struct netlink *sk = netlink_open(NULL, NETLINK_ROUTE, &err);

	if (sk == NULL)
		fail_msg("%s (%s)", err.msg, err.details);
	assert_int_equal(fcntl(sk->fd, F_GETFD), FD_CLOEXEC);
	return sk;
}

/* ip link add NAME type veth peer name PEER */
static void make_veth(const char *name, const char *peer)
{
	const struct ifinfomsg head = {.ifi_family = AF_UNSPEC};
	cleanup_netlink struct netlink *sk = open_link();
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *info, *data, *other;
	struct cni_error err = {0};

	nlmsg_append(msg, (void *)(uintptr_t)&head, sizeof(head), NLMSG_ALIGNTO);
	nla_put_string(msg, IFLA_IFNAME, name);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_KIND, "veth");
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	other = nla_nest_start(msg, VETH_INFO_PEER);
	nlmsg_append(msg, (void *)(uintptr_t)&head, sizeof(head), NLMSG_ALIGNTO);
	nla_put_string(msg, IFLA_IFNAME, peer);
	nla_nest_end(msg, other);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	have_veth = netlink_request(sk, msg, NULL, NULL, "make a pair of links", &err) == 0;
	if (!have_veth && errno != EOPNOTSUPP)
		fail_msg("%s (%s)", err.msg, err.details);
	nlmsg_free(msg);
}

static void get(struct netlink *sk, const char *name, struct link *link)
{
	struct cni_error err = {0};

	if (link_get(sk, name, link, &err) != 1)
		fail_msg("%s: %s (%s)", name, err.msg, err.details);
}

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix out;

	assert_int_equal(ip_prefix_parse(text, &out), 0);
	return out;
}

static struct ip_address address(const char *text)
{
	struct ip_address out;

	assert_int_equal(ip_address_parse(text, &out), 0);
	return out;
}

static void commit(struct link_batch *batch, struct netlink *sk)
{
	struct cni_error err = {0};

	if (link_batch_commit(batch, sk, &err) < 0)
		fail_msg("%s (%s)", err.msg, err.details);
}

/* What a dump brought, as text. */
struct words {
	char text[2000];
	int n;
	int stop_at; /* that many calls; 0: never */
};

static int add_word(struct words *words, const char *word)
{
	snprintf(words->text + strlen(words->text), sizeof(words->text) - strlen(words->text),
		 "[%s]", word);
	return ++words->n == words->stop_at ? -9 : 0;
}

static int add_link(const struct link *link, void *arg)
{
	return add_word(arg, link->name);
}

static int add_address(const struct link_address *item, void *arg)
{
	char text[IP_PREFIX_TEXT_MAX], word[100];

	snprintf(word, sizeof(word), "%d %s", item->index, ip_prefix_format(&item->prefix, text));
	return add_word(arg, word);
}

static int add_route(const struct link_route *route, void *arg)
{
	char dst[IP_PREFIX_TEXT_MAX], gateway[INET6_ADDRSTRLEN] = "none", word[200];

	if (route->has_gateway)
		ip_address_format(&route->gateway, gateway);
	snprintf(word, sizeof(word), "%s via %s dev %d table %u",
		 ip_prefix_format(&route->dst, dst), gateway, route->index, route->table);
	return add_word(arg, word);
}

static void assert_word(const struct words *words, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void assert_word(const struct words *words, const char *fmt, ...)
{
	char word[200] = "[";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(word + 1, sizeof(word) - 2, fmt, ap);
	va_end(ap);
	strcat(word, "]");
	if (strstr(words->text, word) == NULL)
		fail_msg("no %s in %s", word, words->text);
}

static void a_link_is_found_by_name(void **state)
{
	cleanup_netlink struct netlink *sk = NULL;
	struct link link;

	need();
	need_veth();
	sk = open_link();
	get(sk, "lo", &link);
	assert_string_equal(link.name, "lo");
	assert_int_equal(link.index, if_nametoindex("lo"));
	assert_true(link.flags & IFF_LOOPBACK);
	assert_false(link.flags & IFF_UP);
	assert_string_equal(link.kind, "");

	get(sk, "a0", &link);
	assert_string_equal(link.name, "a0");
	assert_int_equal(link.index, if_nametoindex("a0"));
	assert_string_equal(link.kind, "veth");
	assert_int_equal(link.mtu, 1500);
	assert_int_equal(link.hwaddr_len, 6);
	assert_false(link.flags & (IFF_UP | IFF_LOOPBACK));
}

static void a_link_that_is_not_there_is_no_error(void **state)
{
	cleanup_netlink struct netlink *sk = NULL;
	struct cni_error err = {0};
	struct link link;

	need();
	sk = open_link();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(link_get(sk, "nothing", &link, &err), 0);
		assert_int_equal(link_get(sk, "123456789012345", &link, &err), 0);
		get(sk, "lo", &link); /* the socket is as good as before */
	}
}

static void a_link_that_comes_is_told_and_the_socket_is_as_before(void **state)
{
	cleanup_netlink struct netlink *sk = NULL;
	struct pollfd news;
	struct cni_error err = {0};
	struct link link;

	need();
	sk = open_link();
	news = (struct pollfd){.fd = sk->fd, .events = POLLIN};
	assert_int_equal(link_watch(sk, &err), 0);
	assert_int_equal(link_appeared(sk, "a0", &link, &err), 0);
	need_veth();
	assert_int_equal(poll(&news, 1, 0), 1);
	assert_int_equal(link_appeared(sk, "a", &link, &err), 0); /* both of the pair are read */
	assert_int_equal(link_appeared(sk, "a0", &link, &err), 0);
	make_veth("c0", "d0");
	assert_int_equal(link_appeared(sk, "c0", &link, &err), 1);
	assert_string_equal(link.name, "c0");
	assert_int_equal(link.index, if_nametoindex("c0"));
	assert_int_equal(link.hwaddr_len, 6);
	link_unwatch(sk);
	make_veth("e0", "f0");
	assert_int_equal(poll(&news, 1, 0), 0);
	get(sk, "e0", &link);
	assert_string_equal(link.name, "e0");
}

static void a_link_is_there_until_it_goes_or_has_another_name(void **state)
{
	cleanup_netlink struct netlink *sk = NULL;
	struct link link;
	struct ifreq request = {.ifr_name = "a0", .ifr_newname = "a1"};

	need();
	need_veth();
	sk = open_link();
	get(sk, "a0", &link);
	assert_true(link_is_there(sk, &link));
	assert_int_equal(ioctl(sk->fd, SIOCSIFNAME, &request), 0);
	assert_false(link_is_there(sk, &link));
	get(sk, "a1", &link);
	assert_true(link_is_there(sk, &link));
	link.index += 100;
	assert_false(link_is_there(sk, &link));
}

/* What another process with CAP_NET_ADMIN over the namespace can do: send to our socket. */
static void forge(struct netlink *sk, const void *messages, size_t size)
{
	cleanup_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct sockaddr_nl to = {0};
	socklen_t len = sizeof(to);

	assert_int_equal(getsockname(sk->fd, (struct sockaddr *)&to, &len), 0);
	assert_int_equal(sendto(fd, messages, size, 0, (const struct sockaddr *)&to, len), size);
}

static void news_of_links_come_from_the_kernel_alone(void **state)
{
	const struct ifinfomsg head = {.ifi_family = AF_UNSPEC, .ifi_index = 1};
	cleanup_netlink struct netlink *sk = NULL;
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, 0);
	struct cni_error err = {0};
	struct link link;

	need();
	sk = open_link();
	assert_int_equal(link_watch(sk, &err), 0);
	nlmsg_append(msg, (void *)(uintptr_t)&head, sizeof(head), NLMSG_ALIGNTO);
	nla_put_string(msg, IFLA_IFNAME, "a0");
	forge(sk, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len);
	assert_int_equal(link_appeared(sk, "a0", &link, &err), 0);
	nlmsg_free(msg);
}

static void news_that_were_lost_are_an_error_and_the_socket_goes_on(void **state)
{
	cleanup_netlink struct netlink *sk = NULL;
	struct cni_error err = {0};
	struct link link;
	const int few = 0, enough = 65536;

	need();
	need_veth();
	sk = open_link();
	assert_int_equal(setsockopt(sk->fd, SOL_SOCKET, SO_RCVBUF, &few, sizeof(few)), 0);
	assert_int_equal(link_watch(sk, &err), 0);
	make_veth("c0", "d0");
	make_veth("e0", "f0");
	assert_int_equal(link_appeared(sk, "e0", &link, &err), -1);
	assert_int_equal(err.code, CNI_ERR_IO);
	link_unwatch(sk);
	assert_int_equal(setsockopt(sk->fd, SOL_SOCKET, SO_RCVBUF, &enough, sizeof(enough)), 0);
	get(sk, "e0", &link);
}

static void a_refused_question_has_the_kernels_words(void **state)
{
	cleanup_netlink struct netlink *sk = NULL;
	struct cni_error err = {0};
	struct link link;

	need();
	sk = open_link();
	assert_int_equal(link_get(sk, "1234567890123456", &link, &err), -1);
	assert_int_equal(err.code, CNI_ERR_IO);
	assert_non_null(strstr(err.msg, "refused"));
	assert_non_null(strstr(err.details, ": "));
	get(sk, "lo", &link);
}

static void a_tap_is_of_the_kind_tun(void **state)
{
	cleanup_netlink struct netlink *sk = NULL;
	cleanup_close int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	struct ifreq request = {.ifr_name = "tap0", .ifr_flags = IFF_TAP | IFF_NO_PI};
	struct link link;

	need();
	if (fd < 0)
		skip_because("no /dev/net/tun");
	sk = open_link();
	assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
	get(sk, "tap0", &link);
	assert_string_equal(link.kind, "tun");
	assert_int_equal(link.hwaddr_len, 6);

	request = (struct ifreq){.ifr_name = "tun0", .ifr_flags = IFF_TUN | IFF_NO_PI};

	cleanup_close int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	assert_int_equal(ioctl(tun, TUNSETIFF, &request), 0);
	get(sk, "tun0", &link);
	assert_string_equal(link.kind, "tun");
	assert_int_equal(link.hwaddr_len, 0);
}

static void every_link_is_listed_once(void **state)
{
	cleanup_netlink struct netlink *sk = NULL;
	struct words words = {.stop_at = 0};
	struct cni_error err = {0};
	char name[16], peer[16];

	need();
	need_veth();
	/* More than fits into one reply of the kernel. */
	for (int i = 1; i < 40; i++) {
		snprintf(name, sizeof(name), "a%d", i);
		snprintf(peer, sizeof(peer), "b%d", i);
		make_veth(name, peer);
	}
	sk = open_link();
	assert_int_equal(link_each(sk, add_link, NULL, &words, &err), 0);
	assert_int_equal(words.n, 81);
	assert_word(&words, "lo");
	for (int i = 0; i < 40; i++) {
		assert_word(&words, "a%d", i);
		assert_word(&words, "b%d", i);
	}
}

static void a_negative_value_stops_a_list_and_the_socket_goes_on(void **state)
{
	cleanup_netlink struct netlink *sk = NULL;
	cleanup_link_batch struct link_batch *batch = NULL;
	struct cni_error err = {0};
	struct link link;

	need();
	need_veth();
	batch = link_batch_new();
	sk = open_link();
	link_batch_up(batch, 1);
	commit(batch, sk);
	for (int i = 1; i < 3; i++) {
		struct words words = {.stop_at = i};

		assert_int_equal(link_each(sk, add_link, NULL, &words, &err), -9);
		assert_int_equal(words.n, i);
		words = (struct words){.stop_at = 1};
		assert_int_equal(link_each_address(sk, add_address, NULL, &words, &err), -9);
		assert_int_equal(words.n, 1);
	}
	get(sk, "a0", &link);
}

static void an_interface_is_configured_in_one_batch(void **state)
{
	static const uint8_t mac[6] = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};
	cleanup_netlink struct netlink *sk = NULL;
	cleanup_link_batch struct link_batch *batch = NULL;
	const struct ip_prefix ip4 = prefix("10.0.2.100/24");
	const struct ip_prefix ip6 = prefix("fd00::64/64");
	const struct ip_prefix default4 = prefix("0.0.0.0/0");
	const struct ip_prefix default6 = prefix("::/0");
	const struct ip_prefix net4 = prefix("192.0.2.0/24");
	const struct ip_address gateway4 = address("10.0.2.2");
	const struct ip_address gateway6 = address("fd00::2");
	struct words addresses = {.stop_at = 0}, routes = {.stop_at = 0};
	struct cni_error err = {0};
	struct link link, peer;

	need();
	need_veth();
	batch = link_batch_new();
	sk = open_link();
	get(sk, "a0", &link);
	get(sk, "b0", &peer);
	link_batch_up(batch, 1);
	link_batch_up(batch, peer.index);
	link_batch_configure(batch, link.index, 1400, mac);
	link_batch_add_address(batch, link.index, &ip4);
	link_batch_add_address(batch, link.index, &ip6);
	link_batch_add_route(batch, link.index, &default4, &gateway4);
	link_batch_add_route(batch, link.index, &net4, &gateway4);
	link_batch_add_route(batch, link.index, &default6, &gateway6);
	commit(batch, sk);

	get(sk, "lo", &peer);
	assert_true(peer.flags & IFF_UP);
	get(sk, "a0", &link);
	assert_true(link.flags & IFF_UP);
	assert_int_equal(link.mtu, 1400);
	assert_memory_equal(link.hwaddr, mac, 6);

	assert_int_equal(link_each_address(sk, add_address, NULL, &addresses, &err), 0);
	assert_word(&addresses, "1 127.0.0.1/8");
	assert_word(&addresses, "%d 10.0.2.100/24", link.index);
	assert_word(&addresses, "%d fd00::64/64", link.index);

	assert_int_equal(link_each_route(sk, add_route, NULL, &routes, &err), 0);
	assert_word(&routes, "0.0.0.0/0 via 10.0.2.2 dev %d table 254", link.index);
	assert_word(&routes, "192.0.2.0/24 via 10.0.2.2 dev %d table 254", link.index);
	assert_word(&routes, "10.0.2.0/24 via none dev %d table 254", link.index);
	assert_word(&routes, "::/0 via fd00::2 dev %d table 254", link.index);
	/* The local table is not ours to list: neither our address nor broadcasts. */
	assert_null(strstr(routes.text, "10.0.2.100/32"));
	assert_null(strstr(routes.text, "10.0.2.255"));
	assert_null(strstr(routes.text, "table 255"));
}

static void what_is_not_given_is_left_as_it_is(void **state)
{
	cleanup_netlink struct netlink *sk = NULL;
	cleanup_link_batch struct link_batch *batch = NULL;
	struct link before, after;

	need();
	need_veth();
	batch = link_batch_new();
	sk = open_link();
	get(sk, "a0", &before);
	link_batch_configure(batch, before.index, 0, NULL);
	commit(batch, sk);
	get(sk, "a0", &after);
	assert_true(after.flags & IFF_UP);
	assert_int_equal(after.mtu, before.mtu);
	assert_memory_equal(after.hwaddr, before.hwaddr, 6);
}

static int find_flags(const struct link_address *item, void *arg)
{
	struct link_address *wanted = arg;

	if (item->index == wanted->index &&
	    ip_address_equal(&item->prefix.address, &wanted->prefix.address))
		wanted->flags = item->flags;
	return 0;
}

/* Router advertisement and duplicate address detection take more than a second. */
static void an_ipv6_address_is_usable_at_once(void **state)
{
	cleanup_netlink struct netlink *sk = NULL;
	cleanup_link_batch struct link_batch *batch = NULL;
	const struct ip_prefix ip = prefix("fd00::64/64");
	const struct sockaddr_in6 ours = {.sin6_family = AF_INET6, .sin6_addr = ip.address.v6};
	struct link_address wanted = {.prefix = ip, .flags = 0};
	struct cni_error err = {0};
	struct link link, peer;
	int fd;

	need();
	need_veth();
	batch = link_batch_new();
	sk = open_link();
	get(sk, "a0", &link);
	get(sk, "b0", &peer);
	link_batch_up(batch, peer.index);
	link_batch_up(batch, link.index);
	link_batch_add_address(batch, link.index, &ip);
	commit(batch, sk);
	/* Binding to a tentative address fails. */
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&ours, sizeof(ours)), 0);
	close(fd);
	wanted.index = link.index;
	assert_int_equal(link_each_address(sk, find_flags, NULL, &wanted, &err), 0);
	assert_true(wanted.flags & IFA_F_NODAD);
	assert_false(wanted.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED));
}

/* On a point-to-point link, and with a flag that does not fit into the old field of eight bits. */
static void an_address_is_ours_not_the_peers_and_has_all_its_flags(void **state)
{
	cleanup_netlink struct netlink *sk = NULL;
	const struct ip_prefix ours = prefix("10.9.9.1/32");
	const struct ip_address peer = address("10.9.9.2");
	struct link_address wanted = {.prefix = ours, .flags = 0};
	struct cni_error err = {0};
	struct nl_msg *msg;
	struct link link;

	need();
	need_veth();
	sk = open_link();
	get(sk, "a0", &link);

	const struct ifaddrmsg head = {
		.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = (uint32_t)link.index};

	msg = nlmsg_alloc_simple(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	nlmsg_append(msg, (void *)(uintptr_t)&head, sizeof(head), NLMSG_ALIGNTO);
	nla_put(msg, IFA_LOCAL, 4, ours.address.bytes);
	nla_put(msg, IFA_ADDRESS, 4, peer.bytes);
	nla_put_u32(msg, IFA_FLAGS, IFA_F_NOPREFIXROUTE);
	assert_int_equal(netlink_request(sk, msg, NULL, NULL, "add an address", &err), 0);
	nlmsg_free(msg);
	wanted.index = link.index;
	assert_int_equal(link_each_address(sk, find_flags, NULL, &wanted, &err), 0);
	assert_true(wanted.flags & IFA_F_NOPREFIXROUTE);
}

static void broadcast_of(const char *name, char *out)
{
	struct ifreq request = {0};
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in reply;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	assert_int_equal(ioctl(fd, SIOCGIFBRDADDR, &request), 0);
	close(fd);
	memcpy(&reply, &request.ifr_addr, sizeof(reply));
	assert_non_null(inet_ntop(AF_INET, &reply.sin_addr, out, INET_ADDRSTRLEN));
}

static void an_ipv4_address_has_its_networks_broadcast(void **state)
{
	static const char *const rows[][2] = {
		{"10.0.2.100/24", "10.0.2.255"},     {"10.0.2.100/8", "10.255.255.255"},
		{"10.0.2.101/30", "10.0.2.103"},     {"192.0.2.77/26", "192.0.2.127"},
		{"10.0.2.100/31", "0.0.0.0"},        {"10.0.2.100/32", "0.0.0.0"},
		{"172.16.9.9/13", "172.23.255.255"},
	};
	char text[INET_ADDRSTRLEN];

	need();
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_netlink struct netlink *sk = NULL;
		cleanup_link_batch struct link_batch *batch = link_batch_new();
		const struct ip_prefix ip = prefix(rows[i][0]);
		struct link link;

		assert_int_equal(unshare(CLONE_NEWNET), 0);
		need_veth();
		sk = open_link();
		get(sk, "a0", &link);
		link_batch_add_address(batch, link.index, &ip);
		commit(batch, sk);
		broadcast_of("a0", text);
		assert_string_equal(text, rows[i][1]);
	}
}

/* Adds the request that is to be refused. */
static void add_refused(struct link_batch *batch, int row, int index)
{
	const struct ip_prefix ip4 = prefix("10.0.2.100/24");
	const struct ip_prefix ip6 = prefix("fd00::64/64");
	const struct ip_prefix default4 = prefix("0.0.0.0/0");
	const struct ip_prefix default6 = prefix("::/0");
	const struct ip_address nowhere4 = address("198.51.100.1");
	const struct ip_address nowhere6 = address("2001:db8::1");

	switch (row) {
	case 0:
		link_batch_configure(batch, index, 7, NULL); /* below what the device can */
		break;
	case 1:
		link_batch_configure(batch, index, 0, (const uint8_t[6]){1}); /* multicast */
		break;
	case 2:
		link_batch_up(batch, 4711);
		break;
	case 3:
		link_batch_add_address(batch, index, &ip4);
		link_batch_add_address(batch, index, &ip4);
		break;
	case 4:
		link_batch_add_address(batch, index, &ip6);
		link_batch_add_address(batch, index, &ip6);
		break;
	case 5:
		link_batch_add_address(batch, 4711, &ip4);
		break;
	case 6:
		link_batch_add_route(batch, index, &default4, &nowhere4);
		break;
	default:
		link_batch_add_route(batch, index, &default6, &nowhere6);
	}
}

static void a_refused_request_is_named_with_the_kernels_words(void **state)
{
	static const struct {
		const char *msg;
		const char *details; /* the start: the errno's text */
		bool words;          /* of the kernel's own, behind it */
	} rows[] = {
		{"configure the interface and bring it up", "Invalid argument", true},
		{"configure the interface and bring it up", "Cannot assign requested address",
		 false},
		{"configure the interface and bring it up", "No such device", false},
		{"add an address to the interface", "File exists", true},
		{"add an address to the interface", "File exists", true},
		{"add an address to the interface", "No such device", false},
		{"add a route", "Network is unreachable", true},
		{"add a route", "No route to host", false},
	};

	need();
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_netlink struct netlink *sk = NULL;
		cleanup_link_batch struct link_batch *batch = link_batch_new();
		const struct ip_prefix last = prefix("192.0.2.1/24");
		struct words words = {.stop_at = 0};
		struct cni_error err = {0};
		struct link link;
		size_t len;

		assert_int_equal(unshare(CLONE_NEWNET), 0);
		need_veth();
		sk = open_link();
		get(sk, "a0", &link);
		link_batch_up(batch, link.index);
		add_refused(batch, (int)i, link.index);
		link_batch_add_address(batch, link.index, &last);
		errno = 0;
		if (link_batch_commit(batch, sk, &err) == 0)
			fail_msg("row %zu was taken", i);
		assert_int_equal(err.code, CNI_ERR_IO);
		len = strlen(rows[i].details);
		if (strstr(err.msg, rows[i].msg) == NULL ||
		    strncmp(err.details, rows[i].details, len) != 0 ||
		    (rows[i].words && strncmp(err.details + len, ": ", 2) != 0))
			fail_msg("row %zu: %s (%s)", i, err.msg, err.details);
		assert_string_equal(strerrordesc_np(errno), rows[i].details);

		/* The rest has been executed, and the socket is as good as before. */
		assert_int_equal(link_each_address(sk, add_address, NULL, &words, &err), 0);
		assert_word(&words, "%d 192.0.2.1/24", link.index);
	}
}

static void the_first_of_two_refusals_is_named(void **state)
{
	const struct ip_prefix ip = prefix("10.0.2.100/24");
	cleanup_netlink struct netlink *sk = NULL;
	cleanup_link_batch struct link_batch *batch = NULL;
	struct cni_error err = {0};

	need();
	batch = link_batch_new();
	sk = open_link();
	link_batch_add_address(batch, 4711, &ip);
	link_batch_up(batch, 4712);
	assert_int_equal(link_batch_commit(batch, sk, &err), -1);
	if (strstr(err.msg, "add an address") == NULL)
		fail_msg("%s (%s)", err.msg, err.details);
}

static void a_batch_of_nothing_is_done(void **state)
{
	cleanup_netlink struct netlink *sk = NULL;
	cleanup_link_batch struct link_batch *batch = NULL;

	need();
	batch = link_batch_new();
	sk = open_link();
	commit(batch, sk);
}

static void a_batch_that_is_too_long_does_nothing_of_it(void **state)
{
	cleanup_netlink struct netlink *sk = NULL;
	cleanup_link_batch struct link_batch *batch = NULL;
	struct cni_error err = {0};
	struct link link;

	need();
	batch = link_batch_new();
	sk = open_link();
	for (int i = 0; i < 100; i++)
		link_batch_up(batch, 1);
	assert_int_equal(link_batch_commit(batch, sk, &err), -1);
	assert_int_equal(err.code, CNI_ERR_IO);
	get(sk, "lo", &link);
	assert_false(link.flags & IFF_UP);
	link_batch_free(NULL);
}

static void without_privilege_nothing_is_configured(void)
{
	struct cni_error err = {0};
	struct netlink *sk;
	struct link_batch *batch = link_batch_new();
	struct link link;

	become_nobody();
	sk = netlink_open(NULL, NETLINK_ROUTE, &err);
	check(sk != NULL);
	check(link_get(sk, "lo", &link, &err) == 1);
	link_batch_up(batch, link.index);
	check(link_batch_commit(batch, sk, &err) == -1);
	check(strstr(err.details, "Operation not permitted") != NULL);
	link_batch_free(batch);
	netlink_close(sk);
	_exit(0);
}

static void an_unprivileged_user_may_look_but_not_touch(void **state)
{
	need();
	assert_int_equal(run_child(without_privilege_nothing_is_configured), 0);
}

static void counters_are_those_of_the_link(void **state)
{
	cleanup_netlink struct netlink *sk = NULL;
	cleanup_link_batch struct link_batch *batch = NULL;
	const struct sockaddr_in to = {.sin_family = AF_INET,
				       .sin_port = htons(9),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct link before, after;
	char payload[1000] = "";
	int fd;

	need();
	batch = link_batch_new();
	sk = open_link();
	link_batch_up(batch, 1);
	commit(batch, sk);
	get(sk, "lo", &before);
	assert_int_equal(before.stats.tx_packets, before.stats.rx_packets);
	/* To itself: no refusal comes back. */
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(
		sendto(fd, payload, sizeof(payload), 0, (const struct sockaddr *)&to, sizeof(to)),
		sizeof(payload));
	close(fd);
	get(sk, "lo", &after);
	assert_int_equal(after.stats.tx_packets, before.stats.tx_packets + 1);
	assert_int_equal(after.stats.rx_packets, before.stats.rx_packets + 1);
	assert_in_range(after.stats.tx_bytes - before.stats.tx_bytes, 1028, 1050);
}

static void a_socket_for_another_namespace_sees_that_one(void **state)
{
	cleanup_netlink struct netlink *sk = NULL;
	cleanup_netlink struct netlink *here = NULL;
	cleanup_netns struct netns ns = NETNS_NONE;
	struct words words = {.stop_at = 0};
	struct cni_error err = {0};
	struct link link;
	int before;

	need();
	need_veth();
	assert_int_equal(netns_open("/proc/thread-self/ns/net", &ns, &err), 0);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	before = count_descriptors();
	sk = netlink_open(&ns, NETLINK_ROUTE, &err);
	assert_non_null(sk);
	assert_int_equal(count_descriptors(), before + 1);
	get(sk, "a0", &link);
	assert_int_equal(link_each(sk, add_link, NULL, &words, &err), 0);
	assert_int_equal(words.n, 3);
	here = open_link();
	assert_int_equal(link_get(here, "a0", &link, &err), 0);
	assert_int_equal(fcntl(sk->fd, F_GETFD), FD_CLOEXEC);
}

static void a_closed_socket_gives_its_descriptor_back(void **state)
{
	struct cni_error err = {0};
	struct link link;
	int before;

	need();
	before = count_descriptors();
	for (int i = 0; i < 20; i++) {
		cleanup_netlink struct netlink *sk = open_link();

		assert_int_equal(link_get(sk, "nothing", &link, &err), 0);
	}
	assert_int_equal(count_descriptors(), before);
}

static void an_answer_is_the_kernels_and_nobody_elses(void **state)
{
	const struct {
		struct nlmsghdr head;
		struct ifinfomsg info;
		struct nlmsghdr end;
		struct nlmsgerr success;
	} forged = {
		.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
			 .nlmsg_type = RTM_NEWLINK},
		.info = {.ifi_index = 77},
		.end = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct nlmsgerr)),
			.nlmsg_type = NLMSG_ERROR},
	};
	cleanup_netlink struct netlink *sk = NULL;
	struct link link;

	need();
	sk = open_link();
	forge(sk, &forged, sizeof(forged));
	get(sk, "lo", &link);
	assert_int_equal(link.index, 1);
}

#define test(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_link_is_found_by_name),
		test(a_link_that_is_not_there_is_no_error),
		test(a_link_that_comes_is_told_and_the_socket_is_as_before),
		test(a_link_is_there_until_it_goes_or_has_another_name),
		test(news_of_links_come_from_the_kernel_alone),
		test(news_that_were_lost_are_an_error_and_the_socket_goes_on),
		test(a_refused_question_has_the_kernels_words),
		test(a_tap_is_of_the_kind_tun),
		test(every_link_is_listed_once),
		test(a_negative_value_stops_a_list_and_the_socket_goes_on),
		test(an_interface_is_configured_in_one_batch),
		test(what_is_not_given_is_left_as_it_is),
		test(an_ipv6_address_is_usable_at_once),
		test(an_address_is_ours_not_the_peers_and_has_all_its_flags),
		test(an_ipv4_address_has_its_networks_broadcast),
		test(a_refused_request_is_named_with_the_kernels_words),
		test(the_first_of_two_refusals_is_named),
		test(a_batch_of_nothing_is_done),
		test(a_batch_that_is_too_long_does_nothing_of_it),
		test(an_unprivileged_user_may_look_but_not_touch),
		test(counters_are_those_of_the_link),
		test(a_socket_for_another_namespace_sees_that_one),
		test(a_closed_socket_gives_its_descriptor_back),
		test(an_answer_is_the_kernels_and_nobody_elses),
	};

	return cmocka_run_group_tests(tests, isolate, NULL);
}
