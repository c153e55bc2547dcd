/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rtnetlink. To read, one request is sent, and the objects of its reply are handed to a function
 * one by one. To write, a batch is sent, because a container's interface takes half a dozen
 * requests that need not wait for each other: one system call sends them, and one or two receive
 * all acknowledgements.
 *
 * A link is read in one pass over its attributes. netns-stats reads thousands of links, and
 * nla_parse(3), which clears an array of pointers that is then searched, would cost a twentieth of
 * the whole dump. Addresses and routes have few attributes, and are read with nla_parse(3).
 */
#include "link.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "cleanup.h"

#define BATCH_MAX 16
#define IPV6_METRIC 1024 /* the kernel's default for routes that users add */

static void read_kind(struct link *link, const struct nlattr *info)
{
	const struct nlattr *kind = nla_find(nla_data(info), nla_len(info), IFLA_INFO_KIND);

	if (kind != NULL)
		nla_strlcpy(link->kind, kind, sizeof(link->kind));
}

/* A value that is longer than its member is cut, and a shorter one leaves zeros: older kernels send
 * fewer counters, newer ones more. */
static void read_link_attribute(struct link *link, const struct nlattr *a)
{
	switch (netlink_type(a)) {
	case IFLA_IFNAME:
		nla_strlcpy(link->name, a, sizeof(link->name));
		break;
	case IFLA_QDISC:
		nla_strlcpy(link->qdisc, a, sizeof(link->qdisc));
		break;
	case IFLA_LINKINFO:
		read_kind(link, a);
		break;
	case IFLA_ADDRESS:
		link->hwaddr_len = (uint8_t)nla_memcpy(link->hwaddr, a, HWADDR_MAX);
		break;
	case IFLA_BROADCAST:
		link->broadcast_len = (uint8_t)nla_memcpy(link->broadcast, a, HWADDR_MAX);
		break;
	case IFLA_MTU:
		nla_memcpy(&link->mtu, a, sizeof(link->mtu));
		break;
	case IFLA_TXQLEN:
		nla_memcpy(&link->txqlen, a, sizeof(link->txqlen));
		break;
	case IFLA_GROUP:
		nla_memcpy(&link->group, a, sizeof(link->group));
		break;
	case IFLA_MASTER:
		nla_memcpy(&link->master, a, sizeof(link->master));
		break;
	case IFLA_LINK:
		nla_memcpy(&link->peer, a, sizeof(link->peer));
		break;
	case IFLA_LINK_NETNSID:
		nla_memcpy(&link->peer_netnsid, a, sizeof(link->peer_netnsid));
		break;
	case IFLA_OPERSTATE:
		nla_memcpy(&link->operstate, a, sizeof(link->operstate));
		break;
	case IFLA_LINKMODE:
		nla_memcpy(&link->linkmode, a, sizeof(link->linkmode));
		break;
	case IFLA_CARRIER_CHANGES:
		nla_memcpy(&link->carrier_changes, a, sizeof(link->carrier_changes));
		break;
	case IFLA_STATS64:
		nla_memcpy(&link->stats, a, sizeof(link->stats));
		break;
	}
}

static bool read_link(const struct nlmsghdr *nlh, struct link *link)
{
	const struct ifinfomsg *head = nlmsg_data(nlh);
	const struct nlattr *a;
	int left;

	if (nlh->nlmsg_type != RTM_NEWLINK || !nlmsg_valid_hdr(nlh, sizeof(*head)))
		return false;
	*link = (struct link){.index = head->ifi_index,
			      .flags = head->ifi_flags,
			      .type = head->ifi_type,
			      .peer_netnsid = -1};
	netlink_for_each_attr(a, left, nlh, sizeof(*head))
	{
		read_link_attribute(link, a);
	}
	return link->name[0] != '\0';
}

static int link_take(const struct nlmsghdr *nlh, void *arg)
{
	read_link(nlh, arg);
	return 0;
}

