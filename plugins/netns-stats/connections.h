/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The exporter's connections: their clients, how long they have been there, and which one has to
 * end. */
#ifndef NETNS_STATS_CONNECTIONS_H
#define NETNS_STATS_CONNECTIONS_H

#include <stdint.h>
#include <sys/socket.h>

#include "sweep.h"

/* For how long a connection may be in a phase, in nanoseconds. */
#define CONNECTION_REQUEST_LIMIT (5 * NS_PER_S)
#define CONNECTION_RESPONSE_LIMIT (10 * NS_PER_S)

struct client;

struct connection {
	struct connection *next, *previous;
	struct client *client; /* NULL: ended, waits to be freed */
	int64_t begin;         /* of the phase */
	int fd;                /* libmicrohttpd's */
	enum {
		CONNECTION_WAITING, /* for the request's end */
		CONNECTION_SENDING,
	} phase;
};

struct connections {
	struct connection waiting, sending; /* heads of rings, in order of beginning */
	struct client *clients;
	unsigned int n, max, per_client;
	uint64_t ended; /* by us, so far */
};

/* Begin without connections. @max: of all clients; @per_client: of one. */
void connections_init(struct connections *all, unsigned int max, unsigned int per_client);

/**
 * connections_add() - note a connection that has been accepted.
 * @peer: its address
 *
 * If its client, or all clients together, now have one connection too many, another one is ended:
 * one of this client or of the client that has the most, respectively. It is the one that has
 * waited longest for the end of its request or, if none waits, the one whose response has been sent
 * for longest.
 *
 * Return: a connection, to be freed by connections_remove(); NULL out of memory.
 */
struct connection *connections_add(struct connections *all, const struct sockaddr_storage *peer,
				   int fd);

/* The request is whole: its response is sent from now on. */
void connections_respond(struct connections *all, struct connection *c);

/* Forget and free a connection that has been closed. */
void connections_remove(struct connections *all, struct connection *c);

/* End the connection that has waited longest. */
void connections_end_one(struct connections *all);

/* End all connections with a response in flight of the client that has the most of these. */
void connections_end_readers(struct connections *all);

/* End the connections whose time is over. Return: when the next one's time is over, CLOCK_MONOTONIC
 * in nanoseconds. */
int64_t connections_end_overdue(struct connections *all, int64_t now);

#endif
