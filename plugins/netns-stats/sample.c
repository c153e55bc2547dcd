// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading one namespace: rtnetlink(7) at its barest.
 *
 * A namespace costs one socket and one RTM_GETLINK dump (a second dump, RTM_GETADDR, only where
 * addresses are shown). Two designs were measured on a namespace of lo and one tap:
 *
 *   RTM_GETLINK with counters                         about 15 us
 *   RTM_GETLINK without (RTEXT_FILTER_SKIP_STATS),
 *   then RTM_GETSTATS for them                        about 13 us
 *
 * The second saves the kernel the summing up of IPv6 counters that nobody asked for, but reads in
 * two steps: an index that is given to another link in between would get the first one's name. The
 * first is taken: an account must not be wrong. libnl is not in this path; its caches and its
 * object per link cost more than the kernel does, and loading it costs the plugin role 0.1 ms.
 *
 * Replies are believed only from the kernel (port 0): root inside a container has CAP_NET_ADMIN
 * over its namespace and may send to any netlink socket there, ours too.
 */
#include "sample.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "cleanup.h"
#include "detail.h"
#include "json_scan.h"

#define RECEIVE_BYTES 32768 /* what the kernel makes of a dump at most */
#define RECEIVE_SECONDS 5
#define ERRNO_MAX 4095  /* the kernel's MAX_ERRNO */
#define DUMP_ATTEMPTS 3 /* a dump that was disturbed is taken again, this often */
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#define FORGED_MAX 1000 /* datagrams that are not the kernel's, before we give up */

void sample_free(struct sample *s)
{
	free(s->links);
	free(s->addresses);
	text_free(&s->detail);
	*s = (struct sample){0};
}

static bool grow(void **array, size_t *size, size_t need, size_t element)
{
	size_t bigger = *size ? *size : 4;
	void *p;

	if (need <= *size)
		return true;
	while (bigger < need)
		bigger *= 2;
	p = reallocarray(*array, bigger, element);
	if (!p)
		return false;
	*array = p;
	*size = bigger;
	return true;
}

bool sample_reserve_links(struct sample *s, size_t n)
{
	return grow((void **)&s->links, &s->links_size, s->n_links + n, sizeof(*s->links));
}

bool sample_reserve_addresses(struct sample *s, size_t n)
{
	return grow((void **)&s->addresses, &s->addresses_size, s->n_addresses + n,
		    sizeof(*s->addresses));
}

const struct link_sample *sample_link(const struct sample *s, int index)
{
	for (size_t i = 0; i < s->n_links; i++)
		if (s->links[i].index == index)
			return &s->links[i];
	return NULL;
}

const struct link_sample *sample_link_named(const struct sample *s, const char *name)
{
	for (size_t i = 0; i < s->n_links; i++)
		if (!strcmp(s->links[i].name, name))
			return &s->links[i];
	return NULL;
}

#define ENDS(array) (memchr((array), '\0', sizeof(array)) != NULL)

static bool link_is_sane(const struct link_sample *l)
{
	return l->name[0] != '\0' && ENDS(l->name) && ENDS(l->qdisc) && ENDS(l->kind) &&
	       l->hwaddr_len <= HWADDR_MAX && l->broadcast_len <= HWADDR_MAX;
}

static bool address_is_sane(const struct address_sample *a)
{
	const int family = a->prefix.address.family;

	return (family == AF_INET || family == AF_INET6) &&
	       a->prefix.length <= 8 * ip_address_size(family);
}

bool sample_is_sane(const struct sample *s)
{
	size_t at;

	for (size_t i = 0; i < s->n_links; i++) {
		if (!link_is_sane(&s->links[i]))
			return false;
	}
	for (size_t i = 0; i < s->n_addresses; i++) {
		if (!address_is_sane(&s->addresses[i]))
			return false;
	}
	return s->detail.len == 0 ||
	       (s->detail.data[0] == '{' && json_scan(s->detail.data, s->detail.len, &at) == NULL);
}

/* The payload of an attribute; what is longer than the room is cut, what is shorter leaves zeros.
 */
static size_t copy(void *to, size_t room, const struct rtattr *a)
{
	const size_t len = RTA_PAYLOAD(a) < room ? RTA_PAYLOAD(a) : room;

	memcpy(to, RTA_DATA(a), len);
	return len;
}

static void copy_string(char *to, size_t room, const struct rtattr *a)
{
	memset(to, 0, room);
	copy(to, room - 1, a);
}