int link_get(struct netlink *nl, const char *name, struct link *link, struct cni_error *err)
{
	cleanup_nl_msg struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, 0);
	struct ifinfomsg head = {.ifi_family = AF_UNSPEC};

	*link = (struct link){0};
	if (msg == NULL || nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO) < 0 ||
	    nla_put_string(msg, IFLA_IFNAME, name) < 0)
		return cni_error_nomem(err);
	if (netlink_request(nl, msg, link_take, link, "tell about an interface", err) < 0)
		return errno == ENODEV ? 0 : -1;
	return link->index > 0;
}

int link_watch(struct netlink *nl, struct cni_error *err)
{
	if (netlink_watch(nl, RTNLGRP_LINK) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot watch the links");
	return 0;
}

struct wanted {
	const char *name;
	struct link *link;
};

/* End the reading when the link has appeared. */
static int look_for_link(const struct nlmsghdr *nlh, void *arg)
{
	const struct wanted *wanted = arg;

	return read_link(nlh, wanted->link) && strcmp(wanted->link->name, wanted->name) == 0 ? -2
											     : 0;
}

int link_appeared(struct netlink *nl, const char *name, struct link *link, struct cni_error *err)
{
	struct wanted wanted = {.name = name, .link = link};
	const int ret = netlink_notifications(nl, look_for_link, &wanted);

	if (ret == -1)
		return cni_error_errno(err, CNI_ERR_IO,
				       "notifications of links from the kernel were lost");
	return ret < 0;
}

void link_unwatch(struct netlink *nl)
{
	netlink_unwatch(nl, RTNLGRP_LINK);
}

/* An ioctl does not take the lock that all changes of the network in all namespaces share. */
bool link_is_there(struct netlink *nl, const struct link *link)
{
	struct ifreq request = {.ifr_ifindex = link->index};

	return ioctl(nl->fd, SIOCGIFNAME, &request) == 0 &&
	       strcmp(request.ifr_name, link->name) == 0;
}

/* Where the objects of a list are handed to. */
struct each {
	union {
		int (*link)(const struct link *link, void *arg);
		int (*address)(const struct link_address *address, void *arg);
		int (*route)(const struct link_route *route, void *arg);
	} fn;
	void (*restart)(void *arg);
	void *arg;
};

static void restart_each(void *arg)
{
	const struct each *each = arg;

	if (each->restart != NULL)
		each->restart(each->arg);
}

/* Read a list. Its request is one header for all families. */
static int link_list(struct netlink *nl, int type, size_t head_size, netlink_fn *pass,
		     struct each *each, const char *what, struct cni_error *err)
{
	cleanup_nl_msg struct nl_msg *msg = nlmsg_alloc_size(NLMSG_SPACE(head_size));
	struct nlmsghdr *nlh;

	if (msg == NULL)
		return cni_error_nomem(err);
	/* A header of zeros means AF_UNSPEC, and selects all objects. */
	nlh = nlmsg_hdr(msg);
	nlh->nlmsg_type = (uint16_t)type;
	if (nlmsg_reserve(msg, head_size, NLMSG_ALIGNTO) == NULL)
		return cni_error_nomem(err);
	memset(nlmsg_data(nlh), 0, head_size);
	return netlink_dump(nl, msg, pass, restart_each, each, what, err);
}

static int pass_link(const struct nlmsghdr *nlh, void *arg)
{
	const struct each *each = arg;
	struct link link;

	return read_link(nlh, &link) ? each->fn.link(&link, each->arg) : 0;
}

int link_each(struct netlink *nl, int (*fn)(const struct link *link, void *arg),
	      void (*restart)(void *arg), void *arg, struct cni_error *err)
{
	struct each each = {.fn.link = fn, .restart = restart, .arg = arg};

	return link_list(nl, RTM_GETLINK, sizeof(struct ifinfomsg), pass_link, &each,
			 "list the links", err);
}

/* Read an address. Return: false when the attribute is not an address of that family. */
static bool read_address(const struct nlattr *a, int family, struct ip_address *out)
{
	const size_t size = ip_address_size(family);

	if (a == NULL || (size_t)nla_len(a) != size)
		return false;
	out->family = family;
	memcpy(out->bytes, nla_data(a), size);
	return true;
}

static int pass_address(const struct nlmsghdr *nlh, void *arg)
{
	const struct each *each = arg;
	const struct ifaddrmsg *head = nlmsg_data(nlh);
	struct nlattr *attrs[IFA_MAX + 1];
	struct link_address address = {0};

	if (nlh->nlmsg_type != RTM_NEWADDR || !netlink_parse(nlh, sizeof(*head), attrs, IFA_MAX) ||
	    (head->ifa_family != AF_INET && head->ifa_family != AF_INET6))
		return 0;
	/* On a point-to-point link IFA_ADDRESS is the peer's address, and IFA_LOCAL is ours. */
	if (!read_address(attrs[IFA_LOCAL] != NULL ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS],
			  head->ifa_family, &address.prefix.address))
		return 0;
	address.index = (int)head->ifa_index;
	address.scope = head->ifa_scope;
	address.prefix.length = head->ifa_prefixlen;
	address.flags = attrs[IFA_FLAGS] != NULL ? netlink_u32(attrs[IFA_FLAGS]) : head->ifa_flags;
	return each->fn.address(&address, each->arg);
}

