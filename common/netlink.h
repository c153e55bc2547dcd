/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one way to talk netlink(7): sockets, requests, dumps and batches, on libnl-3.
 *
 * Messages are built and read with libnl's nlmsg_* and nla_* functions. What is sent and received
 * goes through here, because only here replies are proven to come from the kernel.
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
	bool has_port; /* without one no news come */
	bool explains; /* the kernel's words come with its refusals */
};

/**
 * netlink_open() - a netlink socket.
 * @ns:       the namespace that it lives in; NULL: the one that this thread is in
 * @protocol: NETLINK_ROUTE, NETLINK_NETFILTER, NETLINK_GENERIC
 *
 * Return: a socket, or NULL with @err filled (CNI_ERR_IO).
 */
struct netlink *netlink_open(const struct netns *ns, int protocol, struct cni_error *err);

/* NULL is none. */
void netlink_close(struct netlink *nl);

static inline void cleanup_netlink_(struct netlink **nl)
{
	netlink_close(*nl);
}
#define cleanup_netlink __attribute__((cleanup(cleanup_netlink_)))

/**
 * typedef netlink_fn - what a message of a reply goes through.
 * @nlh: a whole message, sent by the kernel
 *
 * Asks nothing on the same socket. Return: 0, or a negative value: nothing more is handed over.
 */
typedef int netlink_fn(const struct nlmsghdr *nlh, void *arg);

/**
 * netlink_request() - send one request, hand over what it is replied.
 * @msg:  type, flags and content; NLM_F_REQUEST and NLM_F_ACK are added
 * @fn:   called for each message that is neither an acknowledgement nor a refusal; NULL: nobody
 * @what: what was asked for, behind "the kernel refused to", as "list the links"
 *
 * Never waits: see netlink.c. Return: 0, @fn's negative value, or -1 CNI_ERR_IO with errno, which
 * is the kernel's where it refused. The kernel's own words are in the error's details.
 */
int netlink_request(struct netlink *nl, struct nl_msg *msg, netlink_fn *fn, void *arg,
		    const char *what, struct cni_error *err);

/**
 * netlink_dump() - every object of a kind.
 * @msg:     type and content; NLM_F_REQUEST and NLM_F_DUMP are added
 * @fn:      called for each object
 * @restart: called when somebody changed the list while it was read (NLM_F_DUMP_INTR), so that
 *           objects may be missing: they all come again, and what was made of them is to be
 *           forgotten. NULL: an object that comes twice does no harm
 *
 * A list in constant change is read three times; the last time is taken as it is. Return: as
 * netlink_request().
 */
int netlink_dump(struct netlink *nl, struct nl_msg *msg, netlink_fn *fn, void (*restart)(void *arg),
		 void *arg, const char *what, struct cni_error *err);

/**
 * netlink_family() - the number of a generic netlink family.
 * @nl: a socket of NETLINK_GENERIC
 *
 * Return: the number, or -1 CNI_ERR_IO with errno; ENOENT: this kernel does not have it.
 */
int netlink_family(struct netlink *nl, const char *name, struct cni_error *err);

/* Room for one message of a batch, its header included. */
#define NETLINK_MESSAGE_MAX 49152

/*
 * Messages that go to the kernel in one sendmsg(2), which executes them in order. Zero-filled is
 * empty. Once memory was short the batch has failed: netlink_exchange() says so.
 */
struct netlink_batch {
	char *data;
	size_t len; /* bytes */
	size_t size;
	size_t n;           /* messages: also the position of the next one */
	uint32_t first_seq; /* of what was sent last */
	struct nl_msg *msg; /* the one between netlink_begin() and netlink_end() */
	bool failed;
	bool sent; /* by the last netlink_exchange(): the kernel may have done it */
};

void netlink_batch_free(struct netlink_batch *batch);
#define cleanup_netlink_batch __attribute__((cleanup(netlink_batch_free)))

/**
 * netlink_begin() - begin a message that is built with libnl.
 * @flags: NLM_F_REQUEST is added
 * @head:  the family's header, @size bytes
 *
 * What is put into the message (nla_put(3)) must stay below NETLINK_MESSAGE_MAX: the caller knows.
 * netlink_end() appends the message. Return: the message, which is the batch's, or NULL out of
 * memory; netlink_end() may follow all the same.
 */
struct nl_msg *netlink_begin(struct netlink_batch *batch, int type, int flags, const void *head,
			     size_t size);
void netlink_end(struct netlink_batch *batch);

