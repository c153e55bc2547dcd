/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A port mapping: as a runtime asks for it, as a record keeps it, as a message names it. */
#ifndef USERNET_MAPPING_H
#define USERNET_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "address.h"
#include "error.h"

struct mapping {
	uint8_t protocol; /* IPPROTO_TCP, _UDP or _SCTP */
	uint16_t host_port;
	uint16_t container_port;
	int host_family;        /* AF_INET, AF_INET6; AF_UNSPEC: every address of both */
	bool one_host;          /* only that address, not every one of its family */
	struct ip_address host; /* it */
	int64_t id;             /* slirp4netns's number of it, in a record; 0: none (yet) */
};

#define MAPPING_TEXT_MAX (INET6_ADDRSTRLEN + 16)

/**
 * mappings_read() - read and check an array of mappings.
 * @array: as runtimeConfig.portMappings has it; NULL is an empty one
 * @path:  what it is called in messages
 * @out:   owned by the caller; NULL when there are none
 *
 * protocol may be missing (tcp) and in any case; hostIP may be missing or empty. IPv4 addresses
 * in IPv6 form (::ffff:1.2.3.4) are IPv4's. Members are known in any case, one of them in two
 * spellings is refused; others than these four are passed over.
 *
 * One mapping that is there twice is one; so is one of every address and one of every IPv4 or IPv6
 * address, to the same container port. To two container ports they are refused. One of a single
 * address is never the same as one of every address: it goes before it.
 *
 * Return: 0, or -1 CNI_ERR_CONFIG.
 */
int mappings_read(const cJSON *array, const char *path, struct mapping **out, size_t *n,
		  struct cni_error *err);

/* One of them, into a zero-filled @m. @path: as messages have it: "portMappings[3]." */
int mapping_read(const cJSON *json, const char *path, struct mapping *m, struct cni_error *err);

/* The array of a record: the same, with the ids, and nothing twice. */
int mappings_read_record(const cJSON *array, struct mapping **out, size_t *n,
			 struct cni_error *err);

/* The array, for a record; NULL out of memory. */
cJSON *mappings_print(const struct mapping *mappings, size_t n);

/* Mappings of one protocol and host port, those of every address first, then by family. */
struct mapping_group {
	const struct mapping *const *members;
	size_t n;
};

/* Whether one of the group is on IPv4 addresses, or on all, and goes to the container port. */
bool mapping_group_has_ipv4(const struct mapping_group *group, uint16_t container_port);

/* Whether a member of the group, which it is the @index-th of, is to be left out: 1, 0, or -1. */
typedef int mapping_judge(const struct mapping_group *group, size_t index, void *arg,
			  struct cni_error *err);

/**
 * mappings_leave_out() - take out what is not to be published.
 * @n: their number, before and after; those that stay keep their order
 *
 * What @judge is asked, and in which order, does not depend on the order of the mappings.
 *
 * Return: 0, or -1 out of memory or for the judge's error; then the mappings are as they were.
 */
int mappings_leave_out(struct mapping *mappings, size_t *n, mapping_judge *judge, void *arg,
		       struct cni_error *err);

/*
 * The first of @asked that is not among @recorded, with all that it says; NULL when each is.
 * Return: 0, or -1 out of memory.
 */
int mappings_compare(const struct mapping *asked, size_t n_asked, const struct mapping *recorded,
		     size_t n_recorded, const struct mapping **missing, struct cni_error *err);

/* Remove from @asked each that is among @recorded, with all that it says. Return: how many are
 * left. */
size_t mappings_subtract(struct mapping *asked, size_t n_asked, const struct mapping *recorded,
			 size_t n_recorded);

/* "tcp"; static storage. */
const char *mapping_protocol(const struct mapping *m);
/* The address as slirp4netns and a record have it: "" for AF_UNSPEC. Into buf, INET6_ADDRSTRLEN. */
const char *mapping_host(const struct mapping *m, char *buf);
/* Refuse two for one host port. @path: what the list is called. Return: always -1 CNI_ERR_CONFIG.
 */
int mapping_conflict(const struct mapping *a, const struct mapping *b, const char *path,
		     struct cni_error *err);
/* "tcp 8080", "udp 127.0.0.1:53", "sctp [fd00::1]:9". Into buf, MAPPING_TEXT_MAX. */
const char *mapping_format(const struct mapping *m, char *buf);

#endif
