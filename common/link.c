/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rtnetlink through libnl-3's core.
 *
 * Reading: one request, its answers handed one by one to a function. Writing: a batch, because a
 * container's interface takes half a dozen requests that have no reason to wait for each other: one
 * system call sends them, one or two receive all acknowledgements. The kernel's extended
 * acknowledgement (NETLINK_EXT_ACK, since Linux 4.12) says in words what it did not like; it ends
 * up in the error's details.
 */
#include "link.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>

#include "cleanup.h"

#define RECEIVE_LIMIT_S 5
#define RECEIVE_BYTES 32768 /* the largest message that the kernel makes for a dump */
#define NEWS_BYTES 8192     /* the kernel's messages about one link are smaller */
#define NEWS_MAX 256        /* read at a time: whoever floods us does not keep us */
#define BATCH_MAX 16
#define ERRNO_MAX 4095   /* the kernel's MAX_ERRNO */
#define FORGED_MAX 1000  /* messages that are not the kernel's, before we give up */
#define IPV6_METRIC 1024 /* the kernel's own for a route of a user's */

static inline void cleanup_nl_msg_(struct nl_msg **msg)
{
	nlmsg_free(*msg);
}
#define cleanup_nl_msg __attribute__((cleanup(cleanup_nl_msg_)))

struct nl_sock *link_open(const struct netns *ns, struct cni_error *err)
{
	cleanup_nl_sock struct nl_sock *sk = nl_socket_alloc();
	cleanup_close int fd = -1;
	const struct sockaddr_nl any = {.nl_family = AF_NETLINK};
	const struct timeval limit = {.tv_sec = RECEIVE_LIMIT_S};
	const int on = 1;
	int failure;

	if (sk == NULL)
		return cni_error_nomem(err), NULL;
	fd = ns == NULL ? socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)
			: netns_socket(ns, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, err);
	if (fd < 0 && ns == NULL)
		cni_error_errno(err, CNI_ERR_IO, "cannot open a netlink socket");
	if (fd < 0)
		return NULL;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)) < 0 ||
	    bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot prepare a netlink socket"), NULL;
	failure = nl_socket_set_fd(sk, NETLINK_ROUTE, fd);
	if (failure < 0)
		return cni_error(err, CNI_ERR_IO, "libnl does not take the netlink socket: %s",
				 nl_geterror(failure)),
		       NULL;
	take_fd(&fd);
	nl_socket_disable_msg_peek(sk); /* peeking would double every receive */
	failure = nl_socket_set_msg_buf_size(sk, RECEIVE_BYTES);
	return failure < 0 ? (cni_error_nomem(err), NULL) : take_ptr(sk);
}

/* What the answers to a request go through. */
struct answers {
	int (*fn)(struct nlmsghdr *head, void *arg); /* negative: stop */
	void *arg;
	int value;       /* fn's negative value */
	int errnum;      /* of the first refusal */
	uint32_t seq;    /* whose it was */
	size_t finished; /* acknowledgements, refusals, ends of dumps */
	int forged;      /* messages that others sent */
	char text[128];  /* the kernel's own words */
};

/*
 * Every message comes by here first. Only the kernel (port 0) is believed: root inside a container
 * may send to any netlink socket in its namespace, and to guess a port, our pid, is no art.
 */
static int on_arrival(struct nl_msg *msg, void *arg)
{
	struct answers *answers = arg;

	if (nlmsg_get_src(msg)->nl_pid == 0)
		return NL_OK;
	return ++answers->forged < FORGED_MAX ? NL_SKIP : -NLE_PERM;
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct answers *answers = arg;

	if (answers->fn != NULL && answers->value >= 0)
		answers->value = answers->fn(nlmsg_hdr(msg), answers->arg);
	return NL_OK;
}

static int on_finish(struct nl_msg *msg, void *arg)
{
	struct answers *answers = arg;

	(void)msg;
	answers->finished++;
	return NL_OK;
}

