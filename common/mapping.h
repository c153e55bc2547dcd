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
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_SCTP */
	uint16_t host_port;
	uint16_t container_port;
	int host_family;        /* AF_INET or AF_INET6; AF_UNSPEC: every address of both */
	bool one_host;          /* only the address in host, not every one of its family */
	struct ip_address host; /* the host address */
	int64_t id;             /* slirp4netns's number for it, in a record; 0: it has none (yet) */
};

#define MAPPING_TEXT_MAX (INET6_ADDRSTRLEN + 16)

/**
 * mappings_read() - read and check an array of mappings.
 * @array: as runtimeConfig.portMappings has it; NULL is an empty one
 * @path:  what messages call the array
 * @out:   owned by the caller; NULL when there are no mappings
 * @n:     receives their number
 *
 * protocol may be missing, which means tcp, and may be in any case; hostIP may be missing or empty.
 * An IPv4 address in IPv6 form (::ffff:1.2.3.4) counts as an IPv4 address. The names of members may
 * be in any case; a member in two spellings is refused. Other members than these four are ignored.
 *
 * A mapping that is there twice counts once. So do a mapping of every address and one of every IPv4
 * or every IPv6 address, when both lead to the same container port; when they lead to two container
 * ports they are refused. A mapping of a single address is never the same as one of every address:
 * it goes before that one.
 *
 * Return: 0, or -1 CNI_ERR_CONFIG.
 */
int mappings_read(const cJSON *array, const char *path, struct mapping **out, size_t *n,
		  struct cni_error *err);

/* Read one mapping into @m, which is zero-filled before. @path: what messages call it, as
 * "portMappings[3]." Return: as mappings_read(). */
int mapping_read(const cJSON *json, const char *path, struct mapping *m, struct cni_error *err);

/* The same for the array of a record, which has ids too; a mapping twice is refused. */
int mappings_read_record(const cJSON *array, struct mapping **out, size_t *n,
			 struct cni_error *err);

/* Return: the array for a record, owned by the caller, or NULL out of memory. */
cJSON *mappings_print(const struct mapping *mappings, size_t n);

/* The mappings of one protocol and host port: those of every address first, then by family. */
struct mapping_group {
	const struct mapping *const *members;
	size_t n;
};

/* Whether a mapping of the group is on IPv4, or on all addresses, and leads to the port. */
bool mapping_group_has_ipv4(const struct mapping_group *group, uint16_t container_port);

/* Whether the mapping at @index of the group is to be left out. Return: 1 if so, else 0, or -1 with
 * @err filled. */
typedef int mapping_judge(const struct mapping_group *group, size_t index, void *arg,
			  struct cni_error *err);

/**
 * mappings_leave_out() - remove the mappings that are not to be published.
 * @n: the number of mappings, before and after; those that stay keep their order
 *
 * The calls of @judge, and their order, do not depend on the order of the mappings.
 *
 * Return: 0, or -1 out of memory or with the judge's error; then the mappings are not changed.
 */
int mappings_leave_out(struct mapping *mappings, size_t *n, mapping_judge *judge, void *arg,
		       struct cni_error *err);

/*
 * Find the first of @asked that is not among @recorded with the same values. @missing: receives it,
 * or NULL when each of them is there. Return: 0, or -1 out of memory.
 */
int mappings_compare(const struct mapping *asked, size_t n_asked, const struct mapping *recorded,
		     size_t n_recorded, const struct mapping **missing, struct cni_error *err);

/* Remove from @asked each mapping that is among @recorded with the same values. Return: how many
 * are left. When memory is short, nothing is removed. */
size_t mappings_subtract(struct mapping *asked, size_t n_asked, const struct mapping *recorded,
			 size_t n_recorded);

/* "tcp"; static storage. */
const char *mapping_protocol(const struct mapping *m);
/* The host address as slirp4netns and a record have it, "" for AF_UNSPEC; into buf of
 * INET6_ADDRSTRLEN bytes. Return: buf. */
const char *mapping_host(const struct mapping *m, char *buf);
/* The error of two mappings for one host port. @path: what messages call the list. Return: always
 * -1 (CNI_ERR_CONFIG). */
int mapping_conflict(const struct mapping *a, const struct mapping *b, const char *path,
		     struct cni_error *err);
/* "tcp 8080", "udp 127.0.0.1:53" or "sctp [fd00::1]:9", in buf of MAPPING_TEXT_MAX
 * bytes. Return: buf. */
const char *mapping_format(const struct mapping *m, char *buf);

#endif
