/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The result model: one struct for what ADD answers and what prevResult brings, in every spec
 * version (CNI spec 1.1.0, section 5; the older forms in section "Result" of their own versions).
 *
 * A result that was read is somebody else's data, most of which is passed on and looked at by
 * nobody here. So everything is kept as it came (`raw`), usable or not, known or not, and printed
 * again; the typed members beside it are what our plugins use. A member that cannot be used (of
 * another type, no address, an index that leads nowhere) counts as absent. Who needs it asks
 * result_require(), which says what is wrong with it; nobody else fails for it.
 *
 * In another version than the one it came in, a member goes with what the two versions define:
 * one that both define, or neither, is printed as it came; what one of them alone defines is left
 * out. That drops mtu, socketPath, pciID and a route's mtu, advmss, priority, table and scope
 * (1.1.0) for an older version, and does not make an `interfaces` of a newer one out of a member
 * that meant nothing.
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

/* Entries of a list that is to be used; a longer one is passed on. */
#define RESULT_MAX_ENTRIES 4096

struct cni_interface {
	char *name;        /* NULL: it cannot be used */
	char *mac;         /* as text, whatever it says; NULL: none */
	uint32_t mtu;      /* bytes; 0: not given */
	char *sandbox;     /* netns path, or what else the plugin says there; NULL: on the host */
	char *socket_path; /* NULL: none. Read in every version, defined in 1.1.0 */
	cJSON *raw;        /* the entry as it came; NULL: one of ours */
};

/* ips[].interface of an entry that gives an index, but not that of an interface. */
#define RESULT_NOWHERE (-2)

struct cni_ip {
	char *address; /* CIDR notation; NULL: it cannot be used */
	char *gateway; /* NULL: none */
	int interface; /* index into interfaces; -1: not given; RESULT_NOWHERE */
	int family;    /* AF_INET or AF_INET6, from the address; 0: not known */
	cJSON *raw;
};

struct cni_route {
	char *dst;     /* CIDR notation; NULL: it cannot be used */
	char *gw;      /* NULL: none */
	int64_t table; /* -1: not given */
	int family;    /* as above */
	cJSON *raw;
};

/* What ADD has to say; each replaces the member of the dns that came, if it is not NULL. */
struct cni_dns {
	cJSON *nameservers; /* array of strings */
	char *domain;
	cJSON *search;  /* array of strings */
	cJSON *options; /* array of strings */
};

struct cni_result {
	struct cni_interface *interfaces;
	size_t n_interfaces;
	struct cni_ip *ips;
	size_t n_ips;
	struct cni_route *routes;
	size_t n_routes;
	struct cni_dns dns;
	enum cni_version version; /* the form of what came */
	cJSON *raw;               /* the object as it came, without the entries above; or NULL */
	struct result_fault *faults;
	size_t n_faults;
	struct {
		size_t interfaces, ips, routes, faults;
	} room; /* in the lists, see array.h */
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
 * Refused is what has no form at all: a value that is not an object, or a cniVersion that this
 * library does not know, because then nothing says what the other members mean, nor how they are
 * to be printed in the version that was asked for. All else is read as far as it goes. Up to 0.2.0
 * the routes of ip4/ip6 become `routes`.
 *
 * Return: 0, or -1 with CNI_ERR_DECODE (unknown version: CNI_ERR_VERSION).
 */
int result_parse(const cJSON *json, enum cni_version version, const char *what,
		 struct cni_result *result, struct cni_error *err);

/* Instead of an index: the list as a whole, or any of its entries. */
#define RESULT_WHOLE (-1)
#define RESULT_ANY (-2)

/**
 * result_require() - refuse what came and cannot be used.
 * @list:  "interfaces", "ips", "routes", "dns"
 * @index: of the entry, or RESULT_WHOLE, RESULT_ANY
 * @key:   of its member; NULL: any of those that are read
 *
 * A fault of a list is one of each of its entries, and a fault of an entry one of its members.
 *
 * Return: 0, also when there is no such thing; or -1 with CNI_ERR_DECODE, naming the member:
 * "prevResult: ips[1].address is ...".
 */
int result_require(const struct cni_result *result, const char *list, int index, const char *key,
		   struct cni_error *err);

/**
 * result_print() - the result in the form of a version.
 * @out: a new tree, owned by the caller, with a cniVersion
 *
 * A result that was read and not changed is printed as it came in its own version: each member,
 * null and empty ones too, in its order, numbers with every digit.
 *
 * Up to 0.2.0 only the first address of each family has a place (ip4, ip6), with the routes of its
 * family, and interfaces have none. Of what is ours, empty interfaces, ips, routes and dns are left
 * out.
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