/* The text in an extended acknowledgement; the request is not repeated in it (NETLINK_CAP_ACK). */
static void read_ext_ack(const struct nlmsgerr *refusal, char *out, size_t size)
{
	const struct nlmsghdr *head =
		(const struct nlmsghdr *)((const char *)refusal - NLMSG_HDRLEN);
	struct nlattr *attrs = (struct nlattr *)((uintptr_t)refusal + sizeof(*refusal));
	const int len = (int)head->nlmsg_len - (int)(NLMSG_HDRLEN + sizeof(*refusal));
	const struct nlattr *text;

	if (!(head->nlmsg_flags & NLM_F_ACK_TLVS) || !(head->nlmsg_flags & NLM_F_CAPPED) ||
	    len <= 0)
		return;
	text = nla_find(attrs, len, NLMSGERR_ATTR_MSG);
	if (text != NULL)
		nla_strlcpy(out, text, size);
}

/* A batch's acknowledgements come under many numbers: let every one through. */
static int on_sequence(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return NL_OK;
}

static int on_refusal(struct sockaddr_nl *who, struct nlmsgerr *refusal, void *arg)
{
	struct answers *answers = arg;

	(void)who;
	if (answers->errnum == 0) {
		answers->errnum = refusal->error < 0 && refusal->error >= -ERRNO_MAX
					  ? -refusal->error
					  : EBADMSG;
		answers->seq = refusal->msg.nlmsg_seq;
		read_ext_ack(refusal, answers->text, sizeof(answers->text));
	}
	answers->finished++;
	return NL_SKIP;
}

/* Receive until @expected requests are finished. */
static int collect(struct nl_sock *sk, size_t expected, struct answers *answers,
		   struct cni_error *err)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int n = 0;

	if (cb == NULL)
		return cni_error_nomem(err);
	nl_cb_set(cb, NL_CB_MSG_IN, NL_CB_CUSTOM, on_arrival, answers);
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_sequence, NULL);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_message, answers);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, answers);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_finish, answers);
	nl_cb_err(cb, NL_CB_CUSTOM, on_refusal, answers);
	while (answers->finished < expected && n >= 0) {
		n = nl_recvmsgs(sk, cb);
		/* Something changed during a dump: what was listed is right all the same. */
		if (n == -NLE_DUMP_INTR)
			n = 0;
	}
	nl_cb_put(cb);
	if (answers->forged >= FORGED_MAX)
		return cni_error(err, CNI_ERR_IO,
				 "a process in the network namespace floods our netlink socket");
	if (n < 0)
		return cni_error(err, CNI_ERR_IO, "the kernel does not answer over netlink: %s",
				 nl_geterror(n));
	return 0;
}

/* errno of a refusal as an error that the caller words. */
static int refused(const struct answers *answers, struct cni_error *err, const char *what)
{
	errno = answers->errnum;
	cni_error_errno(err, CNI_ERR_IO, "the kernel refused to %s", what);
	if (answers->text[0] != '\0')
		cni_error_details(err, "%s: %s", strerror(answers->errnum), answers->text);
	return -1;
}

/* Send a request, receive its answers. */
static int exchange(struct nl_sock *sk, struct nl_msg *msg, struct answers *answers,
		    struct cni_error *err)
{
	const int n = nl_send_auto(sk, msg);

	if (n < 0)
		return cni_error(err, CNI_ERR_IO, "cannot ask the kernel over netlink: %s",
				 nl_geterror(n));
	return collect(sk, 1, answers, err);
}

/* libnl copies the header, but does not say const. */
static int append(struct nl_msg *msg, const void *head, size_t size)
{
	return nlmsg_append(msg, (void *)(uintptr_t)head, size, NLMSG_ALIGNTO);
}

/* nlmsg_parse() with its failure as "nothing there". What is in an attribute is not checked. */
static bool parse_attrs(struct nlmsghdr *head, size_t family_size, struct nlattr **attrs, int max)
{
	return nlmsg_valid_hdr(head, (int)family_size) &&
	       nlmsg_parse(head, (int)family_size, attrs, max, NULL) == 0;
}

/* 0 where there is none of that size. */
static uint32_t get_u32(const struct nlattr *attr)
{
	return attr != NULL && nla_len(attr) == sizeof(uint32_t) ? nla_get_u32(attr) : 0;
}

