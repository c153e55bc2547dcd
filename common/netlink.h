/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that talks netlink(7) does it through this: sockets, requests, dumps and batches, on
 * libnl-3.
 *
 * Messages are built and read with libnl's nlmsg_* and nla_* functions. They are sent and received
 * only here, because only here replies are proved to come from the kernel.
 */
#ifndef USERNET_NETLINK_H
#define USERNET_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "error.h"
#include "netns.h"

static inline void cleanup_nl_msg_(struct nl_msg **msg)
{
	nlmsg_free(*msg);
}
#define cleanup_nl_msg __attribute__((cleanup(cleanup_nl_msg_)))

struct netlink {
	int fd;
	uint32_t seq;  /* of the last message that was sent */
	bool has_port; /* without a port notifications do not come */
	bool explains; /* the kernel's refusals come with its explanation */
};

/**
 * netlink_open() - open a netlink socket.
 * @ns:       the namespace of the socket; NULL: the one that this thread is in
 * @protocol: NETLINK_ROUTE, NETLINK_NETFILTER, NETLINK_GENERIC
 *
 * Return: a socket, or NULL with @err filled (CNI_ERR_IO).
 */
struct netlink *netlink_open(const struct netns *ns, int protocol, struct cni_error *err);

/* Close the socket. @nl may be NULL. */
void netlink_close(struct netlink *nl);

static inline void cleanup_netlink_(struct netlink **nl)
{
	netlink_close(*nl);
}
#define cleanup_netlink __attribute__((cleanup(cleanup_netlink_)))

/**
 * typedef netlink_fn - a function that is called for each message of a reply.
 * @nlh: a whole message, sent by the kernel
 *
 * It must not send on the same socket. Return: 0, or a negative value, after which it is not called
 * again.
 */
typedef int netlink_fn(const struct nlmsghdr *nlh, void *arg);

/**
 * netlink_request() - send one request, and hand over the reply.
 * @msg:  type, flags and content; NLM_F_REQUEST and NLM_F_ACK are added
 * @fn:   called for each message that is neither an acknowledgement nor a refusal; may be NULL
 * @what: what was asked for, as the end of "the kernel refused to", e.g. "list the links"
 *
 * It never waits, see netlink.c. Return: 0; @fn's negative value; or -1 CNI_ERR_IO with errno,
 * which is the kernel's when it refused. The kernel's explanation is in the error's details.
 */
int netlink_request(struct netlink *nl, struct nl_msg *msg, netlink_fn *fn, void *arg,
		    const char *what, struct cni_error *err);

/**
 * netlink_dump() - read every object of a kind.
 * @msg:     type and content; NLM_F_REQUEST and NLM_F_DUMP are added
 * @fn:      called for each object
 * @restart: called when somebody changed the list while it was read (NLM_F_DUMP_INTR), so that
 *           objects may be missing. All objects then come again, and @fn's work so far must be
 *           dropped. NULL when an object that comes twice does no harm
 *
 * A list that changes all the time is read three times, and the third reading is taken as it is.
 * Return: as netlink_request().
 */
int netlink_dump(struct netlink *nl, struct nl_msg *msg, netlink_fn *fn, void (*restart)(void *arg),
		 void *arg, const char *what, struct cni_error *err);

/**
 * netlink_family() - find the number of a generic netlink family.
 * @nl: a socket of NETLINK_GENERIC
 *
 * Return: the number, or -1 CNI_ERR_IO with errno, which is ENOENT when this kernel does not have
 * the family.
 */
int netlink_family(struct netlink *nl, const char *name, struct cni_error *err);

/* Room for one message of a batch, its header included. */
#define NETLINK_MESSAGE_MAX 49152

/*
 * Messages that go to the kernel in one sendto(2), and that it executes in order. A zero-filled
 * batch is empty. When memory is short the batch has failed, and netlink_exchange() reports it.
 */
struct netlink_batch {
	char *data;
	size_t len; /* bytes */
	size_t size;
	size_t n;           /* messages; also the position of the next one */
	uint32_t first_seq; /* of the messages that were sent last */
	struct nl_msg *msg; /* the message between netlink_begin() and netlink_end() */
	bool failed;
	bool sent; /* the last netlink_exchange() has sent: the kernel may have executed it */
};

void netlink_batch_free(struct netlink_batch *batch);
#define cleanup_netlink_batch __attribute__((cleanup(netlink_batch_free)))

/**
 * netlink_begin() - begin a message that is built with libnl; netlink_end() appends it.
 * @flags: NLM_F_REQUEST is added
 * @head:  the family's header, @size bytes
 *
 * The caller sees to it that what it puts into the message (nla_put(3)) stays below
 * NETLINK_MESSAGE_MAX. Return: the message, owned by the batch, or NULL out of memory;
 * netlink_end() may follow in either case.
 */