static void parse_kind(struct link_sample *l, const struct rtattr *info)
{
	int left = (int)RTA_PAYLOAD(info);

	for (const struct rtattr *a = RTA_DATA(info); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_INFO_KIND)
			copy_string(l->kind, sizeof(l->kind), a);
}

static int parse_link(struct sample *s, const struct nlmsghdr *h)
{
	const struct ifinfomsg *info = NLMSG_DATA(h);
	int left = (int)h->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*info));
	struct link_sample *l;

	if (h->nlmsg_type != RTM_NEWLINK || left < 0 ||
	    (s->links_max && s->n_links >= s->links_max))
		return 0;
	if (!sample_reserve_links(s, 1))
		return -1;
	l = &s->links[s->n_links];
	*l = (struct link_sample){.index = info->ifi_index,
				  .flags = info->ifi_flags,
				  .type = info->ifi_type,
				  .peer_netnsid = -1};
	for (const struct rtattr *a = IFLA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		switch (a->rta_type & NLA_TYPE_MASK) {
		case IFLA_IFNAME:
			copy_string(l->name, sizeof(l->name), a);
			break;
		case IFLA_QDISC:
			copy_string(l->qdisc, sizeof(l->qdisc), a);
			break;
		case IFLA_LINKINFO:
			parse_kind(l, a);
			break;
		case IFLA_ADDRESS:
			l->hwaddr_len = (uint8_t)copy(l->hwaddr, HWADDR_MAX, a);
			break;
		case IFLA_BROADCAST:
			l->broadcast_len = (uint8_t)copy(l->broadcast, HWADDR_MAX, a);
			break;
		case IFLA_MTU:
			copy(&l->mtu, sizeof(l->mtu), a);
			break;
		case IFLA_TXQLEN:
			copy(&l->txqlen, sizeof(l->txqlen), a);
			break;
		case IFLA_GROUP:
			copy(&l->group, sizeof(l->group), a);
			break;
		case IFLA_MASTER:
			copy(&l->master, sizeof(l->master), a);
			break;
		case IFLA_LINK:
			copy(&l->peer, sizeof(l->peer), a);
			break;
		case IFLA_LINK_NETNSID:
			copy(&l->peer_netnsid, sizeof(l->peer_netnsid), a);
			break;
		case IFLA_OPERSTATE:
			copy(&l->operstate, sizeof(l->operstate), a);
			break;
		case IFLA_LINKMODE:
			copy(&l->linkmode, sizeof(l->linkmode), a);
			break;
		case IFLA_CARRIER_CHANGES:
			copy(&l->carrier_changes, sizeof(l->carrier_changes), a);
			break;
		case IFLA_STATS64:
			copy(&l->stats, sizeof(l->stats), a);
			break;
		}
	}
	if (l->name[0])
		s->n_links++;
	return 0;
}

static int parse_address(struct sample *s, const struct nlmsghdr *h)
{
	const struct ifaddrmsg *info = NLMSG_DATA(h);
	int left = (int)h->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*info));
	struct address_sample *out;
	bool found = false;

	if (h->nlmsg_type != RTM_NEWADDR || left < 0 ||
	    (info->ifa_family != AF_INET && info->ifa_family != AF_INET6))
		return 0;
	if (!sample_reserve_addresses(s, 1))
		return -1;
	out = &s->addresses[s->n_addresses];
	*out = (struct address_sample){
		.index = (int)info->ifa_index, .scope = info->ifa_scope, .flags = info->ifa_flags};
	out->prefix.address.family = info->ifa_family;
	out->prefix.length = info->ifa_prefixlen;
	for (const struct rtattr *a = IFA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		/* On a point-to-point link IFA_ADDRESS is the peer's; IFA_LOCAL comes second. */
		if (a->rta_type == IFA_LOCAL || (a->rta_type == IFA_ADDRESS && !found)) {
			copy(out->prefix.address.bytes, ip_address_size(info->ifa_family), a);
			found = true;
		} else if (a->rta_type == IFA_FLAGS) {
			copy(&out->flags, sizeof(out->flags), a);
		}
	}
	s->n_addresses += found;
	return 0;
}

struct dump {
	const char *what;
	int type;
	size_t header; /* bytes of the zero-filled header that the request carries */
	int (*parse)(struct sample *s, const struct nlmsghdr *h);
};

static const struct dump links_dump = {"links", RTM_GETLINK, sizeof(struct ifinfomsg), parse_link};
static const struct dump addresses_dump = {"addresses", RTM_GETADDR, sizeof(struct ifaddrmsg),
					   parse_address};