static bool parse_link(struct nlmsghdr *head, struct link *link)
{
	struct nlattr *attrs[IFLA_MAX + 1];
	struct nlattr *info[IFLA_INFO_MAX + 1];
	const struct ifinfomsg *msg = nlmsg_data(head);

	if (head->nlmsg_type != RTM_NEWLINK ||
	    !parse_attrs(head, sizeof(struct ifinfomsg), attrs, IFLA_MAX))
		return false;
	*link = (struct link){.index = msg->ifi_index, .flags = msg->ifi_flags};
	if (attrs[IFLA_IFNAME] != NULL)
		nla_strlcpy(link->name, attrs[IFLA_IFNAME], sizeof(link->name));
	link->mtu = get_u32(attrs[IFLA_MTU]);
	if (attrs[IFLA_ADDRESS] != NULL && nla_len(attrs[IFLA_ADDRESS]) == 6) {
		link->has_mac = true;
		memcpy(link->mac, nla_data(attrs[IFLA_ADDRESS]), 6);
	}
	if (attrs[IFLA_LINKINFO] != NULL &&
	    nla_parse_nested(info, IFLA_INFO_MAX, attrs[IFLA_LINKINFO], NULL) == 0 &&
	    info[IFLA_INFO_KIND] != NULL)
		nla_strlcpy(link->kind, info[IFLA_INFO_KIND], sizeof(link->kind));
	/* Older kernels send fewer counters, newer ones more. */
	if (attrs[IFLA_STATS64] != NULL)
		nla_memcpy(&link->stats, attrs[IFLA_STATS64], sizeof(link->stats));
	return true;
}

static int take_link(struct nlmsghdr *head, void *arg)
{
	parse_link(head, arg);
	return 0;
}

int link_get(struct nl_sock *sk, const char *name, struct link *link, struct cni_error *err)
{
	cleanup_nl_msg struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, 0);
	const struct ifinfomsg head = {.ifi_family = AF_UNSPEC};
	struct answers answers = {.fn = take_link, .arg = link};

	*link = (struct link){0};
	if (msg == NULL || append(msg, &head, sizeof(head)) < 0 ||
	    nla_put_string(msg, IFLA_IFNAME, name) < 0)
		return cni_error_nomem(err);
	if (exchange(sk, msg, &answers, err) < 0)
		return -1;
	if (answers.errnum == ENODEV)
		return 0;
	if (answers.errnum != 0)
		return refused(&answers, err, "tell about an interface");
	return link->index > 0;
}

static int set_membership(struct nl_sock *sk, int option)
{
	const int group = RTNLGRP_LINK;

	return setsockopt(nl_socket_get_fd(sk), SOL_NETLINK, option, &group, sizeof(group));
}