/**
 * netlink_room() - where a message can be built by another library, as libnftnl.
 *
 * netlink_done() appends what was built there; nothing else is done with the batch in between. Its
 * sequence number is given by netlink_exchange(). Return: NETLINK_MESSAGE_MAX bytes, aligned, not
 * cleared; never NULL.
 */
void *netlink_room(struct netlink_batch *batch);
void netlink_done(struct netlink_batch *batch, const struct nlmsghdr *nlh);

/* The messages of another batch behind those of this one. */
void netlink_append(struct netlink_batch *batch, const struct netlink_batch *other);

/**
 * netlink_exchange() - send the messages, empty the batch, hand over every reply.
 * @fn: called for each message, refusals among them (netlink_errno() is not 0), acknowledgements
 * and ends of dumps not; NULL: nobody
 *
 * A negative value of @fn ends it at once: what is left of the replies is not read, and where a
 * dump is left the socket is of no use any more. Never waits: see netlink.c.
 *
 * Return: 0, @fn's negative value with its errno, or -1 with errno:
 * ENOBUFS where the kernel could not give us every reply (what came was handed over), EBUSY where
 * a process floods our socket, ENOMEM, sendto(2)'s and recvfrom(2)'s.
 */
int netlink_exchange(struct netlink *nl, struct netlink_batch *batch, netlink_fn *fn, void *arg);

/**
 * netlink_watch() - from now on the kernel tells on this socket what happens in a group.
 * @group: RTNLGRP_LINK and so on
 *
 * Until netlink_unwatch() the socket is for netlink_news() alone. Return: 0, or -1 with errno.
 */
int netlink_watch(struct netlink *nl, int group);

/**
 * netlink_news() - hand over what the kernel has told.
 *
 * Never waits: the socket's descriptor is readable when there is more. No more than 256 datagrams
 * are read, so that whoever makes the news does not keep us. Return: as netlink_exchange(); ENOBUFS
 * where some were lost.
 */
int netlink_news(struct netlink *nl, netlink_fn *fn, void *arg);

/* No more news, and none left unread. */
void netlink_unwatch(struct netlink *nl, int group);

/* Which message of the batch that was sent last a reply is for, from 0. */
static inline size_t netlink_position(const struct netlink_batch *batch, const struct nlmsghdr *nlh)
{
	return (uint32_t)(nlh->nlmsg_seq - batch->first_seq);
}

/* The errno in an NLMSG_ERROR or NLMSG_DONE, as a positive number; 0 for all else. */
int netlink_errno(const struct nlmsghdr *nlh);

/**
 * netlink_refused() - a refusal as an error.
 * @nlh:  for which netlink_errno() is not 0
 * @what: behind "the kernel refused to"
 *
 * Return: -1 CNI_ERR_IO with errno; the details have the kernel's words (NLMSGERR_ATTR_MSG) too.
 */
int netlink_refused(struct cni_error *err, const struct nlmsghdr *nlh, const char *what);

/**
 * netlink_parse() - the attributes behind a family's header of @size bytes, by number.
 * @attrs: @max + 1 of them; NULL where there is none. What is in one is not checked
 *
 * Return: false where the message is shorter than that header, or its attributes are broken.
 */
bool netlink_parse(const struct nlmsghdr *nlh, size_t size, struct nlattr **attrs, int max);

/*
 * One pass over the attributes behind a family's header of @size bytes; nlmsg_valid_hdr(3) first.
 * As nlmsg_for_each_attr(), whose two calls an attribute are a twentieth of a dump of links.
 */
#define netlink_for_each_attr(a, left, nlh, size)                                    \
	for ((a) = (const struct nlattr *)((const char *)(nlh) + NLMSG_SPACE(size)), \
	    (left) = (int)(nlh)->nlmsg_len - (int)NLMSG_SPACE(size);                 \
	     (left) >= (int)sizeof(*(a)) && (a)->nla_len >= sizeof(*(a)) &&          \
	     (int)(a)->nla_len <= (left);                                            \
	     (left) -= (int)NLA_ALIGN((a)->nla_len),                                 \
	    (a) = (const struct nlattr *)((const char *)(a) + NLA_ALIGN((a)->nla_len)))

/* nla_type(3), without a call. */
static inline int netlink_type(const struct nlattr *a)
{
	return a->nla_type & NLA_TYPE_MASK;
}

/* A number, 0 where @attr is NULL or too short for one. */
uint32_t netlink_u32(const struct nlattr *attr);
uint16_t netlink_u16(const struct nlattr *attr);

#endif