struct nl_msg *netlink_begin(struct netlink_batch *batch, int type, int flags, const void *head,
			     size_t size);
void netlink_end(struct netlink_batch *batch);

/**
 * netlink_room() - room for a message that another library builds, e.g. libnftnl.
 *
 * netlink_done() appends the message; nothing else may be done with the batch in between.
 * netlink_exchange() sets its sequence number. Return: NETLINK_MESSAGE_MAX bytes, aligned, not
 * cleared; never NULL.
 */
void *netlink_room(struct netlink_batch *batch);
void netlink_done(struct netlink_batch *batch, const struct nlmsghdr *nlh);

/* Append the messages of another batch. */
void netlink_append(struct netlink_batch *batch, const struct netlink_batch *other);

/**
 * netlink_exchange() - send the messages, empty the batch, and hand over every reply.
 * @fn: called for each message, also for refusals (netlink_errno() is not 0), but not for
 *      acknowledgements and ends of dumps; may be NULL
 *
 * A negative value of @fn ends the reading at once. The remaining replies are not read; if they are
 * those of a dump, the socket is not usable any more. It never waits, see netlink.c.
 *
 * Return: 0; @fn's negative value with its errno; or -1 with errno: ENOBUFS when replies were lost
 * (those that came were handed over), EBUSY when a process floods our socket, ENOMEM, or an error
 * of sendto(2) or recvfrom(2).
 */
int netlink_exchange(struct netlink *nl, struct netlink_batch *batch, netlink_fn *fn, void *arg);

/**
 * netlink_watch() - get a group's notifications on this socket from now on.
 * @group: RTNLGRP_LINK and so on
 *
 * Until netlink_unwatch() the socket is only for netlink_notifications(). Return: 0, or -1 with
 * errno.
 */
int netlink_watch(struct netlink *nl, int group);

/**
 * netlink_notifications() - hand over the notifications that have come.
 *
 * It never waits: the socket's descriptor is readable when there are more. It reads at most 256
 * datagrams, so that whoever causes the notifications cannot keep us busy. Return: as
 * netlink_exchange(); ENOBUFS when some were lost.
 */
int netlink_notifications(struct netlink *nl, netlink_fn *fn, void *arg);

/* End the notifications, and drop those that are unread. */
void netlink_unwatch(struct netlink *nl, int group);

/* Return: the position, from 0, of the message in the batch that was sent last to which @nlh is the
 * reply. */
static inline size_t netlink_position(const struct netlink_batch *batch, const struct nlmsghdr *nlh)
{
	return (uint32_t)(nlh->nlmsg_seq - batch->first_seq);
}

/* Return: the errno in an NLMSG_ERROR or NLMSG_DONE as a positive number, or 0 for any other
 * message. */
int netlink_errno(const struct nlmsghdr *nlh);

/**
 * netlink_refused() - turn a refusal into an error.
 * @nlh:  a message for which netlink_errno() is not 0
 * @what: the end of "the kernel refused to"
 *
 * Return: always -1, CNI_ERR_IO with errno; the details have the kernel's explanation
 * (NLMSGERR_ATTR_MSG) too.
 */
int netlink_refused(struct cni_error *err, const struct nlmsghdr *nlh, const char *what);

/**
 * netlink_parse() - find the attributes behind a family's header of @size bytes.
 * @attrs: receives @max + 1 pointers by attribute number, NULL for an attribute that is not there.
 *         The contents of the attributes are not checked
 *
 * Return: false when the message is shorter than that header, or its attributes are malformed.
 */
bool netlink_parse(const struct nlmsghdr *nlh, size_t size, struct nlattr **attrs, int max);

/*
 * One pass over the attributes behind a family's header of @size bytes; call nlmsg_valid_hdr(3)
 * before. It replaces nlmsg_for_each_attr(), whose two calls for each attribute cost a twentieth of
 * a dump of links.
 */
#define netlink_for_each_attr(a, left, nlh, size)                                    \
	for ((a) = (const struct nlattr *)((const char *)(nlh) + NLMSG_SPACE(size)), \
	    (left) = (int)(nlh)->nlmsg_len - (int)NLMSG_SPACE(size);                 \
	     (left) >= (int)sizeof(*(a)) && (a)->nla_len >= sizeof(*(a)) &&          \
	     (int)(a)->nla_len <= (left);                                            \
	     (left) -= (int)NLA_ALIGN((a)->nla_len),                                 \
	    (a) = (const struct nlattr *)((const char *)(a) + NLA_ALIGN((a)->nla_len)))

/* nla_type(3) without a function call. */
static inline int netlink_type(const struct nlattr *a)
{
	return a->nla_type & NLA_TYPE_MASK;
}

/* Return: the number in an attribute, or 0 when @attr is NULL or too short. */
uint32_t netlink_u32(const struct nlattr *attr);
uint16_t netlink_u16(const struct nlattr *attr);

#endif