int link_each_address(struct netlink *nl, int (*fn)(const struct link_address *address, void *arg),
		      void (*restart)(void *arg), void *arg, struct cni_error *err)
{
	struct each each = {.fn.address = fn, .restart = restart, .arg = arg};

	return link_list(nl, RTM_GETADDR, sizeof(struct ifaddrmsg), pass_address, &each,
			 "list the addresses", err);
}

static int pass_route(const struct nlmsghdr *nlh, void *arg)
{
	const struct each *each = arg;
	const struct rtmsg *head = nlmsg_data(nlh);
	struct nlattr *attrs[RTA_MAX + 1];
	struct link_route route = {0};

	if (nlh->nlmsg_type != RTM_NEWROUTE || !netlink_parse(nlh, sizeof(*head), attrs, RTA_MAX) ||
	    (head->rtm_family != AF_INET && head->rtm_family != AF_INET6) ||
	    head->rtm_type != RTN_UNICAST)
		return 0;
	route.dst.address.family = head->rtm_family;
	route.dst.length = head->rtm_dst_len;
	read_address(attrs[RTA_DST], head->rtm_family, &route.dst.address);
	route.has_gateway = read_address(attrs[RTA_GATEWAY], head->rtm_family, &route.gateway);
	route.table = attrs[RTA_TABLE] != NULL ? netlink_u32(attrs[RTA_TABLE]) : head->rtm_table;
	route.index = (int)netlink_u32(attrs[RTA_OIF]);
	route.priority = netlink_u32(attrs[RTA_PRIORITY]);
	return each->fn.route(&route, each->arg);
}

int link_each_route(struct netlink *nl, int (*fn)(const struct link_route *route, void *arg),
		    void (*restart)(void *arg), void *arg, struct cni_error *err)
{
	struct each each = {.fn.route = fn, .restart = restart, .arg = arg};

	return link_list(nl, RTM_GETROUTE, sizeof(struct rtmsg), pass_route, &each,
			 "list the routes", err);
}

struct link_batch {
	struct netlink_batch requests;
	const char *what[BATCH_MAX]; /* for the message when it is refused */
	size_t n;
};

struct link_batch *link_batch_new(void)
{
	return calloc(1, sizeof(struct link_batch));
}

void link_batch_free(struct link_batch *batch)
{
	if (batch == NULL)
		return;
	netlink_batch_free(&batch->requests);
	free(batch);
}

