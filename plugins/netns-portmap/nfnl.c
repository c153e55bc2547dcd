/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which library speaks netlink here. libnftnl writes nf_tables' objects (rules above all: it knows
 * each expression's attributes) and brings libmnl, whose attribute functions are enough for the
 * rest: set elements, conntrack, one route query. libnl-3, which the other plugins use, would be a
 * second library of the same kind to load at each start, and its sockets read replies by waiting
 * for them, which nothing here needs.
 *
 * A transaction must arrive in one sendmsg(2), which the socket's send buffer limits. Five thousand
 * mappings are a megabyte, so the limit is raised for a large one: past net.core.wmem_max where we
 * may (CAP_NET_ADMIN of the initial user namespace), else up to it.
 */
#include "nfnl.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"

#define BUFFER_STEP (64u << 10)
#define SEND_DEFAULT (128u << 10) /* below this the default limit does (net.core.wmem_default) */
#define ERRNO_MAX 4095            /* the kernel's MAX_ERRNO */
#define RECEIVE_BYTES (1 << 20)   /* a thousand replies, each counted with its overhead */

int nfnl_open(int protocol, struct nfnl *nl, struct cni_error *err)
{
	const int one = 1;

	*nl = NFNL_NONE;
	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (nl->fd < 0)
		return cni_error_errno(err, CNI_ERR_IO,
				       protocol == NETLINK_NETFILTER
					       ? "cannot open a netfilter netlink socket"
					       : "cannot open a route netlink socket");
	/* Errors without a copy of the request. Never fails on a kernel since 4.3. */
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	return 0;
}

void nfnl_close(struct nfnl *nl)
{
	cleanup_close_(&nl->fd);
	nl->fd = -1;
}

void nfnl_buffer_free(struct nfnl_buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct nfnl_buffer){0};
}

void *nfnl_put(struct nfnl *nl, struct nfnl_buffer *buffer)
{
	/* Where a message goes that found no memory: the caller builds it, and nfnl_send() refuses.
	 */
	static char nowhere[NFNL_MESSAGE_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));

	nl->seq++;
	if (buffer->size - buffer->len < NFNL_MESSAGE_MAX) {
		const size_t size = buffer->size * 2 + BUFFER_STEP;
		char *data = realloc(buffer->data, size);

		if (data == NULL) {
			buffer->failed = true;
			return nowhere;
		}
		buffer->data = data;
		buffer->size = size;
	}
	return buffer->data + buffer->len;
}

void nfnl_done(struct nfnl_buffer *buffer, const struct nlmsghdr *nlh)
{
	if (!buffer->failed)
		buffer->len += NLMSG_ALIGN(nlh->nlmsg_len);
}

int nfnl_append(struct nfnl_buffer *buffer, const struct nfnl_buffer *other)
{
	const size_t size = buffer->len + other->len;
	char *data;

	if (buffer->failed || other->failed)
		return -1;
	if (other->len == 0)
		return 0;
	if (size > buffer->size) {
		data = realloc(buffer->data, size);
		if (data == NULL)
			return -1;
		buffer->data = data;
		buffer->size = size;
	}
	memcpy(buffer->data + buffer->len, other->data, other->len);
	buffer->len = size;
	return 0;
}

static void raise_limit(int fd, int forced, int ordinary, int bytes)
{
	if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, ordinary, &bytes, sizeof(bytes));
}

int nfnl_send(struct nfnl *nl, struct nfnl_buffer *buffer)
{
	static const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t n;

	if (buffer->failed) {
		errno = ENOMEM;
		return -1;
	}
	if (buffer->len > SEND_DEFAULT) {
		raise_limit(nl->fd, SO_SNDBUFFORCE, SO_SNDBUF, (int)buffer->len);
		raise_limit(nl->fd, SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_BYTES);
	}
	n = TEMP_FAILURE_RETRY(sendto(nl->fd, buffer->data, buffer->len, 0,
				      (const struct sockaddr *)&kernel, sizeof(kernel)));
	buffer->len = 0;
	return n < 0 ? -1 : 0;
}

int nfnl_receive(struct nfnl *nl, int (*fn)(const struct nlmsghdr *nlh, void *arg), void *arg)
{
	/* Not static: @fn may ask a question of its own in between. */
	char data[32768] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool lost = false;

	for (;;) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)data;
		struct sockaddr_nl from = {0};
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(nl->fd, data, sizeof(data), MSG_DONTWAIT | MSG_TRUNC,
				     (struct sockaddr *)&from, &from_len);
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		/* A reply found no room; those that did are still to be read. */
		if (n < 0 && errno == ENOBUFS) {
			lost = true;
			continue;
		}
		if (n < 0)
			return -1;
		if (n > (ssize_t)sizeof(data)) {
			lost = true;
			continue;
		}
		if (from.nl_pid != 0)
			continue; /* some process sent it, not the kernel */
		for (; nfnl_message_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_type == NLMSG_ERROR && nfnl_errno(nlh) == 0)
				continue;
			if (fn(nlh, arg) < 0)
				return -1;
		}
	}
	if (lost) {
		errno = ENOBUFS;
		return -1;
	}
	return 0;
}

int nfnl_errno(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type != NLMSG_ERROR || nlh->nlmsg_len < mnl_nlmsg_size(sizeof(*error)))
		return 0;
	return error->error <= 0 && error->error >= -ERRNO_MAX ? -error->error : EBADMSG;
}

bool nfnl_message_ok(const struct nlmsghdr *nlh, int left)
{
	return mnl_nlmsg_ok(nlh, left) && nlh->nlmsg_len <= (uint32_t)left;
}

uint32_t nfnl_get_u32(const struct nlattr *attr)
{
	return mnl_attr_get_payload_len(attr) >= sizeof(uint32_t) ? mnl_attr_get_u32(attr) : 0;
}

uint16_t nfnl_get_u16(const struct nlattr *attr)
{
	return mnl_attr_get_payload_len(attr) >= sizeof(uint16_t) ? mnl_attr_get_u16(attr) : 0;
}
