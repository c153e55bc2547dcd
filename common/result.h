/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The result model: one struct for what ADD answers and what prevResult brings, in every spec
 * version (CNI spec 1.1.0, section 5; the older forms in section "Result" of their own versions).
 *
 * Members that a version does not define are unknown in it: they are kept in `extra`, next to where
 * they stood, and printed again in whatever version does not define them either. Members that a
 * version defines and an older one does not (mtu, socketPath, pciID, a route's mtu, advmss,
 * priority, table, scope: 1.1.0) are left out when a result is printed in the older one.
 *
 * null, and an empty string where a member is optional, count as absent, as in the reference types.
 */
#ifndef USERNET_RESULT_H
#define USERNET_RESULT_H

#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "error.h"
#include "version.h"

/* Entries of each list; more are refused. */
#define RESULT_MAX_ENTRIES 4096

struct cni_interface {
	char *name;
	char *mac;         /* NULL: none */
	uint32_t mtu;      /* bytes; 0: not given */
	char *sandbox;     /* netns path; NULL: on the host */
	char *socket_path; /* NULL: none */
	char *pci_id;      /* NULL: none */
	cJSON *extra;      /* object of unknown members, or NULL */
};

struct cni_ip {
	char *address; /* CIDR notation */
	char *gateway; /* NULL: none */
	int interface; /* index into interfaces; -1: not given */
	int family;    /* AF_INET or AF_INET6, from the address */
	cJSON *extra;
};

struct cni_route {
	char *dst;        /* CIDR notation */
	char *gw;         /* NULL: none */
	int64_t mtu;      /* bytes; -1: not given, as in those below */
	int64_t advmss;   /* bytes */
	int64_t priority; /* lower is preferred */
	int64_t table;
	int64_t scope;
	cJSON *extra;
};

struct cni_dns {
	cJSON *nameservers; /* array of strings, or NULL */
	char *domain;       /* or NULL */
	cJSON *search;      /* array of strings, or NULL */
	cJSON *options;     /* array of strings, or NULL */
	cJSON *extra;
};

struct cni_result {
	struct cni_interface *interfaces;
	size_t n_interfaces;
	struct cni_ip *ips;
	size_t n_ips;
	struct cni_route *routes;
	size_t n_routes;
	struct cni_dns dns;
	cJSON *extra;
};

/* Frees what the result owns, not the struct; it may be zero-filled. Idempotent. */
void result_free(struct cni_result *result);
#define cleanup_result __attribute__((cleanup(result_free)))

/**
 * result_parse() - read a result.
 * @json:    the object; not kept
 * @version: its form, unless the object has a cniVersion of its own, which then counts
 * @what:    what it is called in messages, e.g. "prevResult"
 * @result:  filled; the caller frees it with result_free(), also after a failure
 *
 * Checked: types, CIDR and address syntax, MAC syntax, interface indexes within range, numbers
 * within range. An index of an interface out of range is an error, as is an `ips` entry without
 * address. Up to 0.2.0 the routes of ip4/ip6 become `routes`; from 0.3.0 to 0.4.0 `version` in ips
 * must agree with the address when it is there.
 *
 * Return: 0, or -1 with CNI_ERR_DECODE (unknown version: CNI_ERR_VERSION), naming the member:
 * "prevResult: ips[1].address: ...".
 */
int result_parse(const cJSON *json, enum cni_version version, const char *what,
		 struct cni_result *result, struct cni_error *err);

/**
 * result_print() - the result in the form of a version.
 * @out: a new tree, owned by the caller, with cniVersion first
 *
 * Up to 0.2.0 only the first address of each family has a place (ip4, ip6), with the routes of its
 * family, and interfaces have none. Empty interfaces, ips, routes and dns are left out.
 *
 * Return: 0, or -1 out of memory.
 */
int result_print(const struct cni_result *result, enum cni_version version, cJSON **out,
		 struct cni_error *err);

/*
 * Builders: append one zero-filled element (numbers -1 where that means "not given") and return it,
 * NULL out of memory. The element's strings are the result's to free: strdup() them in. A returned
 * pointer is valid until the next append to the same list.
 */
struct cni_interface *result_add_interface(struct cni_result *result);
struct cni_ip *result_add_ip(struct cni_result *result);
struct cni_route *result_add_route(struct cni_result *result);

/**
 * result_find_interface() - the interface of this attachment.
 * @name:    CNI_IFNAME
 * @sandbox: CNI_NETNS; compared as text; NULL takes the first interface of that name in any sandbox
 *
 * Return: its index, or -1.
 */
int result_find_interface(const struct cni_result *result, const char *name, const char *sandbox);

/**
 * result_cached_netns() - the namespace that a file of libcni's result cache is about.
 * @cached: the file's content, of kind cniCacheV1
 *
 * Its member netns; libcni up to 1.1.2 (Podman 4, containerd 1.6) writes none, and then it is the
 * sandbox of the interface ifName in the cached result.
 *
 * Return: the path, part of @cached, or NULL where neither is given (results up to 0.2.0).
 */
const char *result_cached_netns(const cJSON *cached);

#endif
