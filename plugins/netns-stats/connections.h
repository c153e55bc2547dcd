/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The exporter's connections: whose they are, how long they have been there, and which has to go.
 */
#ifndef NETNS_STATS_CONNECTIONS_H
#define NETNS_STATS_CONNECTIONS_H

#include <stdint.h>
#include <sys/socket.h>

#include "sweep.h"

/* For how long a connection may be in a phase. */
#define CONNECTION_REQUEST_LIMIT (5 * NS_PER_S)
#define CONNECTION_ANSWER_LIMIT (10 * NS_PER_S)

struct client;

struct connection {
	struct connection *next, *previous;
	struct client *client; /* NULL: ended, and only to be freed */
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

void connections_init(struct connections *all, unsigned int max, unsigned int per_client);

/**
 * connections_add() - note a connection that has been accepted.
 * @peer: its address
 *
 * Where that is one too many, of its client or of all, another one is ended: of the client, or of
 * the one that has most, the one that has been waiting longest for its request's end; failing that
 * the one that has been answered for longest.
 *
 * Return: a connection, to be freed by connections_remove(); NULL out of memory.
 */
struct connection *connections_add(struct connections *all, const struct sockaddr_storage *peer,
				   int fd);

/* Its request is whole: it is answered now. */
void connections_answer(struct connections *all, struct connection *c);

/* It has been closed. */
void connections_remove(struct connections *all, struct connection *c);

/* End the one that has been waiting longest. */
void connections_end_one(struct connections *all);

/* End all that are being answered of the client that has most of these. */
void connections_end_readers(struct connections *all);

/* End those whose time is over. Return: when the next one's is, CLOCK_MONOTONIC in nanoseconds. */
int64_t connections_end_overdue(struct connections *all, int64_t now);

#endif