int link_watch(struct nl_sock *sk, struct cni_error *err)
{
	if (set_membership(sk, NETLINK_ADD_MEMBERSHIP) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot watch the links");
	return 0;
}

/* The next datagram, without waiting. Anybody in the namespace may write to us; the kernel is 0. */
static ssize_t read_news(struct nl_sock *sk, char *buf, size_t size)
{
	struct sockaddr_nl from = {0};
	socklen_t from_size = sizeof(from);
	const ssize_t n = TEMP_FAILURE_RETRY(recvfrom(nl_socket_get_fd(sk), buf, size, MSG_DONTWAIT,
						      (struct sockaddr *)&from, &from_size));

	return n > 0 && from.nl_pid != 0 ? 0 : n;
}

int link_appeared(struct nl_sock *sk, const char *name, struct link *link, struct cni_error *err)
{
	char buf[NEWS_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool present = false;
	ssize_t n = 0;

	for (int i = 0; i < NEWS_MAX && !present && (n = read_news(sk, buf, sizeof(buf))) >= 0;
	     i++) {
		int left = (int)n;

		for (struct nlmsghdr *head = (struct nlmsghdr *)(void *)buf;
		     !present && nlmsg_ok(head, left); head = nlmsg_next(head, &left))
			present = parse_link(head, link) && strcmp(link->name, name) == 0;
	}
	if (n < 0 && errno != EAGAIN)
		return cni_error_errno(err, CNI_ERR_IO, "the kernel's news of links are lost");
	return present;
}

void link_unwatch(struct nl_sock *sk)
{
	char dropped;

	set_membership(sk, NETLINK_DROP_MEMBERSHIP);
	for (int i = 0; i < NEWS_MAX; i++) {
		if (read_news(sk, &dropped, sizeof(dropped)) < 0 && errno == EAGAIN)
			break;
	}
}

/* By ioctl, which does not take the lock that all changes of the network share, in all namespaces.
 */
bool link_is_there(struct nl_sock *sk, const struct link *link)
{
	struct ifreq request = {.ifr_ifindex = link->index};

	return ioctl(nl_socket_get_fd(sk), SIOCGIFNAME, &request) == 0 &&
	       strcmp(request.ifr_name, link->name) == 0;
}

/* A dump: every object of a type, through @fn. */
static int dump(struct nl_sock *sk, int type, const void *head, size_t size,
		struct answers *answers, struct cni_error *err)
{
	cleanup_nl_msg struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_DUMP);

	if (msg == NULL || nlmsg_append(msg, (void *)(uintptr_t)head, size, NLMSG_ALIGNTO) < 0)
		return cni_error_nomem(err);
	if (exchange(sk, msg, answers, err) < 0)
		return -1;
	if (answers->errnum != 0)
		return refused(answers, err, "list what is in the network namespace");
	return answers->value;
}

struct each_link {
	int (*fn)(const struct link *link, void *arg);
	void *arg;
};

static int pass_link(struct nlmsghdr *head, void *arg)
{
	const struct each_link *each = arg;
	struct link link;

	return parse_link(head, &link) ? each->fn(&link, each->arg) : 0;
}

int link_each(struct nl_sock *sk, int (*fn)(const struct link *link, void *arg), void *arg,
	      struct cni_error *err)
{
	struct each_link each = {.fn = fn, .arg = arg};
	struct answers answers = {.fn = pass_link, .arg = &each};
	const struct ifinfomsg head = {.ifi_family = AF_UNSPEC};

	return dump(sk, RTM_GETLINK, &head, sizeof(head), &answers, err);
}

struct each_address {
	int (*fn)(const struct link_address *address, void *arg);
	void *arg;
};

static bool parse_address(const struct nlattr *attr, int family, struct ip_address *out)
{
	const size_t size = ip_address_size(family);

	if (attr == NULL || (size_t)nla_len(attr) != size)
		return false;
	out->family = family;
	memcpy(out->bytes, nla_data(attr), size);
	return true;
}

static int pass_address(struct nlmsghdr *head, void *arg)
{
	const struct each_address *each = arg;
	const struct ifaddrmsg *msg = nlmsg_data(head);
	struct nlattr *attrs[IFA_MAX + 1];
	struct link_address address = {0};

	if (head->nlmsg_type != RTM_NEWADDR || !parse_attrs(head, sizeof(*msg), attrs, IFA_MAX) ||
	    (msg->ifa_family != AF_INET && msg->ifa_family != AF_INET6))
		return 0;
	/* On a point-to-point link IFA_ADDRESS is the peer's; IFA_LOCAL, where there is one, ours.
	 */
	if (!parse_address(attrs[IFA_LOCAL] != NULL ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS],
			   msg->ifa_family, &address.prefix.address))
		return 0;
	address.index = (int)msg->ifa_index;
	address.prefix.length = msg->ifa_prefixlen;
	address.flags = msg->ifa_flags;
	if (attrs[IFA_FLAGS] != NULL && nla_len(attrs[IFA_FLAGS]) == sizeof(uint32_t))
		address.flags = nla_get_u32(attrs[IFA_FLAGS]);
	return each->fn(&address, each->arg);
}

