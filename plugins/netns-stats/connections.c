/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections, by client. A client is an IPv4 address, an IPv6 network of 64 bits (whoever has one
 * address of it has all), or a user of a Unix socket.
 *
 * No connection is refused. Two designs: libmicrohttpd's own limit by address closes a new
 * connection when there are enough, so whoever holds enough of them keeps out everybody who shares
 * the address, and on loopback all do. Here a new connection is accepted and an idle one is ended:
 * a scraper sends its request in the packet behind the handshake, and waits for nothing but the
 * response. To keep it out, somebody has to make as many connections as there are slots in that
 * moment, again and again; and that does not affect a scraper that is a client of its own.
 *
 * libmicrohttpd has a timeout for idle connections only: a client that sends a byte every nine
 * seconds could stay for ever. So each connection is shut down when its time is over. A ring is in
 * order of beginning, so its first connection is always the next to end.
 */
#include "connections.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct client {
	struct client *next;
	struct in6_addr address; /* IPv4's as ::ffff:a.b.c.d; a user's as ::fffe:0:0 and the uid */
	unsigned int n, sending;
};

static struct in6_addr client_address(const struct sockaddr_storage *peer, int fd)
{
	const struct sockaddr_in6 *in6 = (const void *)peer;
	const struct sockaddr_in *in = (const void *)peer;
	struct in6_addr address = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
	struct ucred user = {0};
	socklen_t len = sizeof(user);

	switch (peer->ss_family) {
	case AF_INET:
		memcpy(&address.s6_addr[12], &in->sin_addr, sizeof(in->sin_addr));
		break;
	case AF_INET6:
		address = in6->sin6_addr;
		if (!IN6_IS_ADDR_V4MAPPED(&address) && !IN6_IS_ADDR_LOOPBACK(&address))
			memset(&address.s6_addr[8], 0, 8);
		break;
	default:
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &len);
		address.s6_addr[11] = 0xfe;
		memcpy(&address.s6_addr[12], &user.uid, sizeof(user.uid));
	}
	return address;
}

void connections_init(struct connections *all, unsigned int max, unsigned int per_client)
{
	*all = (struct connections){.max = max, .per_client = per_client};
	all->waiting.next = all->waiting.previous = &all->waiting;
	all->sending.next = all->sending.previous = &all->sending;
}

static struct client *get_client(struct connections *all, const struct in6_addr *address)
{
	struct client *client = all->clients;

	while (client != NULL && memcmp(&client->address, address, sizeof(*address)) != 0)
		client = client->next;
	if (client != NULL)
		return client;
	client = calloc(1, sizeof(*client));
	if (client != NULL) {
		client->address = *address;
		client->next = all->clients;
		all->clients = client;
	}
	return client;
}

static void put_client(struct connections *all, struct client *client)
{
	struct client **p = &all->clients;

	if (client->n)
		return;
	while (*p != client)
		p = &(*p)->next;
	*p = client->next;
	free(client);
}

static void connections_append(struct connection *ring, struct connection *c)
{
	c->previous = ring->previous;
	c->next = ring;
	c->previous->next = c;
	ring->previous = c;
}

static void leave_ring(struct connection *c)
{
	c->next->previous = c->previous;
	c->previous->next = c->next;
}

/* The connection does not count any more, and is not found any more. */
static void connections_forget(struct connections *all, struct connection *c)
{
	struct client *client = c->client;

	if (client == NULL)
		return;
	leave_ring(c);
	c->client = NULL;
	all->n--;
	client->n--;
	client->sending -= c->phase == CONNECTION_SENDING;
	put_client(all, client);
}

/* Shut the connection down; libmicrohttpd sees this and closes it. */
static void end(struct connections *all, struct connection *c)
{
	shutdown(c->fd, SHUT_RDWR);
	connections_forget(all, c);
	all->ended++;
}

/* The oldest connection of the ring that is of this client (NULL: of any); NULL if there is none.
 */
static struct connection *oldest(struct connection *ring, const struct client *client)
{
	for (struct connection *c = ring->next; c != ring; c = c->next)
		if (client == NULL || c->client == client)
			return c;
	return NULL;
}

static void end_one_of(struct connections *all, const struct client *client)
{
	struct connection *c = oldest(&all->waiting, client);

	if (c == NULL)
		c = oldest(&all->sending, client);
	if (c != NULL)
		end(all, c);
}

static const struct client *biggest(const struct connections *all)
{
	const struct client *biggest = all->clients;

	/* The newest client is at the front of the list, so of equal ones the oldest is taken. */
	for (const struct client *c = all->clients; c != NULL; c = c->next)
		if (c->n >= biggest->n)
			biggest = c;
	return biggest;
}

struct connection *connections_add(struct connections *all, const struct sockaddr_storage *peer,
				   int fd)
{
	const struct in6_addr address = client_address(peer, fd);
	struct connection *c = calloc(1, sizeof(*c));
	struct client *client = c != NULL ? get_client(all, &address) : NULL;

	if (client == NULL) {
		free(c);
		return NULL;
	}
	client->n++; /* so it is not freed below */
	all->n++;
	*c = (struct connection){.client = client, .begin = monotonic_ns(), .fd = fd};
	if (client->n > all->per_client)
		end_one_of(all, client);
	else if (all->n > all->max)
		end_one_of(all, biggest(all));
	connections_append(&all->waiting, c);
	return c;
}

void connections_respond(struct connections *all, struct connection *c)
{
	if (c->client == NULL || c->phase == CONNECTION_SENDING)
		return;
	leave_ring(c);
	c->phase = CONNECTION_SENDING;
	c->begin = monotonic_ns();
	c->client->sending++;
	connections_append(&all->sending, c);
}

void connections_remove(struct connections *all, struct connection *c)
{
	connections_forget(all, c);
	free(c);
}

void connections_end_one(struct connections *all)
{
	end_one_of(all, NULL);
}

void connections_end_readers(struct connections *all)
{
	const struct client *most = all->clients;
	struct connection *c, *next;

	for (const struct client *client = all->clients; client != NULL; client = client->next)
		if (client->sending > most->sending)
			most = client;
	for (c = all->sending.next; c != &all->sending; c = next) {
		next = c->next;
		if (c->client == most)
			end(all, c);
	}
}

int64_t connections_end_overdue(struct connections *all, int64_t now)
{
	struct connection *c;
	int64_t next = INT64_MAX;

	while ((c = oldest(&all->waiting, NULL)) != NULL &&
	       c->begin + CONNECTION_REQUEST_LIMIT <= now)
		end(all, c);
	if (c != NULL)
		next = c->begin + CONNECTION_REQUEST_LIMIT;
	while ((c = oldest(&all->sending, NULL)) != NULL &&
	       c->begin + CONNECTION_RESPONSE_LIMIT <= now)
		end(all, c);
	if (c != NULL && c->begin + CONNECTION_RESPONSE_LIMIT < next)
		next = c->begin + CONNECTION_RESPONSE_LIMIT;
	return next;
}