/* One datagram of a dump. Return: 1 more to come, 0 that was the last, -1 with err. */
static int parse_datagram(const struct dump *d, struct sample *s, const char *buf, size_t len,
			  uint32_t seq, bool *disturbed, struct cni_error *err)
{
	int left = (int)len;

	for (const struct nlmsghdr *h = (const void *)buf; NLMSG_OK(h, left);
	     h = NLMSG_NEXT(h, left)) {
		if (h->nlmsg_seq != seq)
			continue;
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			*disturbed = true;
		if (h->nlmsg_type == NLMSG_DONE)
			return 0;
		if (h->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *e = NLMSG_DATA(h);

			errno = h->nlmsg_len >= NLMSG_LENGTH(sizeof(*e)) && e->error < 0 &&
						e->error >= -ERRNO_MAX
					? -e->error
					: EBADMSG;
			return cni_error_errno(err, CNI_ERR_IO, "the kernel refused to list the %s",
					       d->what);
		}
		if (d->parse(s, h))
			return cni_error_nomem(err);
	}
	return 1;
}

/* Return: 0, 1 disturbed (somebody changed the list meanwhile: entries may be missing), -1. */
static int dump_once(int fd, const struct dump *d, struct sample *s, uint32_t seq,
		     struct cni_error *err)
{
	struct {
		struct nlmsghdr h;
		char header[sizeof(struct ifinfomsg)];
	} request = {0};
	char buf[RECEIVE_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool disturbed = false;
	int forged = 0;
	int more = 1;

	request.h.nlmsg_len = (uint32_t)NLMSG_LENGTH(d->header);
	request.h.nlmsg_type = (uint16_t)d->type;
	request.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request.h.nlmsg_seq = seq;
	if (send(fd, &request, request.h.nlmsg_len, 0) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot ask the kernel for the %s",
				       d->what);
	while (more > 0) {
		struct sockaddr_nl from = {0};
		struct iovec iov = {buf, sizeof(buf)};
		struct msghdr msg = {.msg_name = &from,
				     .msg_namelen = sizeof(from),
				     .msg_iov = &iov,
				     .msg_iovlen = 1};
		const ssize_t len = recvmsg(fd, &msg, 0);

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return cni_error_errno(err, CNI_ERR_IO, "no list of the %s from the kernel",
					       d->what);
		if (from.nl_pid != 0 && ++forged < FORGED_MAX)
			continue;
		if (from.nl_pid != 0)
			return cni_error(err, CNI_ERR_IO,
					 "a process in the namespace floods our netlink socket");
		if (msg.msg_flags & MSG_TRUNC)
			return cni_error(err, CNI_ERR_IO,
					 "the list of the %s has an entry of more than %d bytes",
					 d->what, RECEIVE_BYTES);
		more = parse_datagram(d, s, buf, (size_t)len, seq, &disturbed, err);
	}
	return more < 0 ? -1 : disturbed;
}

static int dump(int fd, const struct dump *d, struct sample *s, uint32_t *seq,
		struct cni_error *err)
{
	const size_t links = s->n_links, addresses = s->n_addresses;

	for (int attempt = 1;; attempt++) {
		const int ret = dump_once(fd, d, s, ++*seq, err);

		/* After the last attempt: what there is. A list in constant change has no moment
		 * at which it is whole. */
		if (ret <= 0 || attempt == DUMP_ATTEMPTS)
			return ret < 0 ? -1 : 0;
		s->n_links = links;
		s->n_addresses = addresses;
	}
}

int sample_here(struct sample *s, unsigned int what, struct cni_error *err)
{
	static const struct timeval limit = {.tv_sec = RECEIVE_SECONDS};
	cleanup_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	socklen_t cookie_len = sizeof(s->cookie);
	uint32_t seq = 0;

	s->n_links = s->n_addresses = 0;
	text_reset(&s->detail);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)))
		return cni_error_errno(err, CNI_ERR_IO, "cannot open a netlink socket");
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &s->cookie, &cookie_len) < 0)
		s->cookie = 0;
	if (dump(fd, &links_dump, s, &seq, err))
		return -1;
	if ((what & SAMPLE_ADDRESSES) && dump(fd, &addresses_dump, s, &seq, err))
		return -1;
	if (what & SAMPLE_DETAIL)
		detail_collect(s);
	return 0;
}