int link_each_address(struct nl_sock *sk, int (*fn)(const struct link_address *address, void *arg),
		      void *arg, struct cni_error *err)
{
	struct each_address each = {.fn = fn, .arg = arg};
	struct answers answers = {.fn = pass_address, .arg = &each};
	const struct ifaddrmsg head = {.ifa_family = AF_UNSPEC};

	return dump(sk, RTM_GETADDR, &head, sizeof(head), &answers, err);
}

struct each_route {
	int (*fn)(const struct link_route *route, void *arg);
	void *arg;
};

static int pass_route(struct nlmsghdr *head, void *arg)
{
	const struct each_route *each = arg;
	const struct rtmsg *msg = nlmsg_data(head);
	struct nlattr *attrs[RTA_MAX + 1];
	struct link_route route = {0};

	if (head->nlmsg_type != RTM_NEWROUTE || !parse_attrs(head, sizeof(*msg), attrs, RTA_MAX) ||
	    (msg->rtm_family != AF_INET && msg->rtm_family != AF_INET6) ||
	    msg->rtm_type != RTN_UNICAST)
		return 0;
	route.dst.address.family = msg->rtm_family;
	route.dst.length = msg->rtm_dst_len;
	parse_address(attrs[RTA_DST], msg->rtm_family, &route.dst.address);
	route.has_gateway = parse_address(attrs[RTA_GATEWAY], msg->rtm_family, &route.gateway);
	route.table = attrs[RTA_TABLE] != NULL ? get_u32(attrs[RTA_TABLE]) : msg->rtm_table;
	route.index = (int)get_u32(attrs[RTA_OIF]);
	route.priority = get_u32(attrs[RTA_PRIORITY]);
	return each->fn(&route, each->arg);
}

int link_each_route(struct nl_sock *sk, int (*fn)(const struct link_route *route, void *arg),
		    void *arg, struct cni_error *err)
{
	struct each_route each = {.fn = fn, .arg = arg};
	struct answers answers = {.fn = pass_route, .arg = &each};
	const struct rtmsg head = {.rtm_family = AF_UNSPEC};

	return dump(sk, RTM_GETROUTE, &head, sizeof(head), &answers, err);
}

struct link_batch {
	struct nl_msg *requests[BATCH_MAX];
	const char *what[BATCH_MAX]; /* for the message when it is refused */
	size_t n;
	bool failed; /* out of memory, or of places */
};

struct link_batch *link_batch_new(void)
{
	return calloc(1, sizeof(struct link_batch));
}

void link_batch_free(struct link_batch *batch)
{
	if (batch == NULL)
		return;
	for (size_t i = 0; i < batch->n; i++)
		nlmsg_free(batch->requests[i]);
	free(batch);
}

/* Start a request; NULL when the batch has failed. */
static struct nl_msg *begin(struct link_batch *batch, int type, int flags, const void *head,
			    size_t size, const char *what)
{
	cleanup_nl_msg struct nl_msg *msg = NULL;

	if (batch->failed || batch->n == BATCH_MAX)
		goto failed;
	msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_ACK | flags);
	if (msg == NULL || nlmsg_append(msg, (void *)(uintptr_t)head, size, NLMSG_ALIGNTO) < 0)
		goto failed;
	batch->requests[batch->n] = msg;
	batch->what[batch->n++] = what;
	return take_ptr(msg);
failed:
	batch->failed = true;
	return NULL;
}

static void put(struct link_batch *batch, struct nl_msg *msg, int attr, const void *data,
		size_t size)
{
	if (msg != NULL && nla_put(msg, attr, (int)size, data) < 0)
		batch->failed = true;
}

static void put_u32(struct link_batch *batch, struct nl_msg *msg, int attr, uint32_t value)
{
	put(batch, msg, attr, &value, sizeof(value));
}

void link_batch_configure(struct link_batch *batch, int index, uint32_t mtu, const uint8_t *mac)
{
	const struct ifinfomsg head = {.ifi_family = AF_UNSPEC,
				       .ifi_index = index,
				       .ifi_flags = IFF_UP,
				       .ifi_change = IFF_UP};
	struct nl_msg *msg = begin(batch, RTM_NEWLINK, 0, &head, sizeof(head),
				   "configure the interface and bring it up");

	if (mtu != 0)
		put_u32(batch, msg, IFLA_MTU, mtu);
	if (mac != NULL)
		put(batch, msg, IFLA_ADDRESS, mac, 6);
}

