/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The exporter: what it scrapes (serve.c) and how it serves that (http.c). */
#ifndef NETNS_STATS_SERVE_H
#define NETNS_STATS_SERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "container.h"
#include "exposition.h"
#include "registry.h"
#include "sweep.h"
#include "text.h"

struct exporter {
	struct registry_options where;
	struct registry registry;
	struct text complaints;
	struct exposition exposition;
	struct sweep_job *jobs; /* SWEEP_BLOCK of them */
	bool loopback;
	bool quiet;
	int limit_ms;     /* of a scrape */
	int64_t duration; /* of the last one, ns */
	uint64_t scrapes, errors;
	uint64_t ended;  /* connections ended by a limit */
	uint64_t *notes; /* by container: fingerprint of what its records know */
	unsigned long notes_generation;
};

/* Read everything and print it. Return: 0, or -1 out of memory. */
int exporter_scrape(struct exporter *x, bool openmetrics, struct text *out, struct cni_error *err);

/* Take in which containers have come and gone until now. Return: a number that changes whenever one
 * has. */
unsigned long exporter_update(struct exporter *x);

/* For how long a response may be sent again, in nanoseconds. */
int64_t exporter_reuse(const struct exporter *x);

struct http_server;

/**
 * http_server_start() - listen, on behalf of an exporter.
 * @address: "127.0.0.1:9100", "[::1]:9100", ":9100" (every address), "unix:/path"
 *
 * Return: 0 with *server, which http_server_stop() ends, or -1: CNI_ERR_CONFIG (the address),
 * CNI_ERR_IO (somebody else listens there; the library is not installed).
 */
int http_server_start(const char *address, struct exporter *x, struct http_server **server,
		      struct cni_error *err);
/* Stop listening, close all connections, remove the socket file and free the server; NULL is fine.
 */
void http_server_stop(struct http_server **server);

/* The parts of http_server_start(), which the fuzzer calls one by one. */

/* A port as text, and nothing behind it. Return: 0, or -1. */
int http_parse_port(const char *s, uint16_t *port);

/*
 * Listen at "ADDRESS:PORT". @shown: receives it with the port that the kernel chose. Return: a
 * descriptor, or -1 as http_server_start().
 */
int http_listen_inet(const char *address, char *shown, size_t shown_size, struct cni_error *err);

/* The address as it was bound: with the port that the kernel chose if 0 was asked for. */
const char *http_server_address(const struct http_server *server);

/* A descriptor that is readable when http_server_run() has something to do. */
int http_server_fd(const struct http_server *server);

/* When http_server_run() has to be called at the latest, CLOCK_MONOTONIC in nanoseconds. */
int64_t http_server_deadline(const struct http_server *server);

/* Serve what has come. Never waits for a client. */
void http_server_run(struct http_server *server);

#endif
