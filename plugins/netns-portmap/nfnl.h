/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Netlink, as far as this plugin needs it: a socket, a buffer of messages, replies without waiting.
 */
#ifndef PORTMAP_NFNL_H
#define PORTMAP_NFNL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

#include "error.h"

/* Room that nfnl_put() guarantees for one message, its header included. */
#define NFNL_MESSAGE_MAX 49152

struct nfnl {
	int fd;
	uint32_t seq; /* of the last message that was put */
};

#define NFNL_NONE ((struct nfnl){.fd = -1})

/* Messages that go to the kernel in one sendmsg(2). Zero-filled is empty. */
struct nfnl_buffer {
	char *data;
	size_t len;
	size_t size;
	bool failed; /* out of memory at some message; nfnl_send() says so */
};

/**
 * nfnl_open() - a netlink socket.
 * @protocol: NETLINK_NETFILTER or NETLINK_ROUTE
 *
 * Return: 0, or -1 CNI_ERR_IO.
 */
int nfnl_open(int protocol, struct nfnl *nl, struct cni_error *err);
void nfnl_close(struct nfnl *nl);
#define cleanup_nfnl __attribute__((cleanup(nfnl_close)))

void nfnl_buffer_free(struct nfnl_buffer *buffer);
#define cleanup_nfnl_buffer __attribute__((cleanup(nfnl_buffer_free)))

/**
 * nfnl_put() - where the next message is to be built: NFNL_MESSAGE_MAX bytes.
 *
 * Building means mnl_nlmsg_put_header() or one of libnftnl's, with nl->seq, which this increments;
 * nfnl_done() then appends the message. Nothing else is put in between.
 */
void *nfnl_put(struct nfnl *nl, struct nfnl_buffer *buffer);
void nfnl_done(struct nfnl_buffer *buffer, const struct nlmsghdr *nlh);

/* The messages of another buffer behind those of this one. Return: 0, or -1 out of memory. */
int nfnl_append(struct nfnl_buffer *buffer, const struct nfnl_buffer *other);

/* Send the messages and empty the buffer. Return: 0, or -1 with errno. */
int nfnl_send(struct nfnl *nl, struct nfnl_buffer *buffer);

/**
 * nfnl_receive() - every reply to what was sent.
 * @fn: called for each message, NLMSG_ERROR (not acknowledgements) and dumps' parts among them;
 * 0, or a negative value (with errno) that stops
 *
 * The kernel handles a request inside our send, and continues a dump inside our receive: replies
 * are there or will not come, so nothing waits here.
 *
 * Return: 0, or -1 with errno: @fn's, or ENOBUFS where the kernel could not give us every reply.
 */
int nfnl_receive(struct nfnl *nl, int (*fn)(const struct nlmsghdr *nlh, void *arg), void *arg);

/* The errno of an NLMSG_ERROR, as a positive number; 0 for other messages and acknowledgements. */
int nfnl_errno(const struct nlmsghdr *nlh);

/* Whether a whole message begins here. mnl_nlmsg_ok() takes a length of 2^31 and more for one. */
bool nfnl_message_ok(const struct nlmsghdr *nlh, int left);

/* libmnl's, with 0 for an attribute that is too short to be read. */
uint32_t nfnl_get_u32(const struct nlattr *attr);
uint16_t nfnl_get_u16(const struct nlattr *attr);

#endif