void link_batch_up(struct link_batch *batch, int index)
{
	link_batch_configure(batch, index, 0, NULL);
}

void link_batch_add_address(struct link_batch *batch, int index, const struct ip_prefix *prefix)
{
	const struct ifaddrmsg head = {.ifa_family = (uint8_t)prefix->address.family,
				       .ifa_prefixlen = (uint8_t)prefix->length,
				       .ifa_index = (uint32_t)index};
	const size_t size = ip_address_size(prefix->address.family);
	struct nl_msg *msg = begin(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &head,
				   sizeof(head), "add an address to the interface");

	put(batch, msg, IFA_LOCAL, prefix->address.bytes, size);
	put(batch, msg, IFA_ADDRESS, prefix->address.bytes, size);
	if (prefix->address.family == AF_INET6) {
		put_u32(batch, msg, IFA_FLAGS, IFA_F_NODAD);
	} else if (prefix->length < 31) {
		uint32_t broadcast = prefix->address.v4.s_addr |
				     htonl((uint32_t)(UINT64_C(0xffffffff) >> prefix->length));

		put_u32(batch, msg, IFA_BROADCAST, broadcast);
	}
}

void link_batch_add_route(struct link_batch *batch, int index, const struct ip_prefix *dst,
			  const struct ip_address *gateway)
{
	const struct rtmsg head = {.rtm_family = (uint8_t)dst->address.family,
				   .rtm_dst_len = (uint8_t)dst->length,
				   .rtm_table = RT_TABLE_MAIN,
				   .rtm_protocol = RTPROT_BOOT,
				   .rtm_scope = RT_SCOPE_UNIVERSE,
				   .rtm_type = RTN_UNICAST};
	const size_t size = ip_address_size(dst->address.family);
	/*
	 * A second interface's default route goes behind the first's: the first wins, and when it
	 * goes the second takes over. In IPv4 it is appended; IPv6 would make the two one route
	 * with two next hops, so there the metric grows with the interface.
	 */
	const bool v4 = dst->address.family == AF_INET;
	struct nl_msg *msg =
		begin(batch, RTM_NEWROUTE, NLM_F_CREATE | (v4 ? NLM_F_APPEND : NLM_F_EXCL), &head,
		      sizeof(head), "add a route");

	if (!v4)
		put_u32(batch, msg, RTA_PRIORITY, IPV6_METRIC + (uint32_t)index);
	if (dst->length > 0)
		put(batch, msg, RTA_DST, dst->address.bytes, size);
	put(batch, msg, RTA_GATEWAY, gateway->bytes, size);
	put_u32(batch, msg, RTA_OIF, (uint32_t)index);
}

int link_batch_commit(struct link_batch *batch, struct nl_sock *sk, struct cni_error *err)
{
	struct iovec parts[BATCH_MAX];
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = batch->n};
	struct answers answers = {0};

	if (batch->failed)
		return cni_error_nomem(err);
	if (batch->n == 0)
		return 0;
	for (size_t i = 0; i < batch->n; i++) {
		struct nlmsghdr *head = nlmsg_hdr(batch->requests[i]);

		head->nlmsg_seq = (uint32_t)i + 1;
		parts[i].iov_base = head;
		parts[i].iov_len = NLMSG_ALIGN(head->nlmsg_len);
	}
	if (TEMP_FAILURE_RETRY(sendmsg(nl_socket_get_fd(sk), &message, MSG_NOSIGNAL)) < 0)
		return cni_error_errno(err, CNI_ERR_IO,
				       "cannot configure the interface over netlink");
	if (collect(sk, batch->n, &answers, err) < 0)
		return -1;
	if (answers.errnum != 0)
		return refused(&answers, err,
			       answers.seq >= 1 && answers.seq <= batch->n
				       ? batch->what[answers.seq - 1]
				       : "configure the interface");
	return 0;
}
