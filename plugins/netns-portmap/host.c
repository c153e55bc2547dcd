/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "netlink.h"

/* The only socket for routes and addresses; it is closed when the process ends. */
static struct netlink *route_socket;

static int open_route_socket(struct cni_error *err)
{
	if (route_socket == NULL)
		route_socket = netlink_open(NULL, NETLINK_ROUTE, err);
	return route_socket == NULL ? -1 : 0;
}

int host_on_route(const struct nlmsghdr *nlh, void *arg)
{
	struct host_reply *reply = arg;
	const struct rtmsg *rtm = nlmsg_data(nlh);
	struct nlattr *attrs[RTA_MAX + 1];

	if (nlh->nlmsg_type == NLMSG_ERROR)
		reply->error = netlink_errno(nlh);
	if (nlh->nlmsg_type != RTM_NEWROUTE || !netlink_parse(nlh, sizeof(*rtm), attrs, RTA_MAX))
		return 0;
	reply->type = rtm->rtm_type;
	reply->oif = netlink_u32(attrs[RTA_OIF]);
	return 0;
}

int host_route(const struct ip_address *address, struct host_route *route, struct cni_error *err)
{
	cleanup_netlink_batch struct netlink_batch b = {0};
	const size_t size = ip_address_size(address->family);
	const struct rtmsg rtm = {
		.rtm_family = (unsigned char)address->family,
		.rtm_dst_len = (unsigned char)(size * 8),
	};
	struct host_reply reply = {0};
	char text[INET6_ADDRSTRLEN];
	struct nl_msg *msg;

	*route = (struct host_route){0};
	if (open_route_socket(err) < 0)
		return -1;
	msg = netlink_begin(&b, RTM_GETROUTE, 0, &rtm, sizeof(rtm));
	if (msg != NULL)
		nla_put(msg, RTA_DST, (int)size, address->bytes);
	netlink_end(&b);
	if (netlink_exchange(route_socket, &b, host_on_route, &reply) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot ask for the route to %s",
				       ip_address_format(address, text));
	/* An error says that there is no route (ENETUNREACH, EHOSTUNREACH, EINVAL, EACCES). */
	if (reply.error)
		return 0;
	route->local = reply.type == RTN_LOCAL;
	if (reply.type == RTN_UNICAST && if_indextoname(reply.oif, route->device) == NULL)
		route->device[0] = '\0';
	return 0;
}

int host_on_address(const struct nlmsghdr *nlh, void *arg)
{
	struct host_addresses *list = arg;
	const struct ifaddrmsg *ifa = nlmsg_data(nlh);
	struct nlattr *attrs[IFA_MAX + 1];
	const struct nlattr *attr;
	struct ip_address address = {0};

	if (nlh->nlmsg_type != RTM_NEWADDR || !netlink_parse(nlh, sizeof(*ifa), attrs, IFA_MAX))
		return 0;
	/* On a point-to-point link IFA_ADDRESS is the other end's. */
	attr = attrs[IFA_LOCAL] != NULL ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS];
	if (attr == NULL || (size_t)nla_len(attr) != ip_address_size(ifa->ifa_family))
		return 0;
	address.family = ifa->ifa_family;
	memcpy(address.bytes, nla_data(attr), (size_t)nla_len(attr));
	if (list->n <= list->max && list->n++ < list->max)
		list->out[list->n - 1] = address;
	return 0;
}

int host_addresses(int family, struct ip_address *out, size_t max, size_t *n)
{
	cleanup_netlink_batch struct netlink_batch b = {0};
	const struct ifaddrmsg ifa = {.ifa_family = (unsigned char)family};
	struct host_addresses list = {.out = out, .max = max};
	struct cni_error ignored;

	if (open_route_socket(&ignored) < 0)
		return -1;
	netlink_begin(&b, RTM_GETADDR, NLM_F_DUMP, &ifa, sizeof(ifa));
	netlink_end(&b);
	if (netlink_exchange(route_socket, &b, host_on_address, &list) < 0)
		return -1;
	*n = list.n;
	return list.n > max ? -1 : 0;
}

int host_close_localnet(const char *device, struct cni_error *err)
{
	cleanup_close int fd = -1;
	char path[64 + IFNAMSIZ];
	char now = '0';

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/route_localnet", device);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || read(fd, &now, 1) != 1 || now == '0')
		return 0;
	cleanup_close_(&fd);
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || write(fd, "0", 1) != 1)
		return cni_error_errno(
			err, CNI_ERR_IO,
			"cannot set net.ipv4.conf.%s.route_localnet to 0, which an "
			"earlier release turned on: it opens 127.0.0.1 of this host to "
			"whoever is behind %s; set it by hand",
			device, device);
	return 1;
}