/* Begin a request; netlink_end() ends it. Return: NULL when the batch has failed. */
static struct nl_msg *link_begin(struct link_batch *batch, int type, int flags, const void *head,
				 size_t size, const char *what)
{
	if (batch->n == BATCH_MAX) {
		batch->requests.failed = true;
		return NULL;
	}
	batch->what[batch->n++] = what;
	return netlink_begin(&batch->requests, type, NLM_F_ACK | flags, head, size);
}

void link_batch_configure(struct link_batch *batch, int index, uint32_t mtu, const uint8_t *mac)
{
	const struct ifinfomsg head = {.ifi_family = AF_UNSPEC,
				       .ifi_index = index,
				       .ifi_flags = IFF_UP,
				       .ifi_change = IFF_UP};
	struct nl_msg *msg = link_begin(batch, RTM_NEWLINK, 0, &head, sizeof(head),
					"configure the interface and bring it up");

	if (msg == NULL)
		return;
	if (mtu != 0)
		nla_put_u32(msg, IFLA_MTU, mtu);
	if (mac != NULL)
		nla_put(msg, IFLA_ADDRESS, 6, mac);
	netlink_end(&batch->requests);
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
	const int size = (int)ip_address_size(prefix->address.family);
	struct nl_msg *msg = link_begin(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &head,
					sizeof(head), "add an address to the interface");

	if (msg == NULL)
		return;
	nla_put(msg, IFA_LOCAL, size, prefix->address.bytes);
	nla_put(msg, IFA_ADDRESS, size, prefix->address.bytes);
	if (prefix->address.family == AF_INET6) {
		nla_put_u32(msg, IFA_FLAGS, IFA_F_NODAD);
	} else if (prefix->length < 31) {
		uint32_t broadcast = prefix->address.v4.s_addr |
				     htonl((uint32_t)(UINT64_C(0xffffffff) >> prefix->length));

		nla_put_u32(msg, IFA_BROADCAST, broadcast);
	}
	netlink_end(&batch->requests);
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
	const int size = (int)ip_address_size(dst->address.family);
	/*
	 * The default route of a second interface goes behind that of the first: the first is used,
	 * and when it is gone the second takes over. In IPv4 the route is appended. IPv6 would
	 * merge the two into one route with two next hops, so there the metric grows with the
	 * interface's index.
	 */
	const bool v4 = dst->address.family == AF_INET;
	struct nl_msg *msg =
		link_begin(batch, RTM_NEWROUTE, NLM_F_CREATE | (v4 ? NLM_F_APPEND : NLM_F_EXCL),
			   &head, sizeof(head), "add a route");

	if (msg == NULL)
		return;
	if (!v4)
		nla_put_u32(msg, RTA_PRIORITY, IPV6_METRIC + (uint32_t)index);
	if (dst->length > 0)
		nla_put(msg, RTA_DST, size, dst->address.bytes);
	nla_put(msg, RTA_GATEWAY, size, gateway->bytes);
	nla_put_u32(msg, RTA_OIF, (uint32_t)index);
	netlink_end(&batch->requests);
}

struct commit {
	const struct link_batch *batch;
	struct cni_error *err;
	int refused; /* errno of the first refusal */
};

static int take_refusal(const struct nlmsghdr *nlh, void *arg)
{
	struct commit *commit = arg;
	const size_t position = netlink_position(&commit->batch->requests, nlh);

	if (commit->refused != 0 || netlink_errno(nlh) == 0)
		return 0;
	netlink_refused(commit->err, nlh, commit->batch->what[position]);
	commit->refused = errno;
	return 0;
}

int link_batch_commit(struct link_batch *batch, struct netlink *nl, struct cni_error *err)
{
	struct commit commit = {.batch = batch, .err = err};
	const int ret = netlink_exchange(nl, &batch->requests, take_refusal, &commit);

	batch->n = 0;
	if (commit.refused != 0) {
		errno = commit.refused;
		return -1;
	}
	if (ret < 0)
		return cni_error_errno(err, CNI_ERR_IO,
				       "cannot configure the interface over netlink");
	return 0;
}
