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
#include "nfnl.h"

struct answer {
	int error;
	uint8_t type;
	uint32_t oif;
};

static int host_on_route(const struct nlmsghdr *nlh, void *arg)
{
	struct answer *answer = arg;
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	if (nlh->nlmsg_type == NLMSG_ERROR)
		answer->error = nfnl_errno(nlh);
	if (nlh->nlmsg_type != RTM_NEWROUTE || nlh->nlmsg_len < mnl_nlmsg_size(sizeof(*rtm)))
		return 0;
	answer->type = rtm->rtm_type;
	mnl_attr_for_each(attr, nlh, sizeof(*rtm)) if (mnl_attr_get_type(attr) == RTA_OIF)
		answer->oif = nfnl_get_u32(attr);
	return 0;
}

int host_route(const struct ip_address *address, struct host_route *route, struct cni_error *err)
{
	cleanup_nfnl_buffer struct nfnl_buffer b = {0};
	cleanup_nfnl struct nfnl nl = NFNL_NONE;
	const size_t size = ip_address_size(address->family);
	struct answer answer = {0};
	char text[INET6_ADDRSTRLEN];
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;

	*route = (struct host_route){0};
	if (nfnl_open(NETLINK_ROUTE, &nl, err) < 0)
		return -1;
	nlh = mnl_nlmsg_put_header(nfnl_put(&nl, &b));
	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = nl.seq;
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = (unsigned char)address->family;
	rtm->rtm_dst_len = (unsigned char)(size * 8);
	mnl_attr_put(nlh, RTA_DST, size, address->bytes);
	nfnl_done(&b, nlh);
	if (nfnl_send(&nl, &b) < 0 || nfnl_receive(&nl, host_on_route, &answer) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot ask for the route to %s",
				       ip_address_format(address, text));
	/* An error says that there is no route (ENETUNREACH, EHOSTUNREACH, EINVAL, EACCES). */
	if (answer.error)
		return 0;
	route->local = answer.type == RTN_LOCAL;
	if (answer.type == RTN_UNICAST && if_indextoname(answer.oif, route->device) == NULL)
		route->device[0] = '\0';
	return 0;
}

struct addresses {
	struct ip_address *out;
	size_t max;
	size_t n; /* max + 1: more */
};

static int host_on_address(const struct nlmsghdr *nlh, void *arg)
{
	struct addresses *list = arg;
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	struct ip_address address = {0};
	const struct nlattr *attr;

	if (nlh->nlmsg_type != RTM_NEWADDR || nlh->nlmsg_len < mnl_nlmsg_size(sizeof(*ifa)))
		return 0;
	mnl_attr_for_each(attr, nlh, sizeof(*ifa))
	{
		const uint16_t type = mnl_attr_get_type(attr);

		/* On a point-to-point link IFA_ADDRESS is the other end's. */
		if (type != IFA_LOCAL && (type != IFA_ADDRESS || address.family != AF_UNSPEC))
			continue;
		if (mnl_attr_get_payload_len(attr) != ip_address_size(ifa->ifa_family))
			continue;
		address.family = ifa->ifa_family;
		memcpy(address.bytes, mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
	}
	if (address.family != AF_UNSPEC && list->n <= list->max && list->n++ < list->max)
		list->out[list->n - 1] = address;
	return 0;
}

int host_addresses(int family, struct ip_address *out, size_t max, size_t *n)
{
	cleanup_nfnl_buffer struct nfnl_buffer b = {0};
	cleanup_nfnl struct nfnl nl = NFNL_NONE;
	struct addresses list = {.out = out, .max = max};
	struct cni_error ignored;
	struct nlmsghdr *nlh;
	struct ifaddrmsg *ifa;

	if (nfnl_open(NETLINK_ROUTE, &nl, &ignored) < 0)
		return -1;
	nlh = mnl_nlmsg_put_header(nfnl_put(&nl, &b));
	nlh->nlmsg_type = RTM_GETADDR;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = nl.seq;
	ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	ifa->ifa_family = (unsigned char)family;
	nfnl_done(&b, nlh);
	if (nfnl_send(&nl, &b) < 0 || nfnl_receive(&nl, host_on_address, &list) < 0)
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
